import * as Automerge from '@automerge/automerge'
import { sha256 } from '@vudo/identity'
import { bytesToHex, compareBytes, createByteWriter, hexToBytes, type ByteWriter } from '@vudo/wire'
import { ACTOR_BYTES } from './authorship.ts'
import { SyncError } from './errors.ts'
import { MAX_VALUE_DEPTH } from './limits.ts'

/** A change that everybody makes alike who begins a document with the same key and value. */
export interface InitialChange {
  readonly key: string
  readonly actor: string
  readonly hash: string
  readonly bytes: Uint8Array
}

const utf8 = new TextEncoder()
const tag = utf8.encode('vudo/initial/1\0')

/**
 * The changes of an initial value, one for each key at the top: deterministic, so
 * two devices that open the same path offline share the containers in it instead of
 * each making its own, of which one would vanish.
 *
 * @throws `SyncError` `ERR_VALUE_UNSUPPORTED`.
 */
export function initialChanges(
  documentId: string,
  initial: Readonly<Record<string, unknown>>,
): InitialChange[] {
  return Object.keys(initial).map((key) => initialChange(documentId, key, initial[key]))
}

function initialChange(documentId: string, key: string, value: unknown): InitialChange {
  const writer = createByteWriter().bytes(tag).bytes(hexToBytes(documentId))
  writeKey(writer, key, [])
  writeValue(writer, value, [key])
  const actor = bytesToHex(sha256(writer.finish()).subarray(0, ACTOR_BYTES))
  const empty = Automerge.init<Record<string, unknown>>({ actor })
  const doc = Automerge.change(empty, { time: 0 }, (root) => {
    root[key] = value
  })
  const [bytes] = Automerge.getAllChanges(doc)
  const [hash] = Automerge.getHeads(doc)
  Automerge.free(doc)
  if (!bytes || hash === undefined) throw unsupported([key], 'makes no change')
  return { key, actor, hash, bytes }
}

/** Tells whether a change is the initial change of the value that it writes, and nothing else. */
export function isInitialChange(
  documentId: string,
  bytes: Uint8Array,
  { actor, hash }: { readonly actor: string; readonly hash: string },
): boolean {
  const [doc] = Automerge.applyChanges(Automerge.init<Record<string, unknown>>(), [bytes])
  const content = Automerge.toJS(doc)
  Automerge.free(doc)
  const [key, ...more] = Object.keys(content)
  if (key === undefined || more.length > 0) return false
  const expected = initialChange(documentId, key, content[key])
  return expected.hash === hash && expected.actor === actor
}

const kinds = {
  null: 0,
  false: 1,
  true: 2,
  number: 3,
  text: 4,
  bytes: 5,
  date: 6,
  counter: 7,
  immutableText: 8,
  list: 9,
  map: 10,
} as const

/** One encoding for each value, whatever the order of its keys. */
function writeValue(writer: ByteWriter, value: unknown, path: readonly string[]): void {
  if (path.length > MAX_VALUE_DEPTH) throw unsupported(path, `is deeper than ${MAX_VALUE_DEPTH}`)
  if (value === null) writer.u8(kinds.null)
  else if (typeof value === 'boolean') writer.u8(value ? kinds.true : kinds.false)
  else if (typeof value === 'number') writeNumber(writer.u8(kinds.number), value)
  else if (typeof value === 'string') writeText(writer.u8(kinds.text), value)
  else if (typeof value === 'object') writeObject(writer, value, path)
  else throw unsupported(path, `is ${typeof value}`)
}

function writeObject(writer: ByteWriter, value: object, path: readonly string[]): void {
  if (value instanceof Uint8Array) writer.u8(kinds.bytes).prefixed(value)
  else if (value instanceof Date) writeNumber(writer.u8(kinds.date), value.getTime())
  else if (Automerge.isCounter(value)) writeNumber(writer.u8(kinds.counter), value.value)
  else if (Automerge.isImmutableString(value)) {
    writeText(writer.u8(kinds.immutableText), value.toString())
  } else if (Array.isArray(value)) {
    writer.u8(kinds.list).varint(value.length)
    for (const [index, item] of value.entries()) writeValue(writer, item, [...path, String(index)])
  } else if (isPlain(value)) writeMap(writer, value, path)
  else throw unsupported(path, 'is an object of a class')
}

function writeMap(writer: ByteWriter, value: object, path: readonly string[]): void {
  const entries = Object.entries(value).toSorted(([a], [b]) =>
    compareBytes(utf8.encode(a), utf8.encode(b)),
  )
  writer.u8(kinds.map).varint(entries.length)
  for (const [key, item] of entries) {
    writeKey(writer, key, path)
    writeValue(writer, item, [...path, key])
  }
}

/** No peer takes the key `__proto__`: read out, it would be the prototype of its object. */
function writeKey(writer: ByteWriter, key: string, path: readonly string[]): void {
  if (key === '__proto__') throw unsupported([...path, key], 'would be a prototype')
  writeText(writer, key)
}

function writeNumber(writer: ByteWriter, value: number): void {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  writer.bytes(bytes)
}

function writeText(writer: ByteWriter, text: string): void {
  writer.prefixed(utf8.encode(text))
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function unsupported(path: readonly string[], what: string): SyncError {
  return new SyncError(
    'ERR_VALUE_UNSUPPORTED',
    `the value at ${path.join('.').slice(0, 128)} ${what}`,
    {
      hint: 'documents hold null, booleans, numbers, texts, dates, bytes, counters, lists and plain objects',
    },
  )
}
