import { MAX_APPENDED_BYTES, MAX_APPENDED_CHANGES } from './limits.ts'
import { appended, none } from './shared-empty.ts'

/** Changes of a document that are in no write yet. */
export class UnstoredChanges {
  /** `undefined` when not all of them were logged. */
  #changes: Uint8Array[] | undefined = none
  #bytes = 0

  /** True when nothing waits. */
  get isEmpty(): boolean {
    return this.#changes?.length === 0
  }

  /** True when so much waits that the next changes may soon need the document open. */
  get isMuch(): boolean {
    const count = this.#changes?.length ?? 0
    return 2 * count > MAX_APPENDED_CHANGES || 2 * this.#bytes > MAX_APPENDED_BYTES
  }

  /** Tells whether so many more can wait, of a document that is not open. */
  hasRoom(count: number, bytes: number): boolean {
    if (!this.#changes) return false
    const isFew = this.#changes.length + count <= MAX_APPENDED_CHANGES
    return isFew && this.#bytes + bytes <= MAX_APPENDED_BYTES
  }

  add(change: Uint8Array): void {
    if (this.#changes) this.#changes = appended(this.#changes, change)
    this.#bytes += change.length
  }

  /** What is new has to be found out in another way, until the next write. */
  lose(): void {
    this.#changes = undefined
  }

  /** Gives all of them to a write; `undefined` when not all of them were logged. */
  take(): readonly Uint8Array[] | undefined {
    const changes = this.#changes
    this.#changes = none
    this.#bytes = 0
    return changes
  }
}
