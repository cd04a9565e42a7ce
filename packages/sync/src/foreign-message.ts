import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import { ChunkCursor, damaged } from './chunk-cursor.ts'
import { MAX_BLOOM_PROBES, MAX_HEADS, MAX_NEEDED_CHANGES } from './limits.ts'

/*
 * A message of Automerge's sync protocol (automerge/automerge:rust/automerge/src/sync.rs),
 * taken apart without Automerge: heads, what the sender needs, what it has (last common
 * heads and a Bloom filter), changes, and capabilities. Automerge itself would inflate
 * the changes without a limit while it reads the message, and would believe the filter's
 * numbers; so it is shown the rest only after the changes are out of it.
 */

/** What a message says, with views into the bytes that were given. */
export interface ForeignMessage {
  /** The newest changes of its sender, as hex. */
  readonly heads: readonly string[]
  /** Chunks: single changes, or one saved document. */
  readonly changes: readonly Uint8Array[]
  /** The same message with no changes in it. */
  readonly withoutChanges: Uint8Array
}

const versions = new Set([0x42, 0x43])
const HASH_BYTES = 32

/**
 * Takes a message of a foreign peer apart.
 *
 * @throws `SyncError` `ERR_SYNC_PROTOCOL`, whatever the bytes are.
 */
export function readForeignMessage(bytes: Uint8Array): ForeignMessage {
  const cursor = beginMessage(bytes)
  const heads = takeHashes(cursor, MAX_HEADS)
  takeHashes(cursor, MAX_NEEDED_CHANGES)
  takeHave(cursor)
  const before = bytes.subarray(0, cursor.position)
  const changes: Uint8Array[] = []
  // Each takes a byte at least, so their number is bounded by what came.
  for (let left = cursor.unsigned(); left > 0; left--) changes.push(cursor.take(cursor.unsigned()))
  const after = bytes.subarray(cursor.position)
  const withoutChanges = changes.length === 0 ? bytes : concatBytes(before, Uint8Array.of(0), after)
  return { heads, changes, withoutChanges }
}

/** A message of our own that asks for more changes than Automerge knows to ask for. */
export function withNeeds(bytes: Uint8Array, hashes: readonly string[]): Uint8Array {
  const cursor = beginMessage(bytes)
  takeHashes(cursor, MAX_HEADS)
  const before = bytes.subarray(0, cursor.position)
  const needs = [...new Set([...takeHashes(cursor, MAX_NEEDED_CHANGES), ...hashes])]
  const after = bytes.subarray(cursor.position)
  const few = needs.slice(0, MAX_NEEDED_CHANGES)
  return concatBytes(before, writeUnsigned(few.length), hexToBytes(few.join('')), after)
}

function beginMessage(bytes: Uint8Array): ChunkCursor {
  const [version] = bytes
  if (version === undefined || !versions.has(version)) throw damaged('no sync message')
  return new ChunkCursor(bytes, 1)
}

function takeHashes(cursor: ChunkCursor, most: number): string[] {
  const count = cursor.unsigned()
  if (count > most) throw damaged(`${count} hashes, expected at most ${most}`)
  return Array.from({ length: count }, () => bytesToHex(cursor.take(HASH_BYTES)))
}

function takeHave(cursor: ChunkCursor): void {
  const count = cursor.unsigned()
  // Programs send one, or none after a reset.
  if (count > 2) throw damaged(`${count} Bloom filters`)
  for (let left = count; left > 0; left--) {
    takeHashes(cursor, MAX_HEADS)
    checkFilter(cursor.take(cursor.unsigned()))
  }
}

/** Each probe is computed for each change of ours: a filter may not ask for more than filters have. */
function checkFilter(filter: Uint8Array): void {
  if (filter.length === 0) return
  const cursor = new ChunkCursor(filter)
  const entries = cursor.unsigned()
  const bitsPerEntry = cursor.unsigned()
  const probes = cursor.unsigned()
  if (probes > MAX_BLOOM_PROBES) throw damaged(`a Bloom filter of ${probes} probes`)
  const bytes = Math.ceil((entries * bitsPerEntry) / 8)
  if (bytes !== filter.length - cursor.position) throw damaged('a Bloom filter of another length')
  // Automerge divides by it.
  if (entries > 0 && bytes === 0) throw damaged('a Bloom filter without bits')
}

function writeUnsigned(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest > 127 ? (rest % 128) + 128 : rest)
    if (rest <= 127) return Uint8Array.from(bytes)
  }
}
