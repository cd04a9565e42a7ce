import {
  createCursor,
  encodeWith,
  fullArea,
  ID_BYTES,
  readAreaInArea,
  writeAreaInArea,
} from '@vudo/meadowcap'
import type { StoreView, WriteOperation } from '@vudo/storage'
import { bytesEqual } from '@vudo/wire'
import { willowError } from '../errors.ts'
import { WALK_ENTRIES } from '../limits.ts'
import type { Backing, Changes, Opened, OrderedBacking, StoredPage } from './backing.ts'
import { decodeHeld, encodeHeld, sortKeyInRecord, type Held, type StoredHeld } from './held.ts'
import { decodePage, encodePage } from './page-record.ts'
import type { Row } from './page.ts'
import {
  bytesToText,
  includesPlace,
  includesTime,
  textToBytes,
  type Place,
  type PlaceRange,
} from './place.ts'
import {
  dirtyPrefix,
  doomedKey,
  doomedPrefix,
  entryBounds,
  entryKeyOf,
  entryKeyOfKept,
  entryKeysOf,
  isCutEntryKey,
  isCutPlace,
  MAX_KEPT_SORT_KEY_BYTES,
  metaKey,
  numberKey,
  numberOfKey,
  pagePrefix,
  partsOfPathKey,
  partsOfTimeKey,
  pathBounds,
  pendingKey,
  ruleKey,
  rulePrefix,
  timeBounds,
  type TimedParts,
} from './storage-keys.ts'
import type { DenyRule } from './store.ts'

/** Keeps the entries of one namespace in a view of the storage, which must be for this alone. */
export function createStorageBacking(namespaceId: Uint8Array, view: StoreView): Backing {
  return new StorageBacking(namespaceId, view)
}

const formatVersion = 1
const none = new Uint8Array()

class StorageBacking implements Backing {
  readonly #namespaceId: Uint8Array
  readonly #view: StoreView
  readonly ordered: OrderedBacking

  constructor(namespaceId: Uint8Array, view: StoreView) {
    this.#namespaceId = namespaceId
    this.#view = view
    this.ordered = {
      rows: (low, high) => this.#rows(low, high),
      entries: (low, high) => this.#entries(low, high),
    }
  }

