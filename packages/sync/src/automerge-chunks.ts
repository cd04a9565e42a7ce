import { sha256 } from '@vudo/identity'
import { bytesToHex } from '@vudo/wire'
import { createBatchBudget, type BatchBudget } from './batch-budget.ts'
import { claimedOperations, readChangeTable } from './change-table.ts'
import type { ChangeTable, Columns, TableSource } from './change-table.ts'
import { ChunkCursor, damaged } from './chunk-cursor.ts'
import { inflateBounded } from './deflate.ts'
import { assertShallow } from './object-depth.ts'
import { assertOrdered } from './operation-order.ts'
import { isSyncError, SyncError } from './errors.ts'
import {
  MAX_ACTORS,
  MAX_BUNDLE_DEPENDENCIES,
  MAX_COLUMNS,
  MAX_DOCUMENT_BYTES,
  MAX_HEADS,
} from './limits.ts'

/*
 * Looks into Automerge's binary format (automerge.org/automerge-binary-format-spec)
 * without Automerge, for two reasons. Who made a change must be known before it is
 * applied. And a few bytes can stand for millions of operations, by run lengths:
 * they are summed here, before anything is built out of them.
 */

/** What the bytes of one change say about it. */
export interface ChangeHeader {
  /** Hex, as everything that is named by its bytes. */
  readonly hash: string
  readonly actor: string
  readonly seq: number
  readonly deps: readonly string[]
  /** The chunk, a view into what was given. */
  readonly bytes: Uint8Array
  readonly operations: number
  /** The number of its first operation. */
  readonly startOp: number
  /** The number of its last operation, by what its operations do: true of a change that Automerge has put together. */
  readonly maxOp: number
  /** It makes maps, lists or texts, so it can nest. */
  readonly hasContainers: boolean
  /** It marks text, or does what only later versions know. */
  readonly hasMarks: boolean
}

const chunkTypes = { document: 0, change: 1, deflated: 2, bundle: 3 } as const
const magic = [0x85, 0x6f, 0x4a, 0x83]
const headerBytes = 9
const HASH_BYTES = 32

/** The column of what operations do, without the bit that says "deflated". */
const actionColumn = 0x42
const deflatedBit = 8
/** The lowest three bits of a column's number say how its bytes are to be read. */
const columnTypes = { group: 0, delta: 3, boolean: 4, text: 5, rawValues: 7 } as const
const typeBits = 7
const makingActions = new Set([0, 2, 4, 6])
const markAction = 7

/**
 * Takes single changes, one after the other, apart.
 *
 * @param budget - What the batch may still become; by default that of a batch of `bytes`.
 * @throws `SyncError` `ERR_SYNC_PROTOCOL` for damaged bytes, `ERR_DOCUMENT_TOO_LARGE`, `ERR_VALUE_UNSUPPORTED`.
 */
export function readChanges(
  bytes: Uint8Array,
  budget: BatchBudget = createBatchBudget(bytes.length),
): ChangeHeader[] {
  const headers: ChangeHeader[] = []
  for (let at = 0; at < bytes.length;) {
    const chunk = readChunk(bytes, at, budget)
    if (!isChange(chunk)) throw damaged('a saved document among changes')
    headers.push(readChange(chunk, budget))
    at = chunk.end
  }
  return headers
}

/**
 * Vets a saved document without opening it.
 *
 * @param budget - As for {@link readChanges}.
 * @throws as {@link readChanges}.
 */
export function vetDocument(
  bytes: Uint8Array,
  budget: BatchBudget = createBatchBudget(bytes.length),
): SavedHeader {
  const { reader, actors, heads, changeColumns, operationColumns } = readSaved(bytes, budget)
  const changes = vetColumns(reader, changeColumns, budget)
  const { rows, actions, hasContainers, columns } = vetColumns(reader, operationColumns, budget)
  budget.takeOperations(Math.max(changes.rows, rows))
  if (hasContainers) assertShallow(columns)
  assertOrdered(actors, changes.columns, { columns, rows: actions })
  const table = { format: 'document', columns: changes.columns, actors, outside: [] } as const
  return { actors, heads, hasContainers, table, operations: columns }
}

/** A saved document up to its columns, which the reader stands before. */
interface SavedHead {
  readonly reader: ChunkCursor
  readonly actors: readonly string[]
  readonly heads: readonly string[]
  readonly changeColumns: readonly Column[]
  readonly operationColumns: readonly Column[]
}

