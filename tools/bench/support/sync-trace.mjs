/** The editing trace of tools/bench/data: keystrokes of a paper, one change each. */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** Where it lies. */
export const traceFile = new URL('../data/automerge-paper.json.gz', import.meta.url)

/** Tells whether there is one. */
export function hasTrace(file) {
  return existsSync(file)
}

/** `[position, charactersDeleted, textInserted]` of each keystroke; all when `count` is 0. */
export function readTrace(file, count) {
  const { txns } = JSON.parse(gunzipSync(readFileSync(file)))
  const patches = txns.flatMap((transaction) => transaction.patches)
  return count > 0 ? patches.slice(0, count) : patches
}

/** A keystroke for a text of so many characters, which may be shorter than that of the trace. */
export function fitted([at, removed, inserted], length) {
  const position = Math.min(at, length)
  return [position, Math.min(removed, length - position), inserted]
}
