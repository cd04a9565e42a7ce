import { sha256 } from '@vudo/identity'
import { bytesToHex } from '@vudo/wire'
import { inflateBounded } from './deflate.ts'
import { SyncError } from './errors.ts'
import {
  FEW_OPERATIONS,
  MAX_ACTORS,
  MAX_BATCH_OPERATIONS,
  MAX_HEADS,
  MAX_OPERATIONS_PER_BYTE,
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
  /** It makes maps, lists or texts, so it can nest. */
  readonly hasContainers: boolean
}

const chunkTypes = { document: 0, change: 1, deflated: 2 } as const
const magic = [0x85, 0x6f, 0x4a, 0x83]
const headerBytes = 9
const HASH_BYTES = 32
const utf8 = new TextDecoder()

/** Column numbers, without the bit that says "deflated". */
const columns = { keyText: 0x15, action: 0x42, predecessors: 0x70, successors: 0x80 } as const
const deflatedBit = 8
const makingActions = new Set([0, 2, 4, 6])

/**
 * Takes single changes, one after the other, apart.
 *
 * @throws `SyncError` `ERR_SYNC_PROTOCOL` for damaged bytes, `ERR_DOCUMENT_TOO_LARGE`, `ERR_VALUE_UNSUPPORTED`.
 */
export function readChanges(bytes: Uint8Array): ChangeHeader[] {
  const headers: ChangeHeader[] = []
  const budget = { operations: 0 }
  for (let at = 0; at < bytes.length;) {
    const chunk = readChunk(bytes, at)
    if (chunk.type === chunkTypes.document) throw damaged('a saved document among changes')
    headers.push(readChange(chunk, budget))
    at = chunk.end
  }
  return headers
}

/**
 * Vets a saved document without opening it.
 *
 * @throws as {@link readChanges}.
 */
export function vetDocument(bytes: Uint8Array): void {
  const chunk = readChunk(bytes, 0)
  if (chunk.type !== chunkTypes.document || chunk.end !== bytes.length) {
    throw damaged('not one saved document')
  }
  const reader = new Cursor(chunk.body)
  const actors = reader.unsigned()
  if (actors > MAX_ACTORS) throw tooMuch(`${actors} actors`)
  for (let index = 0; index < actors; index++) reader.take(reader.unsigned())
  const heads = reader.unsigned()
  if (heads > MAX_HEADS) throw tooMuch(`${heads} heads`)
  reader.take(heads * HASH_BYTES)
  const changeColumns = readColumns(reader)
  const operationColumns = readColumns(reader)
  for (const { bytes: length } of changeColumns) reader.take(length)
  vetColumns(reader, operationColumns, { operations: 0, wireBytes: bytes.length })
}

interface Chunk {
  readonly type: number
  readonly bytes: Uint8Array
  /** Inflated. */
  readonly body: Uint8Array
  readonly hash: string
  readonly end: number
}

