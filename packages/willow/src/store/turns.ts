/** Lets one task run at a time, in the order in which they came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `task` after all earlier ones, however they ended. */
  take<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => {
      // Whoever asked for it is told; the next one only has to know that it is over.
    })
    return result
  }
}
