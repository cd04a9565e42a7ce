/** Writing, reading and listing entries in a store, by people's rules rather than Willow's. */
import {
  authoriseEntry,
  createArea,
  createEntry,
  EMPTY_PAYLOAD_DIGEST,
  entriesEqual,
  MAX_U64,
  pathPrefixes,
  timestampFromUnixMs,
  type AuthorisedEntry,
  type Entry,
  type EntryPlace,
  type McCapability,
  type Path,
  type Signer,
} from '@vudo/meadowcap'
import { isWillowError, willowError } from '../errors.ts'
import { MAX_READ_BYTES, MAX_WRITE_ATTEMPTS } from '../limits.ts'
import type { EntryAddress, HeldEntry, WillowStore } from '../store/store.ts'
import { Turns } from '../store/turns.ts'
import { william3 } from '../william3/william3.ts'
import { aheadMs, type FuturePolicy } from './future.ts'
import type { Rights } from './rights.ts'

/** What is to be written, and by whom. */
export interface EntryWrite extends EntryAddress {
  /** At least one byte. Must not change before the call has settled. */
  readonly data: Uint8Array
  readonly capability: McCapability | undefined
  readonly signer: Signer
  readonly rights: Rights
  readonly future: FuturePolicy
}

/** Between the look at what stands there and the insertion no other write of this device may come. */
const turnsByStore = new WeakMap<WillowStore, Turns>()

/**
 * Writes an entry, newer than what it replaces, and its bytes.
 *
 * @throws as `Willow.writeEntry`.
 */
export async function writeEntryTo(store: WillowStore, write: EntryWrite): Promise<HeldEntry> {
  assertWritable(write.data)
  const turns = turnsByStore.get(store) ?? new Turns()
  turnsByStore.set(store, turns)
  const entry = await turns.take(() => insertNewest(store, write))
  return writeBytes(store, entry, write.data)
}

async function insertNewest(store: WillowStore, write: EntryWrite): Promise<Entry> {
  const payloadDigest = william3(write.data)
  for (let attempt = 1; attempt <= MAX_WRITE_ATTEMPTS; attempt++) {
    await assertNothingBelow(store, write)
    const entry = createEntry({
      namespaceId: store.namespaceId,
      subspaceId: write.subspaceId,
      path: write.path,
      timestamp: await nextTimestamp(store, write),
      payloadLength: BigInt(write.data.length),
      payloadDigest,
    })
    if (await insertEntry(store, entry, write)) return entry
  }
  throw willowError('ERR_ENTRY_OBSOLETE', 'others kept writing at the path at the same time')
}

/** Tells whether it is in the store now; not when somebody else was faster. */
async function insertEntry(store: WillowStore, entry: Entry, write: EntryWrite): Promise<boolean> {
  const capability = write.capability ?? write.rights.toWrite(store.namespaceId, entry)
  const token = authoriseEntry(entry, capability, write.signer)
  const outcome = await store.insert({ entry, token })
  if (outcome.status === 'rejected') {
    throw willowError('ERR_WRITE_REFUSED', `the store refuses the entry: ${outcome.reason}`)
  }
  return outcome.status !== 'obsolete'
}

async function writeBytes(store: WillowStore, entry: Entry, data: Uint8Array): Promise<HeldEntry> {
  try {
    const writer = await store.writePayload(entry)
    try {
      await writer.write(data)
    } finally {
      await writer.close()
    }
  } catch (error) {
    if (!isWillowError(error) || error.code !== 'ERR_ENTRY_GONE') throw error
    const held = await store.get(entry)
    // A later write took its place meanwhile: this one is as good as done.
    if (held && !entriesEqual(held.entry, entry)) return held
    if (held) throw error
  }
  const held = await store.get(entry)
  if (held) return held
  throw willowError('ERR_ENTRY_OBSOLETE', 'it was erased while it was written')
}

/**
 * The bytes at a place, all of them; `undefined` when nothing is there.
 *
 * @throws as `Willow.readEntry`.
 */