function readSaved(bytes: Uint8Array, budget: BatchBudget): SavedHead {
  const chunk = readChunk(bytes, 0, budget)
  if (chunk.type !== chunkTypes.document || chunk.end !== bytes.length) {
    throw damaged('not one saved document')
  }
  const reader = new ChunkCursor(chunk.body)
  const actors = takeActors(reader)
  const heads = takeHeads(reader)
  const changeColumns = readColumns(reader)
  return { reader, actors, heads, changeColumns, operationColumns: readColumns(reader) }
}

/** What a saved document says about itself; only opening it tells whether that is true. */
export interface SavedHeader extends VettedTable {
  /** Hex. */
  readonly actors: readonly string[]
  /** Sorted. */
  readonly heads: readonly string[]
  /** The columns of its operations. */
  readonly operations: Columns
}

/** Many changes in one chunk, which were vetted. */
export interface VettedTable {
  /** They make maps, lists or texts, so they can nest. */
  readonly hasContainers: boolean
  /** For `readChangeTable`. */
  readonly table: TableSource
}

/**
 * Vets a bundle (`saveBundle`, chunk type 3): some changes in the columns of a saved
 * document, with the hashes of what they build on. As exactly as a saved document; the
 * operations that its changes claim are counted as well, as no column has to hold them.
 *
 * @param budget - As for {@link readChanges}.
 * @throws as {@link readChanges}.
 */
export function vetBundle(
  bytes: Uint8Array,
  budget: BatchBudget = createBatchBudget(bytes.length),
): VettedTable {
  const chunk = readChunk(bytes, 0, budget)
  if (chunk.type !== chunkTypes.bundle || chunk.end !== bytes.length) throw damaged('no bundle')
  const reader = new ChunkCursor(chunk.body)
  const count = reader.unsigned()
  if (count > MAX_BUNDLE_DEPENDENCIES) throw tooMuch(`${count} dependencies of a bundle`)
  const outside = Array.from({ length: count }, () => bytesToHex(reader.take(HASH_BYTES)))
  const actors = takeActors(reader)
  const { rows, columns } = vetColumns(reader, readColumns(reader), budget)
  const operations = vetColumns(reader, readColumns(reader), budget)
  if (!reader.isAtEnd) throw damaged('a bundle goes on after its end')
  budget.takeOperations(Math.max(rows, operations.rows, claimedOperations(columns)))
  const table = { format: 'bundle', columns, actors, outside } as const
  return { hasContainers: operations.hasContainers, table }
}

/** What is looked at in changes of our own, which need no vetting. */
export interface ChangeOutline {
  readonly actor: string
  /** Hashes the change. */
  readonly hash: () => string
}

/** Who made each of our own changes, one after the other in `bytes`. @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE` when they inflate to more than a peer would take. */
export function outlineChanges(bytes: Uint8Array): ChangeOutline[] {
  const outlines: ChangeOutline[] = []
  const budget = createBatchBudget(MAX_DOCUMENT_BYTES)
  for (let at = 0; at < bytes.length;) {
    const frame = new ChunkCursor(bytes, at + headerBytes)
    const packed = frame.take(frame.unsigned())
    const isDeflated = bytes[at + headerBytes - 1] === chunkTypes.deflated
    const body = isDeflated ? inflateBounded(packed, budget) : packed
    const reader = new ChunkCursor(body)
    reader.take(reader.unsigned() * HASH_BYTES)
    const actor = bytesToHex(reader.take(reader.unsigned()))
    outlines.push({ actor, hash: () => bytesToHex(chunkHash(chunkTypes.change, body)) })
    at = frame.position
  }
  return outlines
}

/** The column of the keys of maps that operations write to, without the bit that says "deflated". */
const keyColumn = 0x15

/**
 * The columns of the keys that operations write, of each chunk of a stored document: enough
 * to see that a key is in none of them.
 *
 * @throws `SyncError` `ERR_SYNC_PROTOCOL` for damaged bytes, `ERR_DOCUMENT_TOO_LARGE`.
 */
export function keyColumns(bytes: Uint8Array): Uint8Array[] {
  const budget = createBatchBudget(MAX_DOCUMENT_BYTES)
  const found: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const chunk = readChunk(bytes, at, budget)
    at = chunk.end
    const reader = new ChunkCursor(chunk.body)
    const before = isChange(chunk) ? [] : skipToColumns(chunk, reader)
    if (isChange(chunk)) skipHead(reader)
    const columns = readColumns(reader)
    for (const { bytes: length } of before) reader.take(length)
    for (const { kind, bytes: length } of columns) {
      const raw = reader.take(length)
      if ((kind & ~deflatedBit) !== keyColumn) continue
      found.push((kind & deflatedBit) > 0 ? inflateBounded(raw, budget) : raw)
    }
  }
  return found
}

