import * as Automerge from '@automerge/automerge'
import { sha256 } from '@vudo/identity'
import { bytesToHex, compareBytes, createByteWriter, hexToBytes, type ByteWriter } from '@vudo/wire'
import { ACTOR_BYTES } from './authorship.ts'
import { SyncError } from './errors.ts'
import { MAX_HEADS, MAX_INITIAL_HEADS, MAX_VALUE_DEPTH } from './limits.ts'

/** A change that everybody makes alike who begins a document with the same key and value. */
export interface InitialChange {
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
  return Object.keys(initial).map((key) => initialChange(documentId, [[key, initial[key]]]))
}

/**
 * The changes that a new epoch begins with: those of an initial value, unless they would
 * be more heads than a change may build on. Then each of them writes several neighbouring
 * keys, as many as it takes to be at most `MAX_INITIAL_HEADS` changes. Nobody else begins a
 * document with a part of the same keys, so none has to stand alone.
 *
 * @throws `SyncError` `ERR_VALUE_UNSUPPORTED`.
 */
export function epochChanges(
  documentId: string,
  value: Readonly<Record<string, unknown>>,
): InitialChange[] {
  const entries = inOrder(Object.entries(value))
  if (entries.length <= MAX_HEADS) return initialChanges(documentId, value)
  const size = Math.ceil(entries.length / MAX_INITIAL_HEADS)
  const count = Math.ceil(entries.length / size)
  return Array.from({ length: count }, (_, at) =>
    initialChange(documentId, entries.slice(at * size, (at + 1) * size)),
  )
}

type Entry = readonly [key: string, value: unknown]

/** @param entries - One or more, ordered by the bytes of their keys. */
function initialChange(documentId: string, entries: readonly Entry[]): InitialChange {
  const writer = createByteWriter().bytes(tag).bytes(hexToBytes(documentId))
  for (const [key, value] of entries) {
    writeKey(writer, key, [])
    writeValue(writer, value, [key])
  }
  const actor = bytesToHex(sha256(writer.finish()).subarray(0, ACTOR_BYTES))
  const empty = Automerge.init<Record<string, unknown>>({ actor })
  const doc = Automerge.change(empty, { time: 0 }, (root) => {
    for (const [key, value] of entries) root[key] = value
  })
  const [bytes] = Automerge.getAllChanges(doc)
  const [hash] = Automerge.getHeads(doc)
  Automerge.free(doc)
  if (!bytes || hash === undefined) throw unsupported([entries[0]?.[0] ?? ''], 'makes no change')
  return { actor, hash, bytes }
}

/** Tells whether a change is the initial change of the values that it writes, and nothing else. */
export function isInitialChange(
  documentId: string,
  bytes: Uint8Array,
  { actor, hash }: { readonly actor: string; readonly hash: string },
): boolean {
  const [doc] = Automerge.applyChanges(Automerge.init<Record<string, unknown>>(), [bytes])
  const entries = inOrder(Object.entries(Automerge.toJS(doc)))
  Automerge.free(doc)
  if (entries.length === 0) return false
  const expected = initialChange(documentId, entries)
  return expected.hash === hash && expected.actor === actor
}

function inOrder(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted(([a], [b]) => compareBytes(utf8.encode(a), utf8.encode(b)))
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
  const entries = inOrder(Object.entries(value))
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
