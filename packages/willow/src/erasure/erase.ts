import {
  areaTo3dRange,
  authoriseEntry,
  createArea,
  createEntry,
  EMPTY_PAYLOAD_DIGEST,
  grantedArea,
  MAX_U64,
  pathPrefixes,
  type Area,
  type AuthorisedEntry,
  type McCapability,
  type Path,
  type Signer,
} from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { MAX_ERASE_ATTEMPTS } from '../limits.ts'
import type { WillowStore } from '../store/store.ts'

/** What is to be erased, and by which right. */
export interface EraseInit {
  /** 32 bytes: in whose subspace. */
  readonly subspaceId: Uint8Array
  /** The entry here and all below it. */
  readonly path: Path
  /** Allows writing at {@link EraseInit.path}. */
  readonly capability: McCapability
  /** The key of the capability's receiver. */
  readonly signer: Signer
  /** What time it is, see `timestampFromUnixMs`. A greater one also keeps out what is written until then. */
  readonly now: bigint
}

/** What was erased here, and what makes others erase it too when they sync. */
export interface Erasure {
  /** An entry with an empty payload, newer than all that was there. Keep it: it is what stops stale copies. */
  readonly tombstone: AuthorisedEntry
  /** Everything that it replaces, here and with whoever receives it. */
  readonly area: Area
  /** Entries that were replaced here, with their payloads; they are destroyed when this is known. */
  readonly erasedCount: number
}

/**
 * Replaces what is at a path and below it by an entry with an empty payload, whose timestamp
 * is `now`, or one more than the newest that is there. Others do the same when they receive
 * it; whoever never syncs again keeps what she has.
 *
 * @throws `WillowError` `ERR_ERASE_IMPOSSIBLE` when no timestamp is greater, or the capability ends before it.
 * @throws `MeadowcapError` `ERR_WRITE_DENIED` when the capability does not cover the path.
 * @throws What `insert` throws.
 */
export async function erase(store: WillowStore, init: EraseInit): Promise<Erasure> {
  const area = createArea({ subspaceId: init.subspaceId, path: init.path })
  let erasedCount = 0
  for (let attempt = 1; attempt <= MAX_ERASE_ATTEMPTS; attempt++) {
    const tombstone = await tombstoneFor(store, init, area)
    const outcome = await store.insert(tombstone)
    if (outcome.status === 'rejected') {
      throw willowError('ERR_ERASE_IMPOSSIBLE', `the store refuses the entry: ${outcome.reason}`)
    }
    if (outcome.status === 'inserted') erasedCount += outcome.prunedCount
    // Somebody may have written something newer since its timestamp was chosen.
    const { count } = await store.summarise(areaTo3dRange(area))
    const isAlone = outcome.status === 'inserted' && count === 1
    if (isAlone) return { tombstone, area, erasedCount }
  }
  throw willowError('ERR_ERASE_IMPOSSIBLE', 'newer entries kept coming while it was erased')
}

async function tombstoneFor(
  store: WillowStore,
  init: EraseInit,
  area: Area,
): Promise<AuthorisedEntry> {
  const { subspaceId, path, capability, signer, now } = init
  const { times } = grantedArea(capability)
  const newest = await newestAround(store, area)
  if (newest === MAX_U64) {
    throw willowError('ERR_ERASE_IMPOSSIBLE', 'an entry there has the greatest timestamp of all')
  }
  const timestamp = greatest(now, times.start, newest === undefined ? 0n : newest + 1n)
  if (times.end !== undefined && timestamp >= times.end) {
    const message = `the capability ends before ${timestamp}, which is newer than all that is there`
    throw willowError('ERR_ERASE_IMPOSSIBLE', message)
  }
  const entry = createEntry({
    namespaceId: store.namespaceId,
    subspaceId,
    path,
    timestamp,
    payloadLength: 0n,
    payloadDigest: EMPTY_PAYLOAD_DIGEST,
  })
  return { entry, token: authoriseEntry(entry, capability, signer) }
}

/** The greatest timestamp of the area and of what stands above it, which would replace the new entry. */
async function newestAround(store: WillowStore, area: Area): Promise<bigint | undefined> {
  const { subspaceId, path } = area
  let { maxTimestamp: newest } = await store.summarise(areaTo3dRange(area))
  for (const prefix of pathPrefixes(path)) {
    const held = await store.get({ subspaceId: subspaceId!, path: prefix })
    if (held && (newest === undefined || held.entry.timestamp > newest)) {
      newest = held.entry.timestamp
    }
  }
  return newest
}

function greatest(...values: readonly bigint[]): bigint {
  return values.reduce((most, value) => (value > most ? value : most))
}
