/**
 * One joined database out in the world: makes this node findable under its topic on
 * every transport and discovery, takes the connections that come in, and reports
 * the peers it finds.
 */
import type {
  Connection,
  Discovery,
  PeerId,
  PeerInfo,
  PeerRecord,
  Topic,
  Transport,
} from '@vudo/transport'
import { START_GRACE_MS } from './limits.ts'
import { whenEnough } from './when-enough.ts'

/** What a presence needs. */
export interface PresenceInit {
  readonly topic: Topic
  readonly transports: readonly Transport[]
  readonly discoveries: readonly Discovery[]
  readonly intervalMs: number
  readonly random: () => number
  /** This node's record at this moment. */
  readonly record: () => PeerRecord
  readonly onConnection: (connection: Connection) => void
  /** `isLocal`: the discovery hears the local network only. */
  readonly onRecord: (record: PeerRecord, isLocal: boolean) => void
  readonly onPeer: (peer: PeerInfo) => void
  /** A transport or discovery failed; the others go on, and it is tried again. */
  readonly onFailure: (name: string, error: unknown) => void
}

/** One way to find peers and to be found: a discovery, or a transport that discovers. */
interface Way {
  readonly name: string
  readonly announce: (record: PeerRecord) => Promise<void>
  /** Reports who is found, and gives them. */
  readonly search: (options: { readonly signal: AbortSignal }) => Promise<readonly PeerInfo[]>
  /** The record that was announced last. */
  announced?: Uint8Array
  /** Ends the pause between two searches. */
  hurry?: () => void
}

/** The presence of one database. */
export class Presence {
  readonly #init: PresenceInit
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[] = []
  readonly #ways: readonly Way[]

  constructor(init: PresenceInit) {
    this.#init = init
    const discovering = init.transports.filter(({ features }) => features.discovers)
    this.#ways = [
      ...init.discoveries.map((discovery) => this.#wayOf(discovery)),
      ...discovering.map((transport) => this.#wayThrough(transport)),
    ]
  }

  /** Joins everywhere and settles when this node is findable, where that is possible and does not take long. */
  async start(): Promise<void> {
    const { transports, discoveries } = this.#init
    for (const transport of transports) this.#loops.push(this.#accept(transport))
    for (const discovery of discoveries) this.#loops.push(this.#watch(discovery))
    const announced = this.#ways.map((way) => this.#announce(way))
    this.#ways.forEach((way, i) => this.#loops.push(this.#repeat(way, announced[i])))
    await whenEnough(announced, START_GRACE_MS)
  }

  /** Looks everywhere now. */
  async search(signal: AbortSignal = this.#stopping.signal): Promise<PeerInfo[]> {
    const found = new Map<PeerId, PeerInfo>()
    const searches = this.#ways.map((way) =>
      this.#try(way.name, async () => {
        for (const peer of await way.search({ signal })) {
          if (!found.has(peer.id)) found.set(peer.id, peer)
        }
      }),
    )
    await Promise.all(searches)
    signal.throwIfAborted()
    return [...found.values()]
  }

  /** This node may be elsewhere now: announces and searches again, whatever was announced before. */
  refresh(): void {
    for (const way of this.#ways) {
      delete way.announced
      way.hurry?.()
    }
  }

  /** Leaves everywhere. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const { topic, discoveries } = this.#init
    await Promise.all([
      ...this.#loops,
      ...discoveries.map((discovery) => this.#try(discovery.name, () => discovery.withdraw(topic))),
    ])
  }

  async #accept(transport: Transport): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#try(transport.name, async () => {
        // Nobody is dialled from below: the network knows who is connected on other paths.
        const options = { admit: () => false, signal }
        for await (const connection of transport.connect(this.#init.topic, options)) {
          this.#init.onConnection(connection)
        }
      })
      await this.#pause()
    }
  }

  async #watch(discovery: Discovery): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#try(discovery.name, async () => {
        for await (const record of discovery.watch(this.#init.topic, { signal })) {
          this.#init.onRecord(record, discovery.isLocal === true)
        }
      })
      await this.#pause()
    }
  }

  /** Each way by itself: one that does not answer keeps nobody waiting. */
  async #repeat(way: Way, announced: Promise<void> | undefined): Promise<void> {
    const { signal } = this.#stopping
    await announced
    while (!signal.aborted) {
      await this.#try(way.name, async () => void (await way.search({ signal })))
      await this.#pause((hurry) => {
        way.hurry = hurry
      })
      if (!signal.aborted) await this.#announce(way)
    }
  }

  async #announce(way: Way): Promise<void> {
    const record = this.#init.record()
    if (way.announced === record.bytes) return
    way.announced = record.bytes
    await this.#try(way.name, () => way.announce(record))
  }

  #wayOf(discovery: Discovery): Way {
    const { topic, onRecord } = this.#init
    const { signal } = this.#stopping
    return {
      name: discovery.name,
      announce: (record) => discovery.announce(topic, record, { signal }),
      async search(options) {
        const records = await discovery.lookup(topic, options)
        for (const record of records) onRecord(record, discovery.isLocal === true)
        return records.map(({ peerId, addresses }) => ({ id: peerId, address: addresses[0] }))
      },
    }
  }

  #wayThrough(transport: Transport): Way {
    const { topic, onPeer } = this.#init
    const { signal } = this.#stopping
    return {
      name: transport.name,
      announce: () => transport.announce(topic, { signal }),
      async search(options) {
        const peers = await transport.lookup(topic, options)
        for (const peer of peers) onPeer(peer)
        return peers
      },
    }
  }

  async #try(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#init.onFailure(name, error)
    }
  }

  #pause(onBegin?: (settle: () => void) => void): Promise<void> {
    const { intervalMs, random } = this.#init
    const { signal } = this.#stopping
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', settle)
        resolve()
      }
      // Peers that all look at the same moment, before any has announced, would miss each other again and again.
      const timer = setTimeout(settle, intervalMs * (0.8 + random() / 5))
      signal.addEventListener('abort', settle, { once: true })
      onBegin?.(settle)
    })
  }
}
