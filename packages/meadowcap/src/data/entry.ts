import { bytesEqual, compareBytes } from '@vudo/wire'
import { DIGEST_BYTES, ID_BYTES, MAX_U64 } from '../limits.ts'
import { assertLength } from './ids.ts'
import { comparePaths, isPathPrefix, pathsEqual, type Path } from './path.ts'

/** What is known about a payload: the unit of writing, pruning and syncing (Willow data model, "Entry"). */
export interface Entry {
  /** 32 bytes: the Ed25519 key of the namespace. */
  readonly namespaceId: Uint8Array
  /** 32 bytes: the Ed25519 key of the user whose subspace this is. */
  readonly subspaceId: Uint8Array
  readonly path: Path
  /** A U64; by recommendation microseconds, see `timestampFromUnixMs`. Greater is newer. */
  readonly timestamp: bigint
  /** A U64: bytes of the payload. */
  readonly payloadLength: bigint
  /** 32 bytes: WILLIAM3 of the payload. */
  readonly payloadDigest: Uint8Array
}

/** The part of an entry that areas and ranges look at. */
export type EntryPlace = Pick<Entry, 'subspaceId' | 'path' | 'timestamp'>

/**
 * A frozen entry of these fields. Byte fields are shared, not copied: do not change
 * them afterwards.
 *
 * @throws `RangeError` when an id or digest has another length or a number is no U64.
 */
export function createEntry(init: Entry): Entry {
  const { namespaceId, subspaceId, path, timestamp, payloadLength, payloadDigest } = init
  assertLength(namespaceId, ID_BYTES, 'namespaceId')
  assertLength(subspaceId, ID_BYTES, 'subspaceId')
  assertLength(payloadDigest, DIGEST_BYTES, 'payloadDigest')
  assertU64(timestamp, 'timestamp')
  assertU64(payloadLength, 'payloadLength')
  return Object.freeze({
    namespaceId,
    subspaceId,
    path,
    timestamp,
    payloadLength,
    payloadDigest,
  })
}

/** Tells whether all six fields are equal. */
export function entriesEqual(a: Entry, b: Entry): boolean {
  return (
    a === b ||
    (compareRecency(a, b) === 0 &&
      bytesEqual(a.namespaceId, b.namespaceId) &&
      bytesEqual(a.subspaceId, b.subspaceId) &&
      pathsEqual(a.path, b.path))
  )
}

/**
 * Orders entries from older to newer: by timestamp, then digest, then length. Ids
 * and paths are not compared.
 *
 * @returns a negative number, 0 or a positive number.
 */
export function compareRecency(a: Entry, b: Entry): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1
  const digests = compareBytes(a.payloadDigest, b.payloadDigest)
  if (digests !== 0) return digests
  if (a.payloadLength === b.payloadLength) return 0
  return a.payloadLength < b.payloadLength ? -1 : 1
}

/** Tells whether `a` is newer than `b`: by timestamp, then digest, then length. */
export function isNewer(a: Entry, b: Entry): boolean {
  return compareRecency(a, b) > 0
}

/**
 * Tells whether `newer` removes `older` from every store that holds it: same
 * namespace and subspace, at the same path or one of its prefixes, and newer.
 *
 * This is the rule of the definition of a store. The specification's list of steps
 * for joins differs at equal timestamps; mixing both would keep peers from agreeing.
 */
export function prunes(newer: Entry, older: Entry): boolean {
  return (
    isNewer(newer, older) &&
    isPathPrefix(newer.path, older.path) &&
    bytesEqual(newer.subspaceId, older.subspaceId) &&
    bytesEqual(newer.namespaceId, older.namespaceId)
  )
}

/**
 * Orders entries by namespace, subspace and path: the order in which stores keep them.
 *
 * @returns a negative number, 0 or a positive number.
 */
export function comparePlaces(a: Entry, b: Entry): number {
  return (
    compareBytes(a.namespaceId, b.namespaceId) ||
    compareBytes(a.subspaceId, b.subspaceId) ||
    comparePaths(a.path, b.path)
  )
}

/** Throws a `RangeError` that names `what` unless `value` fits into 64 bits. */
export function assertU64(value: bigint, what: string): void {
  if (typeof value !== 'bigint') throw new TypeError(`${what} is no bigint`)
  if (value < 0n || value > MAX_U64) throw new RangeError(`${what} is ${value}, expected a U64`)
}