export async function readEntryOf(
  store: WillowStore,
  address: EntryAddress,
): Promise<Uint8Array | undefined> {
  const held = await store.get(address)
  if (!held || held.entry.payloadLength === 0n) return undefined
  const { payloadLength } = held.entry
  if (payloadLength > MAX_READ_BYTES) throw tooLarge(payloadLength)
  if (held.available < payloadLength) {
    const message = `${held.available} of ${payloadLength} bytes are here`
    throw willowError('ERR_PAYLOAD_PENDING', message)
  }
  const bytes = new Uint8Array(Number(payloadLength))
  let at = 0
  for await (const piece of (await store.readPayload(address)) ?? []) {
    // Another entry may have come to the place since it was looked at.
    if (at + piece.length > bytes.length) return readEntryOf(store, address)
    bytes.set(piece, at)
    at += piece.length
  }
  return at === bytes.length ? bytes : readEntryOf(store, address)
}

function assertWritable(data: Uint8Array): void {
  if (!(data instanceof Uint8Array)) throw new TypeError('data is no Uint8Array')
  if (data.length === 0) {
    throw new RangeError('data has no bytes, which is how Willow erases: call erase')
  }
  if (data.length > MAX_READ_BYTES) throw tooLarge(BigInt(data.length))
}

/** Willow removes what is below a path when the path is written: too surprising to happen by the way. */
async function assertNothingBelow(
  store: WillowStore,
  { subspaceId, path }: EntryAddress,
): Promise<void> {
  for await (const { entry } of store.query(createArea({ subspaceId, path }))) {
    if (entry.path.length === path.length || entry.payloadLength === 0n) continue
    const message = `writing at ${path.toString()} would erase ${entry.path.toString()} below it`
    throw willowError('ERR_WRITE_WOULD_ERASE', message)
  }
}

/**
 * Now, or a moment after what is to be replaced: clocks tick in milliseconds and differ. Not
 * after something dated so far ahead that it was meant, or made by a clock that is wrong.
 */
async function nextTimestamp(store: WillowStore, write: EntryWrite): Promise<bigint> {
  const { future, subspaceId, path } = write
  const nowMs = future.nowMs()
  const now = timestampFromUnixMs(nowMs)
  const newest = await newestAbove(store, { subspaceId, path })
  if (newest === undefined || newest < now) return now
  if (newest < MAX_U64 && aheadMs(newest, nowMs) <= future.maxAheadMs) return newest + 1n
  const message = `what stands at or above ${path.toString()} is dated ${Math.round(aheadMs(newest, nowMs) / 1000)} s ahead`
  throw willowError('ERR_ENTRY_OBSOLETE', message)
}

async function newestAbove(
  store: WillowStore,
  { subspaceId, path }: EntryAddress,
): Promise<bigint | undefined> {
  let newest: bigint | undefined
  for (const prefix of pathPrefixes(path)) {
    const timestamp = (await store.get({ subspaceId, path: prefix }))?.entry.timestamp
    if (timestamp !== undefined && (newest === undefined || timestamp > newest)) newest = timestamp
  }
  return newest
}

/**
 * An entry without bytes, signed.
 *
 * @throws `WillowError` `ERR_CAPABILITY_MISSING`.
 */
export function signTombstone(
  namespaceId: Uint8Array,
  place: EntryPlace,
  { rights, signer }: Pick<EntryWrite, 'rights' | 'signer'>,
): AuthorisedEntry {
  const { subspaceId, path, timestamp } = place
  const entry = createEntry({
    namespaceId,
    subspaceId,
    path,
    timestamp,
    payloadLength: 0n,
    payloadDigest: EMPTY_PAYLOAD_DIGEST,
  })
  const capability = rights.toWrite(namespaceId, entry)
  return { entry, token: authoriseEntry(entry, capability, signer) }
}

/** The subspaces that have something at a path or below it. */
export async function subspacesWithEntries(store: WillowStore, path: Path): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  for await (const { entry } of store.query(createArea({ path }))) {
    const last = found.at(-1)
    // They come in the order of subspaces.
    const isNew = last === undefined || !last.every((byte, at) => byte === entry.subspaceId[at])
    if (isNew && entry.payloadLength > 0n) found.push(entry.subspaceId)
  }
  return found
}

function tooLarge(bytes: bigint): Error {
  const message = `the entry has ${bytes} bytes, at most ${MAX_READ_BYTES} in one piece`
  return willowError('ERR_PAYLOAD_LARGE', message)
}
