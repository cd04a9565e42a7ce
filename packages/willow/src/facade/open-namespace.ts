import type { EventHub, Subscription } from '@vudo/events'
import {
  createArea,
  pathsEqual,
  timestampToUnixMs,
  type Area,
  type AuthorisedEntry,
  type Entry,
  type EntryPlace,
} from '@vudo/meadowcap'
import { bytesToHex } from '@vudo/wire'
import type { ErasureLog, ErasureNote, ErasureRecord } from '../erasure/erasure-log.ts'
import type { Erasure } from '../erasure/erase.ts'
import { willowError } from '../errors.ts'
import { MAX_COVERS_PER_ERASURE, MAX_TIMER_MS } from '../limits.ts'
import type { HeldEntry, StoreEvent, WillowStore } from '../store/store.ts'
import type { DeviceBook, KnownDevice } from './device-book.ts'
import { aheadMs, type FuturePolicy } from './future.ts'
import type { ReceiptSource } from './receipt.ts'
import type { WillowSync } from '../sync/willow-sync.ts'
import { Confirmations, isNarrowPart, partsOf } from './confirmations.ts'
import type { Sharing } from './sharing.ts'
import type { EntryInfo, WillowEvents } from './willow.ts'

/** What an open namespace is made of. */
export interface OpenNamespaceInit {
  readonly store: WillowStore
  readonly log: ErasureLog
  readonly deviceBook: DeviceBook
  readonly userId: string
  readonly events: EventHub<WillowEvents>
  readonly future: FuturePolicy
  /** Keeps it in step with peers; `undefined` without a network. */
  readonly share: ((store: WillowStore) => Sharing) | undefined
  /** Signs a tombstone. @throws `WillowError` `ERR_CAPABILITY_MISSING`. */
  readonly tombstone: (namespaceId: Uint8Array, place: EntryPlace) => AuthorisedEntry
}

/** One namespace: its store, its receipts, its devices, and what it tells. */
export class OpenNamespace implements ReceiptSource {
  readonly id: string
  readonly userId: string
  readonly store: WillowStore
  readonly log: ErasureLog
  readonly #init: OpenNamespaceInit
  readonly #subscription: Subscription<StoreEvent>
  readonly #telling: Promise<void>
  #change = Promise.withResolvers<void>()
  readonly #sharing: Sharing | undefined
  readonly #confirmations = new Confirmations()
  /** What is noted in the background. */
  readonly #tasks = new Set<Promise<void>>()
  #isClosed = false

