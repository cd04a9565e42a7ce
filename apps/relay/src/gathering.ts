/** The frames of one turn of the event loop: many for one subject leave as one message. */
import { encodeFrames, FRAMES_ITEM_BYTES, type OutFrame } from './bus-messages.ts'
import { MAX_GATHERED_BYTES } from './limits.ts'

/** See {@link createGathering}. */
export interface Gathering {
  /** Bytes that wait for the end of the turn. */
  readonly waitingBytes: number
  /** Takes a frame, whose bytes must not change any more. Those of one subject keep their order. */
  add(subject: string, frame: OutFrame): void
  /** Sends what is left at once: before anything that says who is where, or that a pair has ended. */
  end(): void
}

interface Waiting {
  readonly frames: OutFrame[]
  bytes: number
}

/**
 * Makes a gathering that calls `send` at the end of the turn. A relay reads some 64 KiB of a
 * client at a time, which are many frames of one pair: the server between the relays and the
 * relay behind it take them apart once instead of each.
 */
export function createGathering(send: (subject: string, bytes: Uint8Array) => void): Gathering {
  const subjects = new Map<string, Waiting>()
  let turn: NodeJS.Immediate | undefined
  let waitingBytes = 0
  const end = (): void => {
    clearImmediate(turn)
    turn = undefined
    waitingBytes = 0
    for (const [subject, { frames }] of subjects) send(subject, encodeFrames(frames))
    subjects.clear()
  }
  return {
    get waitingBytes() {
      return waitingBytes
    },
    add(subject, frame) {
      turn ??= setImmediate(end)
      const size = frame.head.length + frame.frame.length + FRAMES_ITEM_BYTES
      waitingBytes += size
      const known = subjects.get(subject)
      if (known && known.bytes + size <= MAX_GATHERED_BYTES) {
        known.frames.push(frame)
        known.bytes += size
        return
      }
      subjects.set(subject, { frames: [frame], bytes: size })
      if (!known) return
      waitingBytes -= known.bytes
      send(subject, encodeFrames(known.frames))
    },
    end,
  }
}
