import type { EventHub, Subscription } from '@vudo/events'
import { pathsEqual, timestampToUnixMs, type Entry } from '@vudo/meadowcap'
import { bytesToHex } from '@vudo/wire'
import type { ErasureLog, ErasureRecord } from '../erasure/erasure-log.ts'
import { willowError } from '../errors.ts'
import { MAX_TIMER_MS } from '../limits.ts'
import type { HeldEntry, StoreEvent, WillowStore } from '../store/store.ts'
import type { DeviceBook, KnownDevice } from './device-book.ts'
import { aheadMs, type FuturePolicy } from './future.ts'
import type { ReceiptSource } from './receipt.ts'
import type { EntryInfo, WillowEvents } from './willow.ts'

/** What an open namespace is made of. */
export interface OpenNamespaceInit {
  readonly store: WillowStore
  readonly log: ErasureLog
  readonly deviceBook: DeviceBook
  readonly userId: string
  readonly events: EventHub<WillowEvents>
  readonly future: FuturePolicy
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
  /** Devices that sync this namespace now. */
  readonly #online = new Set<string>()
  #isClosed = false

  constructor(init: OpenNamespaceInit) {
    this.#init = init
    this.userId = init.userId
    this.store = init.store
    this.log = init.log
    this.id = bytesToHex(init.store.namespaceId)
    this.#subscription = init.store.subscribe({ bufferSize: 4096 })
    this.#telling = this.#tell()
    // Whoever waits is told; when nobody does, a closed namespace is no error.
    this.#change.promise.catch(() => {})
  }

  get records(): readonly ErasureRecord[] {
    return this.log.records
  }

  get devices(): readonly KnownDevice[] {
    return this.#init.deviceBook.devices
  }

  get online(): ReadonlySet<string> {
    return this.#online
  }

  nowMs(): number {
    return this.#init.future.nowMs()
  }

  /** Notes that a device syncs this namespace. */
  async seen(device: string): Promise<void> {
    await this.#init.deviceBook.seen(device, this.nowMs())
  }

  /** Notes that a device holds the same as this one in all of an area. */
  async confirmed(device: string, area: Parameters<ErasureLog['confirm']>[0]): Promise<void> {
    const count = await this.log.confirm(area, { device, confirmedAtMs: this.nowMs() })
    if (count === 0) return
    this.#init.events.publish('erasure:confirmed', { namespace: this.id, device })
    this.#changed()
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
    this.#subscription.close()
    await this.#telling
    await this.store.close()
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
