import {
  areaIncludes,
  areaIncludesEntry,
  Capability,
  createArea,
  grantedArea,
  isCommunalNamespace,
  timestampFromUnixMs,
  type AccessMode,
  type CapabilityStore,
  type EntryPlace,
  type McCapability,
  type Path,
  type RevocationList,
  type Signer,
} from '@vudo/meadowcap'
import { willowError } from '../errors.ts'

/** What a user may do: what she was granted, and in communal namespaces what is hers by birth. */
export class Rights {
  readonly #signer: Signer
  readonly #capabilities: CapabilityStore
  readonly #revocations: RevocationList

  constructor(signer: Signer, capabilities: CapabilityStore, revocations: RevocationList) {
    this.#signer = signer
    this.#capabilities = capabilities
    this.#revocations = revocations
  }

  /** All of one namespace, the most useful first. */
  all(namespaceId: Uint8Array, access: AccessMode): readonly McCapability[] {
    const { publicKey } = this.#signer
    const granted = this.#capabilities.find({ namespaceId, access, receiver: publicKey })
    if (!isCommunalNamespace(namespaceId)) return granted
    const own = Capability.newRoot({ access, namespace: namespaceId, userKey: publicKey })
    return this.#revocations.isRevoked(own) ? granted : [own, ...granted]
  }

  /**
   * The best one that allows writing at a place and time.
   *
   * @throws `WillowError` `ERR_CAPABILITY_MISSING`.
   */
  toWrite(namespaceId: Uint8Array, place: EntryPlace): McCapability {
    const all = this.all(namespaceId, 'write')
    const found = all.find((capability) => areaIncludesEntry(grantedArea(capability), place))
    if (found) return found
    throw missing(`writing at ${place.path.toString()} in that subspace`, all.length)
  }

  /**
   * The best one that includes what is to be handed on.
   *
   * @throws `WillowError` `ERR_CAPABILITY_MISSING`.
   */
  toGrant(namespaceId: Uint8Array, wanted: WantedGrant): McCapability {
    const all = this.all(namespaceId, wanted.access)
    const found = all.find((capability) => includesGrant(capability, wanted))
    if (found) return found
    throw missing(`${wanted.access === 'read' ? 'reading' : 'writing'} all of it`, all.length)
  }
}

/** What is to be handed on; what is left out is handed on as it is held. */
export interface WantedGrant {
  readonly access: AccessMode
  readonly path: Path | undefined
  readonly subspaceId: Uint8Array | undefined
  readonly expiresAt: bigint | undefined
}

/** The timestamp of a date that somebody chose. @throws `RangeError` when it is no date. */
export function timestampOfDate(date: Date): bigint {
  return timestampFromUnixMs(date.getTime())
}

function includesGrant(capability: McCapability, wanted: WantedGrant): boolean {
  const held = grantedArea(capability)
  const { path = held.path, subspaceId = held.subspaceId, expiresAt = held.times.end } = wanted
  const { start } = held.times
  if (expiresAt !== undefined && expiresAt <= start) return false
  const area = createArea({
    subspaceId,
    path,
    times: { start, end: expiresAt },
  })
  return areaIncludes(held, area)
}

function missing(what: string, count: number): Error {
  const message = `of this user's ${count} capabilities for the namespace none allows ${what}`
  return willowError('ERR_CAPABILITY_MISSING', message)
}