function readChunk(bytes: Uint8Array, at: number): Chunk {
  if (magic.some((byte, index) => bytes[at + index] !== byte)) throw damaged('no chunk')
  const reader = new Cursor(bytes, at + headerBytes)
  const type = bytes[at + headerBytes - 1]
  const body = reader.take(reader.unsigned())
  if (type === undefined || type > chunkTypes.deflated) throw damaged(`chunk of type ${type}`)
  const inflated = type === chunkTypes.deflated ? inflateBounded(body) : body
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

function readChange(chunk: Chunk, budget: { operations: number }): ChangeHeader {
  const reader = new Cursor(chunk.body)
  const count = reader.unsigned()
  if (count > MAX_HEADS) throw tooMuch(`${count} dependencies of a change`)
  const deps = Array.from({ length: count }, () => bytesToHex(reader.take(HASH_BYTES)))
  const actor = bytesToHex(reader.take(reader.unsigned()))
  const seq = reader.unsigned()
  reader.unsigned() // the first operation's number
  reader.signed() // time
  reader.take(reader.unsigned()) // message
  const others = reader.unsigned()
  if (others > MAX_ACTORS) throw tooMuch(`${others} actors`)
  for (let index = 0; index < others; index++) reader.take(reader.unsigned())
  const vetted = vetColumns(reader, readColumns(reader), {
    operations: budget.operations,
    wireBytes: chunk.bytes.length,
  })
  budget.operations += vetted.operations
  return { hash: chunk.hash, actor, seq, deps, bytes: chunk.bytes, ...vetted }
}

interface Column {
  readonly kind: number
  readonly bytes: number
}

function readColumns(reader: Cursor): Column[] {
  const count = reader.unsigned()
  if (count > 64) throw damaged(`${count} columns`)
  return Array.from({ length: count }, () => ({
    kind: reader.unsigned(),
    bytes: reader.unsigned(),
  }))
}

function vetColumns(
  reader: Cursor,
  list: readonly Column[],
  already: { readonly operations: number; readonly wireBytes: number },
): { readonly operations: number; readonly hasContainers: boolean } {
  let operations = 0
  let hasContainers = false
  for (const { kind, bytes } of list) {
    const raw = reader.take(bytes)
    const column = (kind & deflatedBit) > 0 ? inflateBounded(raw) : raw
    const plain = kind & ~deflatedBit
    if (plain === columns.action) {
      const actions = new Cursor(column).runs((cursor) => cursor.unsigned())
      operations = checkCount(actions.count, already)
      hasContainers = [...actions.values].some((action) => makingActions.has(action))
    } else if (plain === columns.predecessors || plain === columns.successors) {
      checkCount(new Cursor(column).runs((cursor) => cursor.unsigned()).sum, already)
    } else if (plain === columns.keyText) {
      const keys = new Cursor(column).runs((cursor) => cursor.text())
      if (keys.values.has('__proto__')) {
        throw new SyncError('ERR_VALUE_UNSUPPORTED', 'a change writes the key __proto__')
      }
    }
  }
  return { operations, hasContainers }
}

function checkCount(
  count: number,
  already: { readonly operations: number; readonly wireBytes: number },
): number {
  if (count + already.operations > MAX_BATCH_OPERATIONS) {
    throw tooMuch(`more than ${MAX_BATCH_OPERATIONS} operations`)
  }
  if (count > FEW_OPERATIONS && count > already.wireBytes * MAX_OPERATIONS_PER_BYTE) {
    throw tooMuch(`${count} operations in ${already.wireBytes} bytes`)
  }
  return count
}

/** Reads LEB128 numbers and run-length encoded columns; throws `ERR_SYNC_PROTOCOL` only. */
class Cursor {
  readonly #bytes: Uint8Array
  position: number

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes
    this.position = position
  }

  take(length: number): Uint8Array {
    const end = this.position + length
    if (length < 0 || end > this.#bytes.length) throw damaged('a chunk ends too early')
    const view = this.#bytes.subarray(this.position, end)
    this.position = end
    return view
  }

  unsigned(): number {
    return this.#number(false)
  }

  signed(): number {
    return this.#number(true)
  }

  text(): string {
    return utf8.decode(this.take(this.unsigned()))
  }

  #number(isSigned: boolean): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 10; count++) {
      const byte = this.take(1)[0] ?? 0
      value += (byte & 127) * scale
      scale *= 128
      if (byte > 127) continue
      const result = isSigned && (byte & 64) > 0 ? value - scale : value
      // Beyond 2^53 it is no length and no count of anything that exists.
      if (!Number.isSafeInteger(result)) throw damaged('a number is too large')
      return result
    }
    throw damaged('a number is too long')
  }

  /** A column of runs: how many values, their sum, and which ones. */
  runs<Value>(read: (cursor: this) => Value): { count: number; sum: number; values: Set<Value> } {
    let count = 0
    let sum = 0
    const values = new Set<Value>()
    while (this.position < this.#bytes.length) {
      const length = this.signed()
      if (length === 0) {
        count += this.unsigned()
        continue
      }
      // A literal run costs bytes for each value, a repeated one does not.
      for (let index = 0; index < (length > 0 ? 1 : -length); index++) {
        const value = read(this)
        values.add(value)
        if (typeof value === 'number') sum += length > 0 ? value * length : value
      }
      count += Math.abs(length)
    }
    return { count, sum, values }
  }
}

function damaged(what: string): SyncError {
  return new SyncError('ERR_SYNC_PROTOCOL', `damaged changes: ${what}`)
}

function tooMuch(what: string): SyncError {
  return new SyncError('ERR_DOCUMENT_TOO_LARGE', `a batch holds ${what}`, {
    hint: 'split the document, or make smaller edits',
  })
}
