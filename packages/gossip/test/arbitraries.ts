import fc from 'fast-check'
import { bytesToHex } from '@vudo/wire'

/** So many bytes, in hex. */
export const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(bytesToHex)
