/**
 * A document that is a set of hashes, in the place of Automerge: for simulations of many
 * faults. It speaks Automerge's binary format as far as the engine reads it, so that
 * everything of this package runs as it is shipped, vetting and proofs included; only what
 * a change does to a document is missing. Take it with
 * `vi.mock('@automerge/automerge', () => import('./set-document.ts'))`.
 */
import { createHash } from 'node:crypto'
import { bytesToHex, concatBytes, createByteWriter, hexToBytes } from '@vudo/wire'

interface Change {
  readonly hash: string
  readonly actor: string
  readonly seq: number
  readonly startOp: number
  readonly maxOp: number
  readonly deps: readonly string[]
  readonly bytes: Uint8Array
}

interface History {
  readonly actor: string
  /** Each after its dependencies. */
  readonly changes: Map<string, Change>
  readonly heads: Set<string>
  readonly seqByActor: Map<string, number>
  readonly lastByActor: Map<string, string>
  /** Changes whose past is not here. */
  waiting: Change[]
  lastLocal: Uint8Array | undefined
}

type Doc = Readonly<Record<string, unknown>>

/** What the set gets wrong on purpose: of concurrent heads only the newest is kept, or it believes to have some of what it lacks. */
export type SetBug = 'none' | 'loses-a-head' | 'believes-to-have'

/** The bug in force. */
export const setBugs: { current: SetBug } = { current: 'none' }

const histories = new WeakMap<Doc, History>()
const magic = Uint8Array.of(0x85, 0x6f, 0x4a, 0x83)
const zeroActor = '00'.repeat(16)
/** A document of thousands of keystrokes repeats its changes: parsed once. */
const parsed = new Map<string, Change>()
const MAX_PARSED = 20_000

function historyOf(doc: Doc): History {
  const history = histories.get(doc)
  if (!history) throw new Error('a document that was freed or replaced')
  return history
}

function withHistory(history: History): Doc {
  const doc: Doc = {}
  histories.set(doc, history)
  return doc
}

export function init({ actor = zeroActor }: { readonly actor?: string } = {}): Doc {
  return withHistory({
    actor,
    changes: new Map(),
    heads: new Set(),
    seqByActor: new Map(),
    lastByActor: new Map(),
    waiting: [],
    lastLocal: undefined,
  })
}

export function clone(doc: Doc, { actor }: { readonly actor?: string } = {}): Doc {
  const old = historyOf(doc)
  return withHistory({
    actor: actor ?? old.actor,
    changes: new Map(old.changes),
    heads: new Set(old.heads),
    seqByActor: new Map(old.seqByActor),
    lastByActor: new Map(old.lastByActor),
    waiting: [...old.waiting],
    lastLocal: old.lastLocal,
  })
}

export function free(doc: Doc): void {
  histories.delete(doc)
}

export function load(bytes: Uint8Array, options: { readonly actor?: string } = {}): Doc {
  return addAll(init(options), readAll(bytes))
}

export function loadIncremental(doc: Doc, bytes: Uint8Array): Doc {
  return addAll(doc, readAll(bytes))
}

export function applyChanges(doc: Doc, list: readonly Uint8Array[]): [Doc] {
  return [addAll(doc, list.flatMap(readAll))]
}

/** The change has no content: that it was made is all that counts. */
export function change(doc: Doc, ...rest: unknown[]): Doc {
  const edit = rest.at(-1)
  if (typeof edit === 'function') Reflect.apply(edit, undefined, [{}])
  const history = historyOf(doc)
  const { actor, heads, seqByActor, lastByActor, changes } = history
  const own = lastByActor.get(actor)
  // As Automerge: a change names its author's last one, whatever was built on it.
  const deps = [...new Set([...heads, ...(own === undefined ? [] : [own])])]
  const startOp = 1 + Math.max(0, ...deps.map((hash) => changes.get(hash)?.maxOp ?? 0))
  const bytes = encodeChange({ actor, deps, seq: (seqByActor.get(actor) ?? 0) + 1, startOp })
  history.lastLocal = bytes
  return addAll(doc, readAll(bytes))
}

export function getActorId(doc: Doc): string {
  return historyOf(doc).actor
}

export function getHeads(doc: Doc): string[] {
  return [...historyOf(doc).heads]
}

export function hasHeads(doc: Doc, heads: readonly string[]): boolean {
  const { changes } = historyOf(doc)
  const isBelieved = (hash: string): boolean =>
    setBugs.current === 'believes-to-have' && changes.size > 0 && hash < '4'
  return heads.every((hash) => changes.has(hash) || isBelieved(hash))
}