  constructor(init: OpenNamespaceInit) {
    this.#init = init
    this.userId = init.userId
    this.store = init.store
    this.log = init.log
    this.id = bytesToHex(init.store.namespaceId)
    this.#subscription = init.store.subscribe({ bufferSize: 4096 })
    this.#telling = this.#tell()
    this.#sharing = init.share?.(init.store)
    if (this.#sharing) this.#follow(this.#sharing.sync)
    // Whoever waits is told; when nobody does, a closed namespace is no error.
    this.#change.promise.catch(() => {})
  }

  get records(): readonly ErasureRecord[] {
    return this.log.records
  }

  get devices(): readonly KnownDevice[] {
    return this.#init.deviceBook.devices
  }

  get unlisted(): readonly string[] {
    return this.#init.deviceBook.unlisted
  }

  get online(): ReadonlySet<string> {
    return new Set(this.#sharing?.sync.peers)
  }

  /** The sync with peers; `undefined` without a network. */
  get sync(): WillowSync | undefined {
    return this.#sharing?.sync
  }

  nowMs(): number {
    return this.#init.future.nowMs()
  }

  /** Runs an erasure in a way that no confirmation of it can be missed, and notes it. */
  async logged(erase: () => Promise<Erasure>, note: ErasureNote): Promise<ErasureRecord> {
    const done = this.#confirmations.watch()
    try {
      const erasure = await erase()
      const record = await this.log.add(erasure, note)
      this.#confirmations.add(record, erasure.tombstone.entry)
      await this.#cover(
        [record],
        this.devices.flatMap(({ areas }) => areas),
      )
      for (const device of this.#confirmations.devices) await this.#noteConfirmed(device)
      return record
    } finally {
      done()
    }
  }

  async forgetDevice(device: string): Promise<boolean> {
    const wasKnown = await this.#init.deviceBook.forget(device)
    if (wasKnown) this.#changed()
    return wasKnown
  }

  async nextChange(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isClosed) throw closed()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, Math.min(timeoutMs, MAX_TIMER_MS))
    const abort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', abort)
    try {
      await Promise.race([promise, this.#change.promise])
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#change.reject(closed())
    await this.#sharing?.close()
    await Promise.all(this.#tasks)
    this.#subscription.close()
    await this.#telling
    await this.store.close()
  }

  #follow({ events }: WillowSync): void {
    events.on('peer:ready', ({ peerId, areas, granted }) => {
      // What counts is what it was granted here: with the areas that it names itself, a peer
      // would choose the paths at which this user signs tombstones.
      this.#confirmations.share(peerId, granted)
      // Who may read nothing holds nothing that could be erased.
      if (areas.length > 0) this.#inBackground(this.#welcome(peerId, granted))
    })
    events.on('peer:ended', ({ peerId }) => {
      const isKnown = this.devices.some(({ device }) => device === peerId)
      if (isKnown) this.#inBackground(this.#noteSeen(peerId, []))
    })
    events.on('peer:confirmed', ({ peerId, area, upTo }) => {
      this.#confirmations.confirm(peerId, area, upTo)
      this.#inBackground(this.#noteSeen(peerId, []))
      this.#inBackground(this.#noteConfirmed(peerId))
    })
    events.on('payload:deferred', ({ entry: { subspaceId, path, payloadLength: bytes } }) => {
      const place = { namespace: this.id, subspace: bytesToHex(subspaceId), path, bytes }
      this.#init.events.publish('payload:deferred', place)
    })
    events.on('peer:fault', ({ peerId, message }) => {
      this.#init.events.publish('warning', { message: `sync with ${peerId}: ${message}` })
    })
  }

  async #welcome(device: string, areas: readonly Area[]): Promise<void> {
    await this.#noteSeen(device, areas)
    await this.#cover(this.records, areas)
  }

  /**
   * Whoever may read only what is below an erased path never sees the tombstone there: she gets
   * one of her own, at the path where her right begins, dated a moment later so that both stand.
   */
  async #cover(records: readonly ErasureRecord[], areas: readonly Area[]): Promise<void> {
    const before = this.#confirmations.now
    const done = this.#confirmations.watch()
    try {
      for (const record of records) {
        for (const part of partsOf(record, areas)) {
          if (isNarrowPart(record, part)) await this.#tryToCover(record, part, before)
        }
      }
    } finally {
      done()
    }
  }

  /** The erasure itself is done: that somebody with a narrow right cannot hear of it is told, and she stays unconfirmed. */
  async #tryToCover(record: ErasureRecord, part: Area, before: number): Promise<void> {
    try {
      await this.#coverPart(record, part, before)
    } catch (error) {
      this.#warn(`an erasure does not reach who may read ${part.path.toString()} only`, error)
    }
  }