/** @returns the columns of the changes. */
function skipToColumns({ type }: Chunk, reader: ChunkCursor): Column[] {
  if (type === chunkTypes.bundle) throw damaged('a bundle in a store')
  takeActors(reader)
  reader.take(reader.unsigned() * HASH_BYTES)
  return readColumns(reader)
}

function skipHead(reader: ChunkCursor): void {
  reader.take(reader.unsigned() * HASH_BYTES)
  reader.take(reader.unsigned()) // actor
  reader.unsigned() // seq
  reader.unsigned() // the first operation's number
  reader.signed() // time
  reader.take(reader.unsigned()) // message
  takeActors(reader)
}

/** Tells whether changes come as a bundle; nothing of it is vetted. */
export function isBundleChunk(bytes: Uint8Array): boolean {
  return bytes[headerBytes - 1] === chunkTypes.bundle
}

/** The changes of a saved document that Automerge has just made, whose operations need no look; `undefined` when it is larger than a batch may be. */
export function tableOfSaved(bytes: Uint8Array): ChangeTable | undefined {
  const budget = createBatchBudget(bytes.length)
  try {
    const { reader, actors, changeColumns } = readSaved(bytes, budget)
    const { columns } = vetColumns(reader, changeColumns, budget)
    return readChangeTable({ format: 'document', columns, actors, outside: [] })
  } catch (error) {
    if (!isSyncError(error)) throw error
    return undefined
  }
}

function isChange({ type }: Chunk): boolean {
  return type === chunkTypes.change || type === chunkTypes.deflated
}

/** The actors that a saved document of our own store names; it was vetted when it came. @throws `SyncError` `ERR_SYNC_PROTOCOL`. */
export function actorsOfSaved(bytes: Uint8Array): readonly string[] {
  const reader = new ChunkCursor(bytes, headerBytes)
  reader.unsigned() // bytes of the body
  return takeActors(reader)
}

/** The heads that a vetted saved document says it has, sorted. @throws `SyncError` `ERR_SYNC_PROTOCOL`. */
export function headsOfSaved(bytes: Uint8Array): readonly string[] {
  const reader = new ChunkCursor(bytes, headerBytes)
  reader.unsigned() // bytes of the body
  takeActors(reader)
  return takeHeads(reader)
}

/** Sorted. */
function takeHeads(reader: ChunkCursor): readonly string[] {
  const count = reader.unsigned()
  if (count > MAX_HEADS) throw tooMuch(`${count} heads`)
  return Array.from({ length: count }, () => bytesToHex(reader.take(HASH_BYTES))).toSorted()
}

interface Chunk {
  readonly type: number
  readonly bytes: Uint8Array
  /** Inflated. */
  readonly body: Uint8Array
  readonly hash: string
  readonly end: number
}

function readChunk(bytes: Uint8Array, at: number, budget: BatchBudget): Chunk {
  if (magic.some((byte, index) => bytes[at + index] !== byte)) throw damaged('no chunk')
  const reader = new ChunkCursor(bytes, at + headerBytes)
  const type = bytes[at + headerBytes - 1]
  const body = reader.take(reader.unsigned())
  if (type === undefined || type > chunkTypes.bundle) throw damaged(`chunk of type ${type}`)
  const inflated = type === chunkTypes.deflated ? inflateBounded(body, budget) : body
  const hash = chunkHash(type === chunkTypes.deflated ? chunkTypes.change : type, inflated)
  if (hash.subarray(0, 4).some((byte, index) => byte !== bytes[at + 4 + index])) {
    throw damaged('checksum of a chunk')
  }
  const end = reader.position
  return { type, bytes: bytes.subarray(at, end), body: inflated, hash: bytesToHex(hash), end }
}

function chunkHash(type: number, body: Uint8Array): Uint8Array {
  const length: number[] = []
  for (let rest = body.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest > 127 ? (rest % 128) + 128 : rest)
    if (rest <= 127) break
  }
  const all = new Uint8Array(1 + length.length + body.length)
  all[0] = type
  all.set(length, 1)
  all.set(body, 1 + length.length)
  return sha256(all)
}

function readChange(chunk: Chunk, budget: BatchBudget): ChangeHeader {
  const reader = new ChunkCursor(chunk.body)
  const count = reader.unsigned()
  if (count > MAX_HEADS) throw tooMuch(`${count} dependencies of a change`)
  const deps = Array.from({ length: count }, () => bytesToHex(reader.take(HASH_BYTES)))
  const actor = bytesToHex(reader.take(reader.unsigned()))
  const seq = reader.unsigned()
  const startOp = reader.unsigned()
  reader.signed() // time
  reader.take(reader.unsigned()) // message
  takeActors(reader)
  const columns = vetColumns(reader, readColumns(reader), budget)
  const { rows: operations, actions, hasContainers, hasMarks } = columns
  // A change without operations is work as well.
  budget.takeOperations(Math.max(1, operations))
  const { hash, bytes } = chunk
  const maxOp = startOp + actions - 1
  return { hash, actor, seq, deps, bytes, operations, startOp, maxOp, hasContainers, hasMarks }
}