export function getAllChanges(doc: Doc): Uint8Array[] {
  return [...historyOf(doc).changes.values()].map(({ bytes }) => bytes)
}

export function getLastLocalChange(doc: Doc): Uint8Array | undefined {
  return historyOf(doc).lastLocal
}

export function topoHistoryTraversal(doc: Doc): string[] {
  return [...historyOf(doc).changes.keys()]
}

export function getChangesMetaSince(doc: Doc, heads: readonly string[]): Change[] {
  const { changes } = historyOf(doc)
  const known = new Set<string>()
  const open = heads.filter((hash) => changes.has(hash))
  for (let hash = open.pop(); hash !== undefined; hash = open.pop()) {
    if (known.has(hash)) continue
    known.add(hash)
    open.push(...(changes.get(hash)?.deps ?? []))
  }
  return [...changes.values()].filter(({ hash }) => !known.has(hash))
}

export function saveSince(doc: Doc, heads: readonly string[]): Uint8Array {
  return concatBytes(...getChangesMetaSince(doc, heads).map(({ bytes }) => bytes))
}

export function stats(doc: Doc): { numChanges: number; numOps: number } {
  const { size } = historyOf(doc).changes
  return { numChanges: size, numOps: size }
}

export function toJS(): Record<string, unknown> {
  return {}
}

export function getBackend(doc: Doc): {
  getChangeByHash: (hash: string) => Uint8Array | null
  getChangeMetaByHash: (hash: string) => Change | null
  clone: () => { save: () => Uint8Array; free: () => void }
} {
  const { changes } = historyOf(doc)
  return {
    clone: () => {
      const copy = clone(doc)
      return { save: () => save(copy), free: () => free(copy) }
    },
    getChangeByHash: (hash) => changes.get(hash)?.bytes ?? null,
    getChangeMetaByHash: (hash) => changes.get(hash) ?? null,
  }
}

/** Not offered: peers then send raw changes. */
export const saveBundle: undefined = undefined

export function isCounter(): boolean {
  return false
}

export function isImmutableString(): boolean {
  return false
}

function addAll(doc: Doc, list: readonly Change[]): Doc {
  const history = historyOf(doc)
  let open = [...history.waiting, ...list]
  for (let before = -1; before !== open.length;) {
    before = open.length
    open = open.filter((one) => !add(history, one))
  }
  history.waiting = open
  const next: Doc = {}
  histories.set(next, history)
  // The former one is outdated, as Automerge's are.
  histories.delete(doc)
  return next
}

function add(history: History, one: Change): boolean {
  const { changes, heads, seqByActor, lastByActor } = history
  if (changes.has(one.hash)) return true
  if (!one.deps.every((hash) => changes.has(hash))) return false
  changes.set(one.hash, one)
  for (const hash of one.deps) heads.delete(hash)
  if (setBugs.current === 'loses-a-head' && heads.size > 0) heads.clear()
  heads.add(one.hash)
  if (one.seq > (seqByActor.get(one.actor) ?? 0)) {
    seqByActor.set(one.actor, one.seq)
    lastByActor.set(one.actor, one.hash)
  }
  return true
}

// Bytes.

function chunk(type: number, body: Uint8Array): Uint8Array {
  const hashed = createByteWriter().u8(type).prefixed(body).finish()
  const checksum = createHash('sha256').update(hashed).digest().subarray(0, 4)
  return concatBytes(magic, checksum, hashed)
}

function encodeChange(parts: {
  readonly actor: string
  readonly deps: readonly string[]
  readonly seq: number
  readonly startOp: number
}): Uint8Array {
  const writer = createByteWriter().varint(parts.deps.length)
  for (const hash of parts.deps) writer.bytes(hexToBytes(hash))
  writer.prefixed(hexToBytes(parts.actor)).varint(parts.seq).varint(parts.startOp)
  // No time, no message, no other actors, no columns.
  writer.u8(0).u8(0).u8(0).u8(0)
  return chunk(1, writer.finish())
}

