/**
 * For contenders that keep no message boundaries: a ping ends in a byte that no other message has,
 * so the far end need not count or frame what it reads.
 */
import { PING_BYTES } from './contest.mjs'

/** The ping, and its answer. */
export const ping = new Uint8Array(PING_BYTES).fill(1)

/** What to write: the message, or a ping that can be told from it. */
export function marked(bytes) {
  return bytes.byteLength === PING_BYTES ? ping : bytes
}

/** Tells whether what has been read so far ends in a ping. */
export function endsInPing(chunk) {
  const last = chunk.length - 1
  // libp2p hands on lists of chunks, which have `get` instead of an index.
  return (chunk.get?.(last) ?? chunk[last]) === 1
}

/** Answers of the far end, and whoever waits for the next one. */
export function createPongs() {
  let count = 0
  let wake
  return {
    arrived() {
      if (wake === undefined) count++
      else wake(ping)
      wake = undefined
    },
    receive() {
      if (count === 0) {
        return new Promise((resolve) => {
          wake = resolve
        })
      }
      count--
      return Promise.resolve(ping)
    },
  }
}
