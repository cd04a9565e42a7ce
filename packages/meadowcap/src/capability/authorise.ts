import { bytesEqual } from '@vudo/wire'
import { areaIncludesEntry } from '../data/area.ts'
import type { Entry } from '../data/entry.ts'
import { encodeEntry } from '../encoding/encode-entry.ts'
import { MeadowcapError } from '../errors.ts'
import {
  grantedArea,
  receiverOf,
  type AuthorisationToken,
  type McCapability,
} from './capability.ts'
import { assertSigner, type Signer } from './signer.ts'

/**
 * Signs an entry with the right that a capability gives.
 *
 * @param signer - The key of the capability's receiver.
 * @throws `MeadowcapError` `ERR_WRITE_DENIED` when the capability is for reading, for
 *   another namespace, or does not grant the entry's place and time;
 *   `ERR_CAPABILITY_RECEIVER` when the signer does not hold it. The capability itself is
 *   not verified: see `isValidCapability`.
 */
export function authoriseEntry(
  entry: Entry,
  capability: McCapability,
  signer: Signer,
): AuthorisationToken {
  if (capability.accessMode !== 'write') throw denied('is for reading only')
  if (!bytesEqual(capability.namespaceKey, entry.namespaceId)) {
    throw denied('is for another namespace')
  }
  const area = grantedArea(capability)
  if (!areaIncludesEntry(area, entry)) {
    const { end } = area.times
    const isLate = end !== undefined && entry.timestamp >= end
    throw denied(isLate ? 'has expired' : 'does not grant this subspace, path and time')
  }
  assertSigner(signer, receiverOf(capability), "the capability's receiver")
  return Object.freeze({ capability, signature: signer.sign(encodeEntry(entry)) })
}

function denied(why: string): MeadowcapError {
  return new MeadowcapError('ERR_WRITE_DENIED', `the capability ${why}`, {
    hint: 'ask for a capability that allows this write',
  })
}
