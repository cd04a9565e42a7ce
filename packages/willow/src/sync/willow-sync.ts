import { createEventHub, type EventHub, type Subscription } from '@vudo/events'
import { randomBytes } from '@vudo/identity'
import {
  capabilityId,
  createVerifier,
  type Area,
  type Entry,
  type McCapability,
  type Signer,
  type Verifier,
} from '@vudo/meadowcap'
import type { Channel, Network } from '@vudo/network'
import type { PeerId } from '@vudo/transport'
import { bytesToHex } from '@vudo/wire'
import type { WillowErrorCode } from '../errors.ts'
import {
  DEFAULT_DEFER_ABOVE_BYTES,
  MAX_SEEN_PEERS,
  MAX_SYNC_CHANNELS,
  SYNC_EVENT_BUFFER,
} from '../limits.ts'
import type { EntryAddress, StoreEvent, WillowStore } from '../store/store.ts'
import { linkToNetwork } from './network-link.ts'
import { SessionDriver, type WillowSyncChannel } from './session-driver.ts'
import type { SessionEffect, SessionEvent } from './session-effects.ts'
import { WillowSession } from './session.ts'

/** What a sync needs of a network. */
export type WillowSyncNetwork = Pick<
  Network,
  'peerId' | 'instance' | 'sessions' | 'events' | 'handle'
>

/** A peer and when it last spoke about the namespace. */
export interface SeenPeer {
  readonly peerId: PeerId
  /** Milliseconds since 1970. */
  readonly lastSeenMs: number
}

/** What {@link createWillowSync} takes. */
export interface WillowSyncInit {
  readonly network: WillowSyncNetwork
  /** Of one namespace; stays the caller's. */
  readonly store: WillowStore
  /**
   * The database of the network whose members sync; one namespace for each. The caller joins it.
   *
   * @defaultValue `willowDatabaseId(store.namespaceId)`
   */
  readonly database?: string | undefined
  /** Read capabilities of this user, asked for when a peer comes. At most `MAX_SHOWN_CAPABILITIES` are shown. */
  readonly capabilities?: (() => readonly McCapability[]) | undefined
  /** The keys that they are granted to, at most `MAX_PROVEN_KEYS`; this node's own is proven anyway. */
  readonly signers?: readonly Signer[] | undefined
  /**
   * What every member of the database may read without a capability.
   *
   * @defaultValue nothing
   */
  readonly openArea?: Area | undefined
  /**
   * Checks shown capabilities.
   *
   * @defaultValue a verifier of its own
   */
  readonly verifier?: Pick<Verifier, 'areValidCapabilities'> | undefined
  /**
   * Tells whether this node does not accept a capability any more.
   *
   * @defaultValue none is revoked
   */
  readonly isRevoked?: ((capability: McCapability) => boolean) | undefined
  /**
   * Whether payloads above `deferAboveBytes` wait until somebody asks for them.
   *
   * @defaultValue false
   */
  readonly metered?: boolean | undefined
  /** @defaultValue 65,536 */
  readonly deferAboveBytes?: number | undefined
  /**
   * Payload bytes per second that one peer is sent.
   *
   * @defaultValue as fast as it takes them
   */
  readonly bytesPerSecond?: number | undefined
  /**
   * Milliseconds in which a peer must send 65,536 more bytes of a payload, or its end; otherwise
   * others are asked for it. More than 0.
   *
   * @defaultValue 120,000
   */
  readonly payloadStallMs?: number | undefined
  /**
   * When peers were last seen, of an earlier start.
   *
   * @defaultValue nobody was
   */
  readonly seen?: readonly SeenPeer[] | undefined
  /**
   * Milliseconds since 1970.
   *
   * @defaultValue the clock of the machine
   */
  readonly now?: (() => number) | undefined
}

/** What a sync tells, by name. */
export interface WillowSyncEvents {
  /** Both ends know what the other may read: these areas, perhaps none. `granted` is what this end lets the peer read, whatever the peer itself asks for. `keys` are those that the peer has proven besides its own. */
  'peer:ready': {
    readonly peerId: PeerId
    readonly areas: readonly Area[]
    readonly granted: readonly Area[]
    readonly keys: readonly Uint8Array[]
  }
  /** The peer spoke about the namespace. */
  'peer:seen': SeenPeer
  /**
   * The peer has said in its session that it durably holds what this device holds in the area.
   * An erasure in there that was made before is done at the peer; with `upTo` only one of at
   * most that timestamp.
   */
  'peer:confirmed': {
    readonly peerId: PeerId
    readonly area: Area
    readonly upTo: bigint | undefined
    readonly atMs: number
  }
  /** Everything that is shared was compared and exchanged, payloads excepted. */
  'peer:reconciled': { readonly peerId: PeerId; readonly round: number }
  /** The peer broke the protocol or a limit; it is tried again later. */
  'peer:fault': {
    readonly peerId: PeerId
    readonly code: WillowErrorCode
    readonly message: string
  }
  /** The channel with the peer is over. */
  'peer:ended': { readonly peerId: PeerId }
  /** A large payload waits until somebody asks: the device is metered. */
  'payload:deferred': { readonly peerId: PeerId; readonly entry: Entry }
  /** A peer did not give a payload; `isForged` when it gave other bytes. */
  'payload:failed': { readonly peerId: PeerId; readonly entry: Entry; readonly isForged: boolean }
}

