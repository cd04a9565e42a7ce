import { createEventHub, type EventHub } from '@vudo/events'
import {
  Capability,
  createArea,
  createNamespaceKey,
  createUserKey,
  deriveCommunalNamespace,
  type CapabilityStore,
  type McCapability,
  type Revocations,
  type Signer,
  MeadowcapError,
  receiverOf,
} from '@vudo/meadowcap'
import { bytesToHex } from '@vudo/wire'
import { willowError } from '../errors.ts'
import { DEFAULT_MAX_AHEAD_MS } from '../limits.ts'
import type { WillowStore } from '../store/store.ts'
import { openCapabilityBook, type CapabilityBook } from './capability-book.ts'
import { capabilityFromText, capabilityToText } from './capability-text.ts'
import type { KnownDevice } from './device-book.ts'
import { readEntryOf, signTombstone, writeEntryTo } from './entry-access.ts'
import { assertReason, eraseAt } from './erasing.ts'
import type { FuturePolicy } from './future.ts'
import { NamespaceTable } from './namespace-table.ts'
import { infoOf, type OpenNamespace } from './open-namespace.ts'
import { openPlaces, type Places, type WillowStorage } from './places.ts'
import { receiptsOf, type ErasureReceipt } from './receipt.ts'
import { Rights, timestampOfDate } from './rights.ts'
import { shareNamespace, type Sharing, type SharingOptions } from './sharing.ts'
import { idBytes, pathOf, type IdLike, type PathLike } from './text-forms.ts'
import type {
  EntryInfo,
  EraseOptions,
  GrantInit,
  ListOptions,
  NamespaceOptions,
  Willow,
  WillowEvents,
} from './willow.ts'

/** What {@link openWillow} takes. All of it may be left out. */
export interface WillowInit {
  /**
   * The user's key. Keep it: it is what she is known by. Not the key of a node or author.
   *
   * @defaultValue a new one
   */
  readonly userKey?: Signer | undefined
  /**
   * Where everything is kept.
   *
   * @defaultValue in memory
   */
  readonly storage?: WillowStorage | undefined
  /**
   * How namespaces sync with peers.
   *
   * @defaultValue not at all: everything stays on this device
   */
  readonly sharing?: SharingOptions | undefined
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
  /**
   * Milliseconds that an entry may be dated ahead of the clock before `clock:ahead` tells.
   * Higher is quieter with bad clocks.
   *
   * @defaultValue 600,000
   */
  readonly maxAheadMs?: number | undefined
  /**
   * What is done with entries dated further ahead. Those who refuse hold other entries than
   * those who accept, until that date.
   *
   * @defaultValue `'accept'`
   */
  readonly futureEntries?: 'accept' | 'refuse' | undefined
}

/**
 * Opens Willow on this device.
 *
 * @throws `StoreError` of the storage; `WillowError` `ERR_PAYLOAD_STORE`.
 */
export async function openWillow(init: WillowInit = {}): Promise<Willow> {
  const { userKey = createUserKey(), now = Date.now, futureEntries = 'accept' } = init
  const { maxAheadMs = DEFAULT_MAX_AHEAD_MS } = init
  if (!(maxAheadMs >= 0)) throw new RangeError(`maxAheadMs is ${maxAheadMs}, expected 0 or more`)
  const future: FuturePolicy = { nowMs: now, maxAheadMs }
  const places = await openPlaces(init.storage, {
    future,
    refusesFuture: futureEntries === 'refuse',
  })
  try {
    const book = await openCapabilityBook({ ...places, revocations: places.revocations.list })
    return new OpenWillow({ userKey, future, places, book, sharing: init.sharing })
  } catch (error) {
    await places.close()
    throw error
  }
}

interface OpenWillowInit {
  readonly userKey: Signer
  readonly future: FuturePolicy
  readonly places: Places
  readonly book: CapabilityBook
  readonly sharing: SharingOptions | undefined
}

class OpenWillow implements Willow {
  readonly userId: string
  readonly events: EventHub<WillowEvents> = createEventHub<WillowEvents>()
  readonly #userKey: Signer
  readonly #future: FuturePolicy
  readonly #places: Places
  readonly #book: CapabilityBook
  readonly #rights: Rights
  readonly #sharing: SharingOptions | undefined
  #isMetered: boolean
  readonly #namespaces = new NamespaceTable()
  #closing: Promise<void> | undefined

