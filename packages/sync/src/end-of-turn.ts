/** Runs a task when the present turn of the event loop is over. `#end-of-turn` stands for this file, or for `end-of-turn.browser.ts`. */

/** @returns Takes it back. Idempotent. */
export function atEndOfTurn(task: () => void): () => void {
  const immediate = setImmediate(task)
  return () => clearImmediate(immediate)
}
