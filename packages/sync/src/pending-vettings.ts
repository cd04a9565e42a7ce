import { MAX_VETTINGS } from './limits.ts'

type Task = (refusal: string | undefined) => void

/** Documents that the vetting thread has, and what is to be done with its verdict. */
export class PendingVettings {
  readonly #tasks = new Map<number, Task>()
  #lastToken = 0

  /** True when peers have to wait: what the application opens itself is never turned away. */
  get isFull(): boolean {
    return this.#tasks.size >= MAX_VETTINGS
  }

  /** @returns the token under which the verdict comes. */
  begin(task: Task): number {
    this.#lastToken += 1
    this.#tasks.set(this.#lastToken, task)
    return this.#lastToken
  }

  /** Takes a verdict. */
  settle(token: number, refusal: string | undefined): void {
    const task = this.#tasks.get(token)
    this.#tasks.delete(token)
    task?.(refusal)
  }
}
