/**
 * Where things lie in the key-value store, `docs/wire-formats/willow-store.md`. The first byte
 * says what a record is.
 *
 * A path's sort key can have 16,384 bytes and a key of the storage 1,024. So a longer one is
 * cut, and the hash of the whole follows: such keys are in order up to the cut, and who reads
 * them puts those that share it in order by the whole, which their records have.
 */
import { ID_BYTES } from '@vudo/meadowcap'
import { william3 } from '../william3/william3.ts'
import { bytesToText, textToBytes, type Place } from './place.ts'
import type { PayloadId } from '../payloads/vault.ts'

/** Bytes of a sort key that a key of the storage has room for. */
export const MAX_KEPT_SORT_KEY_BYTES = 896
/** Characters of a sort key that was cut: what is kept, and the hash of the whole. */
const cutLength = MAX_KEPT_SORT_KEY_BYTES + 32
const timestampBytes = 8

const space = {
  meta: 0,
  entry: 1,
  time: 2,
  path: 3,
  page: 4,
  dirty: 5,
  doomed: 6,
  pending: 7,
  rule: 8,
} as const

/** The key of what is said of the whole store. */
export const metaKey: Uint8Array = Uint8Array.of(space.meta)
/** The key of the entry whose pruning is not complete. */
export const pendingKey: Uint8Array = Uint8Array.of(space.pending)
/** In front of all saved pages. */
export const pagePrefix: Uint8Array = Uint8Array.of(space.page)
/** In front of the numbers of all pages that differ from what was saved. */
export const dirtyPrefix: Uint8Array = Uint8Array.of(space.dirty)
/** In front of the names of all payloads that are to be destroyed. */
export const doomedPrefix: Uint8Array = Uint8Array.of(space.doomed)
/** In front of all deny rules. */
export const rulePrefix: Uint8Array = Uint8Array.of(space.rule)

/** Of a page, or, with {@link dirtyPrefix}, of its mark. */
export function numberKey(prefix: Uint8Array, id: number): Uint8Array {
  const key = new Uint8Array(1 + 8)
  key.set(prefix)
  new DataView(key.buffer).setBigUint64(1, BigInt(id))
  return key
}

/** Undoes {@link numberKey}. */
export function numberOfKey(key: Uint8Array): number {
  return Number(new DataView(key.buffer, key.byteOffset).getBigUint64(1))
}

/** Of the name of a payload that is to be destroyed. */
export function doomedKey(id: PayloadId): Uint8Array {
  return textToBytes(bytesToText(doomedPrefix) + bytesToText(id))
}

/** Of a deny rule. */
export function ruleKey(code: Uint8Array): Uint8Array {
  return textToBytes(bytesToText(rulePrefix) + bytesToText(william3(code)))
}

/** The three keys of one entry. */
export interface EntryKeys {
  readonly entry: Uint8Array
  readonly time: Uint8Array
  readonly path: Uint8Array
}

/** The keys of an entry: its record's, and those of the orders by time and by path. */
export function entryKeysOf(place: Place, timestamp: bigint): EntryKeys {
  const kept = keptPlace(place)
  const pathLength = kept.length - ID_BYTES
  const entry = new Uint8Array(1 + kept.length)
  entry[0] = space.entry
  for (let at = 0; at < kept.length; at++) entry[at + 1] = kept.charCodeAt(at)
  const subspaceAndPath = entry.subarray(1)
  const time = new Uint8Array(1 + timestampBytes + kept.length)
  time[0] = space.time
  new DataView(time.buffer).setBigUint64(1, timestamp)
  time.set(subspaceAndPath, 1 + timestampBytes)
  // Two zero bytes end the path: no component begins with them, and they come before whatever does.
  const path = new Uint8Array(1 + pathLength + 2 + timestampBytes + ID_BYTES)
  path[0] = space.path
  path.set(subspaceAndPath.subarray(ID_BYTES), 1)
  path.set(time.subarray(1, 1 + timestampBytes), 1 + pathLength + 2)
  path.set(subspaceAndPath.subarray(0, ID_BYTES), 1 + pathLength + 2 + timestampBytes)
  return { entry, time, path }
}

