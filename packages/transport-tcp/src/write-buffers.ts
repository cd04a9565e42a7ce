/**
 * Buffers in which frames wait for their socket, used again by every connection of the
 * process: filling fresh memory costs several times the copying, and a connection that
 * has nothing to send holds none.
 */
import { LARGE_BUFFER_BYTES, MAX_SPARE_BUFFERS, SMALL_BUFFER_BYTES } from './limits.ts'

const spareSmall: Buffer[] = []
const spareLarge: Buffer[] = []

/** A buffer of at least `bytes`, or of `LARGE_BUFFER_BYTES` when that is less. What is in it is left over from earlier. */
export function takeBuffer(bytes: number): Buffer {
  if (bytes > SMALL_BUFFER_BYTES) {
    return spareLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE_BUFFER_BYTES)
  }
  return spareSmall.pop() ?? Buffer.allocUnsafeSlow(SMALL_BUFFER_BYTES)
}

/** Nobody reads the buffer any more. */
export function giveBuffer(buffer: Buffer): void {
  const spare = buffer.length === SMALL_BUFFER_BYTES ? spareSmall : spareLarge
  if (spare.length < MAX_SPARE_BUFFERS) spare.push(buffer)
}