function takeActors(reader: ChunkCursor): string[] {
  const actors = reader.unsigned()
  if (actors > MAX_ACTORS) throw tooMuch(`${actors} actors`)
  return Array.from({ length: actors }, () => bytesToHex(reader.take(reader.unsigned())))
}

interface Column {
  readonly kind: number
  readonly bytes: number
}

function readColumns(reader: ChunkCursor): Column[] {
  const count = reader.unsigned()
  if (count > MAX_COLUMNS) throw damaged(`${count} columns`)
  return Array.from({ length: count }, () => ({
    kind: reader.unsigned(),
    bytes: reader.unsigned(),
  }))
}

/** Goes through the columns of one table; none may have more rows than the budget has operations left. */
function vetColumns(
  reader: ChunkCursor,
  list: readonly Column[],
  budget: BatchBudget,
): VettedColumn & { readonly columns: Columns; readonly actions: number } {
  let rows = 0
  let actions = 0
  let hasContainers = false
  let hasMarks = false
  const columns = new Map<number, Uint8Array>()
  for (const { kind, bytes } of list) {
    const raw = reader.take(bytes)
    const column = (kind & deflatedBit) > 0 ? inflateBounded(raw, budget) : raw
    const number = kind & ~deflatedBit
    // Which of two Automerge would read is not to be guessed here.
    if (columns.has(number)) throw damaged('a column comes twice')
    columns.set(number, column)
    const vetted = vetColumn(new ChunkCursor(column), number, budget)
    rows = Math.max(rows, vetted.rows)
    if (number === actionColumn) actions = vetted.rows
    hasContainers ||= vetted.hasContainers
    hasMarks ||= vetted.hasMarks
  }
  return { rows, actions, hasContainers, hasMarks, columns }
}

/** What a column, or all of a table, holds. */
interface VettedColumn {
  readonly rows: number
  readonly hasContainers: boolean
  readonly hasMarks: boolean
}

function vetColumn(column: ChunkCursor, kind: number, budget: BatchBudget): VettedColumn {
  let rows = 0
  let hasContainers = false
  let hasMarks = false
  const add = (times: number): void => {
    rows += times
    if (rows > budget.operationsLeft) budget.takeOperations(rows)
  }
  const type = kind & typeBits
  if (type === columnTypes.boolean) while (!column.isAtEnd) add(column.unsigned())
  else if (type === columnTypes.delta) column.runs((cursor) => cursor.signed(), add)
  else if (type === columnTypes.text) {
    column.runs(readName, (times, name = 0) => {
      add(times)
      budget.takeNames(times * name)
    })
  } else if (type === columnTypes.group) rows = countGroups(column, budget)
  else if (type !== columnTypes.rawValues) {
    column.runs(
      (cursor) => cursor.unsigned(),
      (times, value) => {
        add(times)
        if (kind !== actionColumn) return
        if (makingActions.has(value ?? -1)) hasContainers = true
        if ((value ?? 0) >= markAction) hasMarks = true
      },
    )
  }
  return { rows, hasContainers, hasMarks }
}

const protoName = '__proto__'
const utf8 = new TextDecoder()

/** The rows of a group column, or what its groups hold when that is more. */
function countGroups(column: ChunkCursor, budget: BatchBudget): number {
  let rows = 0
  let members = 0
  column.runs(
    (cursor) => cursor.unsigned(),
    (times, size = 0) => {
      rows += times
      members += times * size
      const most = Math.max(rows, members)
      if (most > budget.operationsLeft) budget.takeOperations(most)
    },
  )
  return Math.max(rows, members)
}

/** @returns its bytes. */
function readName(cursor: ChunkCursor): number {
  const before = cursor.position
  const length = cursor.unsigned()
  const name = cursor.take(length)
  // No other length can be it: in UTF-8, with a byte order mark that decoders drop or without.
  const mayBeIt = length === protoName.length || length === protoName.length + 3
  if (mayBeIt && utf8.decode(name) === protoName) {
    throw new SyncError('ERR_VALUE_UNSUPPORTED', 'a change writes the key __proto__')
  }
  return cursor.position - before
}

function tooMuch(what: string): SyncError {
  return new SyncError('ERR_DOCUMENT_TOO_LARGE', `a batch holds ${what}`, {
    hint: 'split the document, or make smaller edits',
  })
}
