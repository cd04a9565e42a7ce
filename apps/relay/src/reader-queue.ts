/*
 * What waits for one reader, by sender: a sender who is fast must not take the room of the
 * others, and what a reader does not take in time is refused instead of kept.
 */
import type { ClientPort } from './core.ts'
import { MAX_PAIR_FRAMES, RESERVED_SHARE, type RelayLimits } from './limits.ts'

/** Frames of one sender on their way to the reader's socket. */
interface Waiting {
  frames: number
  bytes: number
}

/** The queue in front of one client. It outlives its pairs: who is reset begins with what still waits. */
export class ReaderQueue {
  readonly #port: Pick<ClientPort, 'queuedBytes' | 'write'>
  readonly #limits: Pick<RelayLimits, 'maxQueuedFrames' | 'maxQueuedBytes'>
  readonly #waiting = new Map<string, Waiting>()
  #frames = 0

  constructor(
    port: Pick<ClientPort, 'queuedBytes' | 'write'>,
    limits: Pick<RelayLimits, 'maxQueuedFrames' | 'maxQueuedBytes'>,
  ) {
    this.#port = port
    this.#limits = limits
  }

  /** Whether one more frame of this sender may wait. What is left over is shared; nobody gets more of it than is free. */
  hasRoom(from: string): boolean {
    const { maxQueuedFrames, maxQueuedBytes } = this.#limits
    const { frames, bytes } = this.#waiting.get(from) ?? nothing
    const freeFrames = maxQueuedFrames - this.#frames
    const freeBytes = maxQueuedBytes - this.#port.queuedBytes
    if (frames >= MAX_PAIR_FRAMES || freeFrames <= 0 || freeBytes <= 0) return false
    return (
      (freeFrames > maxQueuedFrames * RESERVED_SHARE || frames < freeFrames) &&
      (freeBytes > maxQueuedBytes * RESERVED_SHARE || bytes < freeBytes)
    )
  }

  /** Writes a frame of a sender, taken over. */
  hand(from: string, frame: Uint8Array): void {
    const waiting = this.#waiting.get(from) ?? { frames: 0, bytes: 0 }
    const { length } = frame
    this.#waiting.set(from, waiting)
    waiting.frames += 1
    waiting.bytes += length
    this.#frames += 1
    this.#port.write(frame, () => {
      this.#frames -= 1
      waiting.frames -= 1
      waiting.bytes -= length
      if (waiting.frames === 0) this.#waiting.delete(from)
    })
  }
}

const nothing: Waiting = { frames: 0, bytes: 0 }
