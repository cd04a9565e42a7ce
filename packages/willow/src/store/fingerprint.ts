import {
  encodeCapability,
  writeEntry,
  encodeWith,
  type Entry,
  type McCapability,
} from '@vudo/meadowcap'
import { william3 } from '../william3/william3.ts'

/**
 * What one entry contributes to a fingerprint: WILLIAM3 of `available` as eight big-endian
 * bytes, the capability's canonical code and the entry's (Willow'25, "fingerprints"). The
 * signature is not hashed, so two tokens of one capability count as the same.
 *
 * @returns 32 bytes in a new buffer.
 */
export function entryFingerprint(
  entry: Entry,
  capability: McCapability,
  available: bigint,
): Uint8Array {
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, available)
  return william3(
    encodeWith((sink) => {
      sink.bytes(number)
      sink.bytes(capabilityCode(capability))
      writeEntry(sink, entry)
    }),
  )
}

/** Codes of capabilities that are in use: one capability writes thousands of entries. */
const codes = new WeakMap<McCapability, Uint8Array>()

/** `encode_mc_capability`; shared: nobody may change it. */
export function capabilityCode(capability: McCapability): Uint8Array {
  const known = codes.get(capability)
  if (known) return known
  const code = encodeCapability(capability)
  codes.set(capability, code)
  return code
}
