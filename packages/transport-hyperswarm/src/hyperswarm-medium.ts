import {
  systemRuntime,
  type Accept,
  type Announcement,
  type Medium,
  type MediumDialOptions,
  type Runtime,
} from '@vudo/swarm'
import {
  MAX_MESSAGE_BYTES,
  type AbortOptions,
  type Address,
  type Link,
  type PeerInfo,
  type Topic,
  type TransportContext,
  type TransportFeatures,
} from '@vudo/transport'
import { createAnnouncements, type Announcements } from './announcements.ts'
import { openDhtNode, type DhtNode } from './dht-node.ts'
import { dialDht } from './dial.ts'
import type { DhtLink } from './dht-link.ts'
import { createEncounters, type Encounters } from './encounters.ts'
import { formatHyperswarmAddress, type BootstrapAddress } from './hyperswarm-address.ts'
import { LISTEN_WAIT_MS, WITHDRAW_TIMEOUT_MS } from './limits.ts'
import { createListener, type Listener } from './listener.ts'
import { loadHyperdht, type ImportHyperdht } from './load-hyperdht.ts'
import { createSearch, type Search } from './search.ts'

/** What a medium is made of. */
export interface HyperswarmMediumInit {
  readonly context: TransportContext
  readonly bootstrap: readonly BootstrapAddress[]
  readonly firewalled?: boolean | undefined
  readonly persistent?: boolean | undefined
  /** Clock, timers and randomness; the platform's when left out. */
  readonly runtime?: Runtime | undefined
  /** How to load the library; `import('hyperdht')` when left out. */
  readonly importHyperdht?: ImportHyperdht | undefined
}

const features: TransportFeatures = {
  maxMessageBytes: MAX_MESSAGE_BYTES,
  provesPeer: true,
  discovers: true,
  dials: true,
}

/** HyperDHT as a medium of a swarm; it hands up proven links, and finds peers by topic. */
export function createHyperswarmMedium(init: HyperswarmMediumInit): Medium {
  return new HyperswarmMedium(init)
}

/** Everything that begins with the first use. */
interface Running extends DhtNode {
  readonly search: Search
}

class HyperswarmMedium implements Medium {
  readonly name = 'hyperswarm'
  readonly features = features
  readonly settlesTies = true

  readonly #init: HyperswarmMediumInit
  readonly #runtime: Runtime
  readonly #links = new Set<DhtLink>()
  readonly #encounters: Encounters
  readonly #closing = new AbortController()
  #starting: Promise<Running> | undefined
  #listener: Listener | undefined
  #announcements: Announcements | undefined
  /** Settles, and never rejects, when the DHT knows this node's key or nobody answered. */
  #findable: Promise<unknown> = Promise.resolve()

  constructor(init: HyperswarmMediumInit) {
    this.#init = init
    this.#runtime = init.runtime ?? systemRuntime
    this.#encounters = createEncounters()
  }

  /** The first caller starts it; after a failure, a port that was taken say, the next one tries again. */
  async #running(): Promise<Running> {
    this.#starting ??= this.#start()
    try {
      return await this.#starting
    } catch (error) {
      this.#starting = undefined
      throw error
    }
  }

  async #start(): Promise<Running> {
    const { context, bootstrap, firewalled, persistent, importHyperdht } = this.#init
    const Hyperdht = await loadHyperdht(importHyperdht)
    this.#closing.signal.throwIfAborted()
    const { settings, seed } = context
    const node = await openDhtNode(Hyperdht, { bootstrap, settings, firewalled, persistent, seed })
    return { ...node, search: createSearch(node.dht, this.#runtime) }
  }

  async listen(accept: Accept): Promise<readonly Address[]> {
    const { dht, keyPair, sharesLocalAddress } = await this.#running()
    const { peerId: self, settings } = this.#init.context
    const { maxConnections, enableNatTraversal: punchesHoles } = settings
    const listener = createListener({
      dht,
      keyPair,
      self,
      sharesLocalAddress,
      punchesHoles,
      maxConnections,
      encounters: this.#encounters,
      nowMs: () => this.#runtime.nowMs(),
      accept,
      onLink: (link) => this.#keep(link),
    })
    const announcements = createAnnouncements({
      dht,
      keyPair,
      relayAddresses: () => listener.relayAddresses,
      runtime: this.#runtime,
    })
    dht.on('network-change', () => announcements.refresh())
    this.#listener = listener
    this.#announcements = announcements
    this.#findable = listener.start().catch(() => undefined)
    await this.#atMost(this.#findable, LISTEN_WAIT_MS)
    return [formatHyperswarmAddress(self)]
  }

  async dial(address: Address, { signal, expected }: MediumDialOptions): Promise<Link> {
    const { dht, keyPair, sharesLocalAddress, search } = await this.#running()
    const link = await dialDht({
      dht,
      keyPair,
      sharesLocalAddress,
      address,
      expected,
      self: this.#init.context.peerId,
      punchesHoles: this.#init.context.settings.enableNatTraversal,
      encounters: this.#encounters,
      relayAddressesOf: (peerId) => search.relayAddressesOf(peerId),
      signal,
    })
    this.#keep(link)
    return link
  }

  async announce(topic: Topic, _self: Announcement, options: AbortOptions): Promise<void> {
    // Before, nobody could be told through whom a handshake finds us.
    await this.#findable
    options.signal?.throwIfAborted()
    await this.#announcements?.announce(topic, options)
    // Of two that join at one moment, whoever is announced last finds the other now.
    const { search } = await this.#running()
    search.wake(topic)
  }

  async withdraw(topic: Topic): Promise<void> {
    await this.#announcements?.withdraw(topic)
  }

  async lookup(topic: Topic, options: AbortOptions): Promise<readonly PeerInfo[]> {
    const { search } = await this.#running()
    return search.lookup(topic, options)
  }

  async *watch(topic: Topic, { signal }: AbortOptions): AsyncGenerator<PeerInfo, void, undefined> {
    const { search } = await this.#running()
    const signals = [this.#closing.signal, ...(signal ? [signal] : [])]
    yield* search.watch(topic, AbortSignal.any(signals))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#announcements?.close()
    await Promise.all(Array.from(this.#links, (link) => link.close()))
    const running = await this.#starting?.catch(() => undefined)
    if (this.#listener) await this.#atMost(this.#listener.close(), WITHDRAW_TIMEOUT_MS)
    await running?.dht.destroy({ force: true })
  }

  /** Remembers a link as long as it lives, for {@link close}. */
  #keep(link: DhtLink): void {
    this.#links.add(link)
    void link.closed.then(() => this.#links.delete(link))
    if (this.#closing.signal.aborted) link.destroy()
  }

  /** Waits, but no longer than `ms`; the rest goes on, and its failure is nobody's. */
  async #atMost(work: Promise<unknown>, ms: number): Promise<void> {
    const late = Promise.withResolvers<void>()
    const cancel = this.#runtime.setTimer(ms, late.resolve)
    try {
      await Promise.race([work.catch(() => undefined), late.promise])
    } finally {
      cancel()
    }
  }
}