/** Keeps a store of entries in step with those of peers. */
export interface WillowSync {
  readonly events: EventHub<WillowSyncEvents>
  /** Peers with which a channel is open now. */
  readonly peers: readonly PeerId[]
  /** Who was seen, the one not seen for longest first; at most `MAX_SEEN_PEERS`. */
  readonly seen: readonly SeenPeer[]
  /** Whether large payloads wait. Setting it to false lets come what was put off. */
  isMetered: boolean
  /**
   * Asks every peer that may give it for the payload of an entry, before all others. It is here
   * when the store says so. Tells whether the entry is held and its payload not complete.
   */
  requestPayload(address: EntryAddress): Promise<boolean>
  /** Begins anew with every peer: after capabilities were added, or revoked. */
  refresh(): void
  /** Ends all channels. The store stays open. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** The database of a network under which peers of a namespace meet, unless they have another one. */
export function willowDatabaseId(namespaceId: Uint8Array): string {
  return `willow/1/${bytesToHex(namespaceId)}`
}

/** Syncs a store with every peer that shares the database, from now on. */
export function createWillowSync(init: WillowSyncInit): WillowSync {
  return new StoreSync(init)
}

class StoreSync implements WillowSync {
  readonly events: EventHub<WillowSyncEvents> = createEventHub<WillowSyncEvents>()
  readonly #init: WillowSyncInit
  readonly #verifier: Pick<Verifier, 'areValidCapabilities'>
  readonly #now: () => number
  readonly #drivers = new Map<SessionDriver, Promise<void>>()
  readonly #seen = new Map<PeerId, SeenPeer>()
  readonly #subscription: Subscription<StoreEvent>
  readonly #telling: Promise<void>
  readonly #unlink: () => void
  #isMetered: boolean
  #lastDriver = 0
  #closing: Promise<void> | undefined

  constructor(init: WillowSyncInit) {
    this.#init = init
    this.#verifier = init.verifier ?? createVerifier()
    this.#now = init.now ?? Date.now
    this.#isMetered = init.metered ?? false
    for (const seen of init.seen ?? []) this.#note(seen)
    this.#subscription = init.store.subscribe({ bufferSize: SYNC_EVENT_BUFFER })
    this.#telling = this.#tell()
    const database = init.database ?? willowDatabaseId(init.store.namespaceId)
    this.#unlink = linkToNetwork(init.network, database, (channel, isOpener) =>
      this.#speak(channel, isOpener),
    )
  }