/** A saved document: its table as Automerge writes it, and its changes behind. */
export function save(doc: Doc): Uint8Array {
  const { changes, heads } = historyOf(doc)
  const rows = [...changes.values()]
  const actors = [...new Set(rows.map(({ actor }) => actor))].toSorted()
  const rowOf = new Map(rows.map(({ hash }, row) => [hash, row]))
  const dependencies = rows.flatMap(({ deps }) => deps.map((hash) => rowOf.get(hash) ?? 0))
  const columns: [number, Uint8Array][] = [
    [
      0x01,
      literals(
        rows.map(({ actor }) => actors.indexOf(actor)),
        false,
      ),
    ],
    [0x03, literals(differences(rows.map(({ seq }) => seq)), true)],
    [
      0x40,
      literals(
        rows.map(({ deps }) => deps.length),
        false,
      ),
    ],
    [0x43, literals(differences(dependencies), true)],
  ]
  const writer = createByteWriter().varint(actors.length)
  for (const actor of actors) writer.prefixed(hexToBytes(actor))
  const sorted = [...heads].toSorted()
  writer.varint(sorted.length)
  for (const hash of sorted) writer.bytes(hexToBytes(hash))
  writer.varint(columns.length)
  for (const [kind, bytes] of columns) writer.varint(kind).varint(bytes.length)
  writer.varint(0)
  for (const [, bytes] of columns) writer.bytes(bytes)
  for (const { bytes } of rows) writer.bytes(bytes)
  return chunk(0, writer.finish())
}

function differences(numbers: readonly number[]): number[] {
  return numbers.map((number, at) => number - (numbers[at - 1] ?? 0))
}

/** A column without runs. */
function literals(numbers: readonly number[], isSigned: boolean): Uint8Array {
  if (numbers.length === 0) return new Uint8Array()
  const bytes = signed(-numbers.length)
  for (const number of numbers) {
    if (isSigned) bytes.push(...signed(number))
    else bytes.push(...createByteWriter().varint(number).finish())
  }
  return Uint8Array.from(bytes)
}

/** LEB128 in two's complement. */
function signed(number: number): number[] {
  const bytes: number[] = []
  for (let rest = number; ; rest >>= 7) {
    const byte = rest & 127
    const isLast = (rest >> 7 === 0 && (byte & 64) === 0) || (rest >> 7 === -1 && (byte & 64) > 0)
    bytes.push(isLast ? byte : byte | 128)
    if (isLast) return bytes
  }
}

function readAll(bytes: Uint8Array): Change[] {
  const list: Change[] = []
  for (let at = 0; at < bytes.length;) {
    const type = bytes[at + 8]
    const [length, start] = unsigned(bytes, at + 9)
    const end = start + length
    if (end > bytes.length || bytes[at] !== magic[0]) throw new RangeError('damaged chunk')
    const whole = bytes.subarray(at, end)
    if (type === 0) list.push(...readAll(changesOf(bytes.subarray(start, end))))
    else list.push(readChange(whole))
    at = end
  }
  return list
}

/** What lies behind the table of a saved document. */
function changesOf(body: Uint8Array): Uint8Array {
  let at = 0
  const next = (): number => {
    const [value, end] = unsigned(body, at)
    at = end
    return value
  }
  const skip = (bytes: number): number => (at += bytes)
  for (let left = next(); left > 0; left--) skip(next())
  skip(next() * 32)
  let columns = 0
  for (let left = next(); left > 0; left--) {
    next()
    columns += next()
  }
  next()
  skip(columns)
  return body.subarray(at)
}

function readChange(bytes: Uint8Array): Change {
  const checksum = bytesToHex(bytes.subarray(4, 8))
  const hash = createHash('sha256').update(bytes.subarray(8)).digest('hex')
  if (!hash.startsWith(checksum)) throw new RangeError('bad checksum')
  const known = parsed.get(hash)
  if (known) return known
  let at = unsigned(bytes, 9)[1]
  const next = (): number => {
    const [value, end] = unsigned(bytes, at)
    at = end
    return value
  }
  const hex = (length: number): string => bytesToHex(bytes.subarray(at, (at += length)))
  const deps = Array.from({ length: next() }, () => hex(32))
  const actor = hex(next())
  const seq = next()
  const startOp = next()
  const read: Change = { hash, actor, seq, startOp, maxOp: startOp, deps, bytes: bytes.slice() }
  if (parsed.size >= MAX_PARSED) parsed.clear()
  parsed.set(hash, read)
  return read
}

function unsigned(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0
  let scale = 1
  for (let at = start; ; at++) {
    const byte = bytes[at]
    if (byte === undefined) throw new RangeError('a chunk ends too early')
    value += (byte & 127) * scale
    scale *= 128
    if (byte < 128) return [value, at + 1]
  }
}
