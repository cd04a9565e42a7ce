import { LARGE_BUFFER_BYTES, MAX_SPARE_BUFFERS } from './limits.ts'

/**
 * Buffers of one link, used again once the far end has confirmed what was in them. The
 * stack does not tell when it is done with a buffer, but whoever has read the bytes
 * must have been sent them. Fresh memory for every buffer makes the garbage collector
 * walk the whole heap twice as often: that alone cost 60 % more CPU per MiB.
 *
 * Of one link and not of the process: a far end that confirms what it has not read
 * spoils only what it is sent itself.
 */
export interface BufferRing {
  /** A buffer of `LARGE_BUFFER_BYTES`. What is in it is left over from earlier. */
  take(): Buffer
  /** The stack has it, and is done with it when the far end has confirmed `until`, counted from the beginning. */
  sent(buffer: Buffer, until: number): void
  /** The far end has read so much more. */
  confirm(cost: number): void
  /** Nothing is being sent: lets go of the memory. */
  drop(): void
}

/** Makes a ring without a buffer. */
export function createBufferRing(): BufferRing {
  let spare: Buffer[] = []
  let underWay: { readonly buffer: Buffer; readonly until: number }[] = []
  let confirmed = 0
  return {
    take: () => spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BUFFER_BYTES),
    sent(buffer, until) {
      if (buffer.length === LARGE_BUFFER_BYTES) underWay.push({ buffer, until })
    },
    confirm(cost) {
      confirmed += cost
      let first = underWay[0]
      while (first && first.until <= confirmed) {
        underWay.shift()
        if (spare.length < MAX_SPARE_BUFFERS) spare.push(first.buffer)
        first = underWay[0]
      }
    },
    drop() {
      spare = []
      underWay = []
    },
  }
}