  get peers(): readonly PeerId[] {
    return [...new Set([...this.#drivers.keys()].map(({ peerId }) => peerId))]
  }

  get seen(): readonly SeenPeer[] {
    return [...this.#seen.values()]
  }

  get isMetered(): boolean {
    return this.#isMetered
  }

  set isMetered(isMetered: boolean) {
    this.#isMetered = isMetered
    for (const driver of this.#drivers.keys()) driver.input({ type: 'metered', isMetered })
  }

  async requestPayload(address: EntryAddress): Promise<boolean> {
    const held = await this.#init.store.get(address)
    if (held === undefined || held.available === held.entry.payloadLength) return false
    for (const driver of this.#drivers.keys()) {
      driver.input({ type: 'request-payload', entry: held.entry })
    }
    return true
  }

  refresh(): void {
    for (const driver of this.#drivers.keys()) driver.end('ERR_WILLOW_REFRESH')
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#unlink()
    this.#subscription.close()
    for (const driver of this.#drivers.keys()) driver.end()
    await Promise.all(this.#drivers.values())
    await this.#telling
    this.events.close()
  }

  async #speak(channel: Channel, isOpener: boolean): Promise<void> {
    if (this.#closing !== undefined || this.#drivers.size >= MAX_SYNC_CHANNELS) {
      channel.reset('ERR_WILLOW_SYNC_LIMIT')
      return
    }
    const driver = this.#driver(channel, isOpener)
    const speaking = driver.speak()
    this.#drivers.set(driver, speaking)
    await speaking
    this.#drivers.delete(driver)
    this.#retry()
    const { peerId } = driver
    if (this.#seen.has(peerId)) this.#note({ peerId, lastSeenMs: this.#now() })
    this.events.publish('peer:ended', { peerId })
  }

  #driver(channel: WillowSyncChannel & Pick<Channel, 'session'>, isOpener: boolean): SessionDriver {
    const { network, store, capabilities, signers, openArea } = this.#init
    const { bytesPerSecond, payloadStallMs } = this.#init
    const { deferAboveBytes = DEFAULT_DEFER_ABOVE_BYTES } = this.#init
    const { peerId } = channel.session
    const session = new WillowSession({
      namespaceId: store.namespaceId,
      peerId: network.peerId,
      remotePeerId: peerId,
      isOpener,
      capabilities: distinct(capabilities?.() ?? []),
      signers: signers ?? [],
      openArea,
      bytesPerSecond,
      payloadStallMs,
      metered: { isMetered: this.#isMetered, deferAboveBytes },
      random: randomBytes,
    })
    this.#lastDriver += 1
    const origin = `willow-sync ${this.#lastDriver} ${peerId}`
    const onEvent = (event: SessionEvent | (SessionEffect & { readonly type: 'fail' })): void =>
      this.#publish(peerId, event)
    const onRelease = (): void => this.#retry()
    const areValid = (all: readonly McCapability[]): Promise<boolean[]> => this.#areValid(all)
    return new SessionDriver({
      session,
      channel,
      store,
      peerId,
      areValid,
      origin,
      onEvent,
      onRelease,
    })
  }

  /** What one session was receiving may come from another one. */
  #retry(): void {
    for (const driver of this.#drivers.keys()) driver.input({ type: 'retry' })
  }

  async #areValid(capabilities: readonly McCapability[]): Promise<boolean[]> {
    const answers = await this.#verifier.areValidCapabilities(capabilities)
    // Afterwards: it may be revoked while signatures are checked.
    return answers.map((isValid, at) => isValid && !this.#init.isRevoked?.(capabilities[at]!))
  }

  #publish(
    peerId: PeerId,
    event: SessionEvent | (SessionEffect & { readonly type: 'fail' }),
  ): void {
    const { events } = this
    const atMs = this.#now()
    switch (event.type) {
      case 'ready': {
        const seen = { peerId, lastSeenMs: atMs }
        this.#note(seen)
        events.publish('peer:seen', seen)
        const { areas, granted, keys } = event
        events.publish('peer:ready', { peerId, areas, granted, keys })
        return
      }
      case 'confirmed':
        this.#note({ peerId, lastSeenMs: atMs })
        events.publish('peer:confirmed', { peerId, area: event.area, upTo: event.upTo, atMs })
        return
      case 'reconciled':
        events.publish('peer:reconciled', { peerId, round: event.round })
        return
      case 'deferred':
        events.publish('payload:deferred', { peerId, entry: event.entry })
        return
      case 'payload-failed': {
        const { entry, isForged } = event
        events.publish('payload:failed', { peerId, entry, isForged })
        return
      }
      case 'fail':
        events.publish('peer:fault', { peerId, code: event.code, message: event.message })
    }
  }

  #note(seen: SeenPeer): void {
    this.#seen.delete(seen.peerId)
    this.#seen.set(seen.peerId, seen)
    if (this.#seen.size <= MAX_SEEN_PEERS) return
    const [longest] = this.#seen.keys()
    this.#seen.delete(longest!)
  }

  /** Hands news of the store to every session. */
  async #tell(): Promise<void> {
    let dropped = 0
    for await (const event of this.#subscription) {
      const isMissing = this.#subscription.dropped > dropped
      dropped = this.#subscription.dropped
      for (const driver of this.#drivers.keys()) {
        if (isMissing) driver.input({ type: 'missed' })
        if (isNews(event)) {
          const isFromPeer = event.origin === driver.origin
          driver.input({ type: 'changed', held: event.held, isFromPeer })
        } else if (event.type === 'entry:prune' || event.type === 'entry:forget') {
          driver.input({ type: 'removed', entry: event.entry })
        }
      }
    }
  }
}

/** A new entry, or a payload that is complete now. */
function isNews(event: StoreEvent): event is StoreEvent & { readonly type: 'entry:insert' } {
  if (event.type === 'entry:insert') return true
  return event.type === 'payload:change' && event.held.available === event.held.entry.payloadLength
}

function distinct(capabilities: readonly McCapability[]): McCapability[] {
  return [...new Map(capabilities.map((one) => [capabilityId(one), one])).values()]
}