  async #coverPart(record: ErasureRecord, { path }: Area, before: number): Promise<void> {
    const { subspaceId } = record.area
    if (subspaceId === undefined) return
    const part = createArea({ subspaceId, path })
    if (!this.#confirmations.canCover(record, part)) {
      throw new Error(`it has ${MAX_COVERS_PER_ERASURE} narrow parts already`)
    }
    const held = await this.store.get({ subspaceId, path })
    // Whatever stands there and is newer removes what is older below it.
    if (held && held.entry.timestamp > record.timestamp) {
      this.#confirmations.cover(record, part, before)
      return
    }
    const tombstone = this.#init.tombstone(this.store.namespaceId, {
      subspaceId,
      path,
      timestamp: record.timestamp + 1n,
    })
    const outcome = await this.store.insert(tombstone)
    if (outcome.status === 'inserted') this.#confirmations.cover(record, part, tombstone.entry)
  }

  async #noteSeen(device: string, areas: readonly Area[]): Promise<void> {
    await this.#init.deviceBook.seen(device, this.nowMs(), areas)
  }

  async #noteConfirmed(device: string): Promise<void> {
    const known = this.devices.find((one) => one.device === device)
    // Of who is not listed it is not known what it could read earlier, and may still hold.
    if (known === undefined) return
    const ids = this.#confirmations.confirmedBy(device, this.log.records, known.areas)
    if (ids.length === 0) return
    const confirmation = { device, confirmedAtMs: this.nowMs() }
    for (const id of ids) await this.log.confirmRecord(id, confirmation)
    this.#init.events.publish('erasure:confirmed', { namespace: this.id, device })
    this.#changed()
  }

  /** A failing disk must not end the sync; it is told. */
  #inBackground(task: Promise<void>): void {
    const told = task.catch((error: unknown) => {
      this.#warn('what a peer brought could not be noted', error)
    })
    this.#tasks.add(told)
    void told.finally(() => this.#tasks.delete(told))
  }

  #warn(what: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error)
    this.#init.events.publish('warning', { message: `${what}: ${why}` })
  }

  #changed(): void {
    if (this.#isClosed) return
    const before = this.#change
    this.#change = Promise.withResolvers<void>()
    this.#change.promise.catch(() => {})
    before.resolve()
  }

  async #tell(): Promise<void> {
    for await (const event of this.#subscription) this.#publish(event)
  }

  #publish(event: StoreEvent): void {
    const { events } = this.#init
    switch (event.type) {
      case 'entry:insert':
        if (isErasure(event.held.entry)) this.#confirmations.inserted(event.held.entry)
        this.#publishInserted(event.held, event.origin === undefined)
        break
      case 'entry:prune': {
        const { entry, by } = event
        // One that is replaced in its place is told as the new one.
        if (isErasure(by) || !pathsEqual(entry.path, by.path)) this.#publishErased(entry)
        break
      }
      case 'payload:change':
        events.publish('payload:changed', infoOf(event.held))
        break
      case 'entry:forget':
        this.#publishErased(event.entry)
    }
  }

  #publishInserted(held: HeldEntry, isOwn: boolean): void {
    const { events, future } = this.#init
    const info = infoOf(held)
    const ahead = aheadMs(held.entry.timestamp, future.nowMs())
    if (ahead > future.maxAheadMs) events.publish('clock:ahead', { ...info, aheadMs: ahead })
    if (!isErasure(held.entry)) events.publish('entry:written', { ...info, isOwn })
  }

  #publishErased({ subspaceId, path, payloadLength }: Entry): void {
    if (payloadLength === 0n) return
    const subspace = bytesToHex(subspaceId)
    this.#init.events.publish('entry:erased', { namespace: this.id, subspace, path })
  }
}

/** An entry without bytes is what is left of an erasure. */
export function isErasure(entry: Entry): boolean {
  return entry.payloadLength === 0n
}

/** What is told of an entry. */
export function infoOf({ entry, available }: HeldEntry): EntryInfo {
  return {
    namespace: bytesToHex(entry.namespaceId),
    subspace: bytesToHex(entry.subspaceId),
    path: entry.path,
    bytes: entry.payloadLength,
    isComplete: available === entry.payloadLength,
    writtenAtMs: timestampToUnixMs(entry.timestamp),
  }
}

function closed(): Error {
  return willowError('ERR_WILLOW_STORE_CLOSED', 'Willow is closed')
}