  async open(): Promise<Opened> {
    const pageCount = await this.#readMeta()
    const saved = new Map<number, StoredPage>()
    for await (const { key, value } of this.#view.scan({ prefix: pagePrefix })) {
      saved.set(numberOfKey(key), decodePage(numberOfKey(key), value))
    }
    const dirty = new Set<number>()
    for await (const { key } of this.#view.scan({ prefix: dirtyPrefix }))
      dirty.add(numberOfKey(key))
    const pages = [...saved.values()].toSorted((a, b) => (a.low < b.low ? -1 : 1))
    // A page is missing, or none was ever saved: then all are found anew.
    const isComplete = pages.length === pageCount && pages[0]?.low === ''
    return {
      pages: isComplete
        ? pages.map(({ id, low, sum }) => ({ id, low, sum: dirty.has(id) ? undefined : sum }))
        : [{ id: 0, low: '', sum: undefined }],
      strayPages: isComplete ? [] : [...saved.keys()],
      doomed: await this.#readDoomed(),
      pending: await this.#readPending(),
      denied: await this.#readRules(),
    }
  }

  async read(places: readonly Place[]): Promise<(Held | undefined)[]> {
    const records = await this.#view.getMany(places.map(entryKeyOf))
    return places.map((place, at) => {
      const record = records[at]
      return record && decodeHeld(this.#namespaceId, place, record)
    })
  }

  async *scanOrdered(range: PlaceRange, order: 'path' | 'newest'): AsyncGenerator<Held> {
    const isPath = order === 'path'
    const { pathFrom, pathTo, timeFrom, timeTo } = range
    const bounds = isPath ? pathBounds(pathFrom, pathTo) : timeBounds(timeFrom, timeTo)
    const partsOfKey = isPath ? partsOfPathKey : partsOfTimeKey
    let found: TimedParts[] = []
    for await (const { key } of this.#view.scan(bounds, { reverse: !isPath })) {
      const parts = partsOfKey(key)
      if (!includesTime(range, parts.timestamp)) continue
      // Of a long path only its record tells whether it is in the range.
      if (parts.isCut || includesPlace(range, parts.kept)) found.push(parts)
      if (found.length < WALK_ENTRIES) continue
      yield* await this.#heldInRange(range, found)
      found = []
    }
    yield* await this.#heldInRange(range, found)
  }

  async commit(changes: Changes): Promise<void> {
    const operations: WriteOperation[] = []
    for (const change of changes.entries) {
      if (change.type === 'put') putHeld(operations, change.held)
      else {
        const { entry, time, path } = entryKeysOf(change.place, change.timestamp)
        for (const key of [entry, time, path]) operations.push({ type: 'delete', key })
      }
    }
    for (const id of changes.doomed) {
      operations.push({ type: 'put', key: doomedKey(id), value: none })
    }
    for (const id of changes.settled) operations.push({ type: 'delete', key: doomedKey(id) })
    for (const id of changes.dirty) {
      operations.push({ type: 'put', key: numberKey(dirtyPrefix, id), value: none })
    }
    this.#addSaved(operations, changes)
    if (changes.pending) operations.push(pendingOperation(changes.pending.held))
    await this.#view.write(operations)
  }

  async writeRule(rule: DenyRule, isDenied: boolean): Promise<void> {
    const code = encodeRule(rule)
    const key = ruleKey(code)
    await this.#view.write([isDenied ? { type: 'put', key, value: code } : { type: 'delete', key }])
  }

  #addSaved(operations: WriteOperation[], { saved }: Changes): void {
    if (saved === undefined) return
    // Deleted first: a new page may have the number of one that is gone.
    for (const id of saved.dropped) {
      operations.push({ type: 'delete', key: numberKey(pagePrefix, id) })
    }
    for (const page of saved.pages) {
      operations.push({ type: 'put', key: numberKey(pagePrefix, page.id), value: encodePage(page) })
    }
    for (const id of saved.cleaned) {
      operations.push({ type: 'delete', key: numberKey(dirtyPrefix, id) })
    }
    operations.push({ type: 'put', key: metaKey, value: this.#encodeMeta(saved.count) })
  }

  #encodeMeta(pageCount: number): Uint8Array {
    const meta = new Uint8Array(1 + ID_BYTES + 8)
    meta[0] = formatVersion
    meta.set(this.#namespaceId, 1)
    new DataView(meta.buffer).setBigUint64(1 + ID_BYTES, BigInt(pageCount))
    return meta
  }

  /** How many pages are saved; marks a new store as that of its namespace. */
  async #readMeta(): Promise<number> {
    const meta = await this.#view.get(metaKey)
    if (meta === undefined) {
      await this.#view.write([{ type: 'put', key: metaKey, value: this.#encodeMeta(0) }])
      return 0
    }
    if (meta[0] !== formatVersion) {
      const message = `the store has format ${meta[0]}, this version reads format ${formatVersion}`
      throw willowError('ERR_WILLOW_STORE_FORMAT', message)
    }
    if (!bytesEqual(meta.subarray(1, 1 + ID_BYTES), this.#namespaceId)) {
      throw willowError('ERR_WILLOW_STORE_FORMAT', 'the store is of another namespace')
    }
    return Number(new DataView(meta.buffer, meta.byteOffset).getBigUint64(1 + ID_BYTES))
  }

  async #readDoomed(): Promise<Uint8Array[]> {
    const ids: Uint8Array[] = []
    for await (const { key } of this.#view.scan({ prefix: doomedPrefix })) ids.push(key.slice(1))
    return ids
  }

  async #readPending(): Promise<Held | undefined> {
    const value = await this.#view.get(pendingKey)
    if (value === undefined) return undefined
    const record = value.subarray(ID_BYTES)
    const place = bytesToText(value.subarray(0, ID_BYTES)) + bytesToText(sortKeyInRecord(record))
    return decodeHeld(this.#namespaceId, place, record)
  }

  async #readRules(): Promise<DenyRule[]> {
    const rules: DenyRule[] = []
    for await (const { value } of this.#view.scan({ prefix: rulePrefix }))
      rules.push(decodeRule(value))
    return rules
  }

  async *#rows(low: Place, high: Place | undefined): AsyncGenerator<Row> {
    for await (const held of this.#entries(low, high)) yield held.row
  }

  // From `low` on and before `high`, in the order of places.
  async *#entries(low: Place, high: Place | undefined): AsyncGenerator<StoredHeld> {
    // Those that share what is kept of a long path: their keys do not tell their order.
    let group: StoredHeld[] = []
    // Of other bounds the keys alone tell what is between them.
    const hasCutBound = isCutPlace(low) || (high !== undefined && isCutPlace(high))
    for await (const { key, value } of this.#view.scan(entryBounds(low, high))) {
      const held = isCutEntryKey(key)
        ? decodeHeld(this.#namespaceId, fullPlace(bytesToText(key.subarray(1)), value), value)
        : decodeHeld(this.#namespaceId, key.subarray(1), value)
      if (group.length > 0 && !shareWhatIsKept(group[0]!.place, held.place)) {
        yield* group.toSorted(byPlace)
        group = []
      }
      if (hasCutBound && (held.place < low || (high !== undefined && held.place >= high))) continue
      if (isCutEntryKey(key)) group.push(held)
      else yield held
    }
    if (group.length > 0) yield* group.toSorted(byPlace)
  }

  async #heldInRange(range: PlaceRange, found: readonly TimedParts[]): Promise<Held[]> {
    if (found.length === 0) return []
    const records = await this.#view.getMany(found.map(({ kept }) => entryKeyOfKept(kept)))
    return found.flatMap(({ kept, isCut, timestamp }, at) => {
      const record = records[at]
      if (record === undefined) return []
      const place = isCut ? fullPlace(kept, record) : kept
      const held = decodeHeld(this.#namespaceId, place, record)
      // Another timestamp: it was replaced while this scan was under way.
      return held.timestamp === timestamp && includesPlace(range, place) ? [held] : []
    })
  }
}

function putHeld(operations: WriteOperation[], held: Held): void {
  const keys = entryKeysOf(held.place, held.timestamp)
  const sortKey = isCutPlace(held.place) ? textToBytes(held.place.slice(ID_BYTES)) : none
  operations.push({ type: 'put', key: keys.entry, value: encodeHeld(held, sortKey) })
  operations.push({ type: 'put', key: keys.time, value: none })
  operations.push({ type: 'put', key: keys.path, value: none })
}

function pendingOperation(held: Held | undefined): WriteOperation {
  if (held === undefined) return { type: 'delete', key: pendingKey }
  const record = encodeHeld(held, textToBytes(held.place.slice(ID_BYTES)))
  const value = new Uint8Array(ID_BYTES + record.length)
  value.set(textToBytes(held.place.slice(0, ID_BYTES)))
  value.set(record, ID_BYTES)
  return { type: 'put', key: pendingKey, value }
}

function fullPlace(kept: string, record: Uint8Array): Place {
  return kept.slice(0, ID_BYTES) + bytesToText(sortKeyInRecord(record))
}

function shareWhatIsKept(a: Place, b: Place): boolean {
  const end = ID_BYTES + MAX_KEPT_SORT_KEY_BYTES
  return a.slice(0, end) === b.slice(0, end)
}

function byPlace(a: Held, b: Held): number {
  return a.place < b.place ? -1 : 1
}

const ruleKinds = { digest: 0, area: 1 } as const

function encodeRule(rule: DenyRule): Uint8Array {
  return encodeWith((sink) => {
    sink.byte(rule.area ? ruleKinds.area : ruleKinds.digest)
    if (rule.area) writeAreaInArea(sink, rule.area, fullArea)
    else sink.bytes(rule.payloadDigest)
  })
}

function decodeRule(code: Uint8Array): DenyRule {
  if (code[0] === ruleKinds.digest) return { payloadDigest: code.slice(1) }
  return { area: readAreaInArea(createCursor(code, 1), fullArea) }
}