/** The key of an entry's record. */
export function entryKeyOf(place: Place): Uint8Array {
  return keyOfText(space.entry, keptPlace(place))
}

/** Bounds for a scan over at least the records from `low` on and before `high`. */
export function entryBounds(
  low: Place,
  high: Place | undefined,
): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const from = keyOfText(space.entry, low.slice(0, ID_BYTES + MAX_KEPT_SORT_KEY_BYTES))
  if (high === undefined) return { from, to: Uint8Array.of(space.entry + 1) }
  return { from, to: keyOfText(space.entry, endOf(high, ID_BYTES)) }
}

/** Bounds for a scan over all records of a time range in the order of time. */
export function timeBounds(
  from: bigint,
  to: bigint | undefined,
): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const end = to === undefined ? Uint8Array.of(space.time + 1) : timeKey(to)
  return { from: timeKey(from), to: end }
}

/** Bounds for a scan over at least the records of a range of paths in the order of paths. */
export function pathBounds(
  from: string,
  to: string | undefined,
): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const start = keyOfText(space.path, from.slice(0, MAX_KEPT_SORT_KEY_BYTES))
  if (to === undefined) return { from: start, to: Uint8Array.of(space.path + 1) }
  return { from: start, to: keyOfText(space.path, endOf(to, 0)) }
}

/** What a key of any of the three orders says. */
export interface KeyParts {
  /** Subspace and sort key, cut if it is long: fit for {@link entryKeyOfKept}. */
  readonly kept: string
  /** Whether the sort key was cut. */
  readonly isCut: boolean
}

/** What a key of the orders by time and by path says. */
export interface TimedParts extends KeyParts {
  readonly timestamp: bigint
}

/** Tells whether the key of an entry's record holds a sort key that was cut. */
export function isCutEntryKey(key: Uint8Array): boolean {
  return key.length === 1 + ID_BYTES + cutLength
}

/** Of a key in the order of time, with the timestamp. */
export function partsOfTimeKey(key: Uint8Array): TimedParts {
  const timestamp = new DataView(key.buffer, key.byteOffset).getBigUint64(1)
  return { ...partsOf(bytesToText(key.subarray(1 + timestampBytes))), timestamp }
}

/** Of a key in the order of paths, with the timestamp. */
export function partsOfPathKey(key: Uint8Array): TimedParts {
  const pathEnd = key.length - ID_BYTES - timestampBytes - 2
  const timestamp = new DataView(key.buffer, key.byteOffset).getBigUint64(pathEnd + 2)
  const subspace = bytesToText(key.subarray(-ID_BYTES))
  return { ...partsOf(subspace + bytesToText(key.subarray(1, pathEnd))), timestamp }
}

/** The key of a record, from what a key of another order says. */
export function entryKeyOfKept(kept: string): Uint8Array {
  return keyOfText(space.entry, kept)
}

/** Tells whether the record of a place must hold the sort key, because its key cannot. */
export function isCutPlace(place: Place): boolean {
  return place.length > ID_BYTES + MAX_KEPT_SORT_KEY_BYTES
}

function partsOf(kept: string): KeyParts {
  return { kept, isCut: kept.length === ID_BYTES + cutLength }
}

function keptPlace(place: Place): string {
  if (!isCutPlace(place)) return place
  const hash = william3(textToBytes(place.slice(ID_BYTES)))
  return place.slice(0, ID_BYTES + MAX_KEPT_SORT_KEY_BYTES) + bytesToText(hash)
}

/** A key after all that share what is kept of a long text, whose order is not known from their keys; a short one as it is. */
function endOf(text: string, before: number): string {
  const kept = text.slice(0, before + MAX_KEPT_SORT_KEY_BYTES)
  return kept.length === text.length ? text : kept + '\u00ff'.repeat(33)
}

function keyOfText(first: number, text: string): Uint8Array {
  const key = new Uint8Array(1 + text.length)
  key[0] = first
  for (let at = 0; at < text.length; at++) key[at + 1] = text.charCodeAt(at)
  return key
}

function timeKey(timestamp: bigint): Uint8Array {
  const key = new Uint8Array(1 + timestampBytes)
  key[0] = space.time
  new DataView(key.buffer).setBigUint64(1, timestamp)
  return key
}