  constructor({ userKey, future, places, book, sharing }: OpenWillowInit) {
    this.userId = bytesToHex(userKey.publicKey)
    this.#userKey = userKey
    this.#future = future
    this.#places = places
    this.#book = book
    this.#sharing = sharing
    this.#isMetered = sharing?.metered ?? false
    this.#rights = new Rights(userKey, book.store, places.revocations.list)
  }

  get namespaces(): readonly string[] {
    return this.#namespaces.ids
  }

  get capabilities(): CapabilityStore {
    return this.#book.store
  }

  get revoked(): Revocations {
    return this.#places.revocations.list.export()
  }

  get isMetered(): boolean {
    return this.#isMetered
  }

  set isMetered(isMetered: boolean) {
    this.#isMetered = isMetered
    for (const { sync } of this.#namespaces.all()) if (sync) sync.isMetered = isMetered
  }

  async mapNamespace(name: string, options?: NamespaceOptions): Promise<string> {
    return this.openNamespace(deriveCommunalNamespace(name), options)
  }

  async createNamespace(options?: NamespaceOptions): Promise<string> {
    const namespace = createNamespaceKey({ kind: 'owned' })
    const { publicKey: userKey } = this.#userKey
    for (const access of ['write', 'read'] as const) {
      await this.#book.keep(Capability.newRoot({ access, namespace, userKey }))
    }
    return this.openNamespace(namespace.publicKey, options)
  }

  async openNamespace(id: IdLike, options: NamespaceOptions = {}): Promise<string> {
    const bytes = idBytes(id, 'namespace')
    const text = bytesToHex(bytes)
    this.#assertOpen()
    await this.#namespaces.open(text, () => this.#openAt(bytes, options))
    return text
  }

  async grant(init: GrantInit): Promise<McCapability> {
    const { id } = this.#namespace(init.namespace)
    const { access, from } = init
    const wanted = {
      access,
      path: init.path === undefined ? undefined : pathOf(init.path),
      subspaceId: init.subspace === undefined ? undefined : idBytes(init.subspace, 'subspace'),
      expiresAt: init.expiresAt && timestampOfDate(init.expiresAt),
    }
    const held = from ?? this.#rights.toGrant(idBytes(id, 'namespace'), wanted)
    if (held.accessMode !== access) {
      throw new TypeError(`from is for ${held.accessMode}, access is ${access}`)
    }
    return Capability.grant(held, {
      ...wanted,
      signer: this.#userKey,
      to: idBytes(init.to, 'to'),
    })
  }

  exportCapability(capability: McCapability): string {
    return capabilityToText(capability)
  }

  async importCapability(text: string): Promise<McCapability> {
    const capability = capabilityFromText(text)
    this.#assertIsOurs(capability)
    const isNew = await this.#book.keep(capability)
    const id = await this.openNamespace(capability.namespaceKey)
    if (isNew && capability.accessMode === 'read') this.#namespaces.get(id)?.sync?.refresh()
    return capability
  }

  async revoke(what: McCapability | IdLike): Promise<string> {
    const entry = await this.#places.revocations.revoke(what)
    this.#refresh()
    return entry
  }

  async restore(entry: string): Promise<boolean> {
    const wasThere = await this.#places.revocations.restore(entry)
    if (wasThere) this.#refresh()
    return wasThere
  }

  // The order of the arguments is the order of an address, and everybody knows what the bytes are.
  // oxlint-disable-next-line max-params
  async writeEntry(
    namespace: IdLike,
    subspace: IdLike,
    path: PathLike,
    data: Uint8Array,
    capability?: McCapability,
  ): Promise<EntryInfo> {
    const { store } = this.#namespace(namespace)
    const held = await writeEntryTo(store, {
      subspaceId: idBytes(subspace, 'subspace'),
      path: pathOf(path),
      data,
      capability,
      signer: this.#userKey,
      rights: this.#rights,
      future: this.#future,
    })
    return infoOf(held)
  }

  async readEntry(
    namespace: IdLike,
    subspace: IdLike,
    path: PathLike,
  ): Promise<Uint8Array | undefined> {
    const { store } = this.#namespace(namespace)
    return readEntryOf(store, { subspaceId: idBytes(subspace, 'subspace'), path: pathOf(path) })
  }

  async *list(prefix: PathLike = [], options: ListOptions = {}): AsyncGenerator<EntryInfo> {
    const { namespace, subspace, limit = Number.POSITIVE_INFINITY, signal } = options
    const { store } = this.#namespace(namespace)
    const subspaceId = subspace === undefined ? undefined : idBytes(subspace, 'subspace')
    let left = limit
    if (left <= 0) return
    for await (const held of store.query(createArea({ subspaceId, path: pathOf(prefix) }), {
      signal,
    })) {
      if (held.entry.payloadLength === 0n) continue
      yield infoOf(held)
      left -= 1
      if (left <= 0) return
    }
  }

  async erase(path: PathLike, options: EraseOptions): Promise<ErasureReceipt> {
    assertReason(options.reason)
    const namespace = this.#namespace(options.namespace)
    const by = { signer: this.#userKey, rights: this.#rights, nowMs: this.#future.nowMs() }
    return eraseAt(namespace, path, { ...options, by })
  }

  erasures(namespace?: IdLike): readonly ErasureReceipt[] {
    return receiptsOf(this.#namespace(namespace))
  }

  devices(namespace?: IdLike): readonly KnownDevice[] {
    return this.#namespace(namespace).devices
  }

  async forgetDevice(device: string, namespace?: IdLike): Promise<boolean> {
    return this.#namespace(namespace).forgetDevice(device)
  }

  async requestPayload(namespace: IdLike, subspace: IdLike, path: PathLike): Promise<boolean> {
    const { sync } = this.#namespace(namespace)
    const address = { subspaceId: idBytes(subspace, 'subspace'), path: pathOf(path) }
    return (await sync?.requestPayload(address)) ?? false
  }

  store(namespace: IdLike): WillowStore {
    return this.#namespace(namespace).store
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    try {
      await this.#namespaces.close()
    } finally {
      await this.#places.close()
      this.events.close()
    }
  }

  #openAt(namespaceId: Uint8Array, { readers }: NamespaceOptions): Promise<OpenNamespace> {
    return this.#places.open(namespaceId, {
      userId: this.userId,
      events: this.events,
      share: this.#sharing && this.#shareBy(this.#sharing, readers),
      tombstone: (id, place) =>
        signTombstone(id, place, { rights: this.#rights, signer: this.#userKey }),
    })
  }

  #shareBy(
    sharing: SharingOptions,
    readers: NamespaceOptions['readers'],
  ): (store: WillowStore) => Sharing {
    return (store) =>
      shareNamespace(store, sharing, {
        rights: this.#rights,
        userKey: this.#userKey,
        verifier: this.#places.verifier,
        revocations: this.#places.revocations.list,
        nowMs: this.#future.nowMs,
        isMetered: this.#isMetered,
        readers,
        onWarning: (message) => void this.events.publish('warning', { message }),
      })
  }

  /** Capabilities have changed: peers are shown the new ones, and theirs are looked at again. */
  #refresh(): void {
    for (const { sync } of this.#namespaces.all()) sync?.refresh()
  }

  /** The one that was named, or the only one. */
  #namespace(named: IdLike | undefined): OpenNamespace {
    this.#assertOpen()
    return this.#namespaces.named(named)
  }

  /** A capability takes one of few places and opens a namespace, and only its receiver can use it. */
  #assertIsOurs(capability: McCapability): void {
    const receiver = bytesToHex(receiverOf(capability))
    // What the node's own key may read, it may show to peers.
    if (receiver === this.userId || receiver === this.#sharing?.network.peerId) return
    const message = `the capability is granted to ${receiver}, not to this user`
    const hint = 'have it granted to the userId of this Willow'
    throw new MeadowcapError('ERR_CAPABILITY_RECEIVER', message, { hint })
  }

  #assertOpen(): void {
    if (this.#closing) throw willowError('ERR_WILLOW_STORE_CLOSED', 'Willow is closed')
  }
}
