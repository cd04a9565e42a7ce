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

/** The presence of one database. */
export class Presence {
  readonly #init: PresenceInit
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[] = []
  #announced: Uint8Array | undefined
  /** Ends the pause between two searches. */
  #hurry: (() => void) | undefined

  constructor(init: PresenceInit) {
    this.#init = init
  }

  /** Joins everywhere and settles when this node is findable, where that is possible. */
  async start(): Promise<void> {
    const { transports, discoveries } = this.#init
    for (const transport of transports) this.#loops.push(this.#accept(transport))
    for (const discovery of discoveries) this.#loops.push(this.#watch(discovery))
    await this.#announce()
    this.#loops.push(this.#repeat())
  }

  /** Looks everywhere now. */
  async search(signal: AbortSignal = this.#stopping.signal): Promise<PeerInfo[]> {
    const { topic, transports, discoveries } = this.#init
    const found = new Map<PeerId, PeerInfo>()
    const note = (peer: PeerInfo): void => {
      if (!found.has(peer.id)) found.set(peer.id, peer)
    }
    await Promise.all([
      ...discoveries.map((discovery) =>
        this.#try(discovery.name, async () => {
          for (const record of await discovery.lookup(topic, { signal })) {
            note({ id: record.peerId, address: record.addresses[0] })
            this.#init.onRecord(record, discovery.isLocal === true)
          }
        }),
      ),
      ...transports
        .filter((transport) => transport.features.discovers)
        .map((transport) =>
          this.#try(transport.name, async () => {
            for (const peer of await transport.lookup(topic, { signal })) {
              note(peer)
              this.#init.onPeer(peer)
            }
          }),
        ),
    ])
    signal.throwIfAborted()
    return [...found.values()]
  }

  /** This node may be elsewhere now: announces and searches again, whatever was announced before. */
  refresh(): void {
    this.#announced = undefined
    this.#hurry?.()
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
    await this.#try(transport.name, async () => {
      // Nobody is dialled from below: the network knows who is connected on other paths.
      const options = { admit: () => false, signal }
      for await (const connection of transport.connect(this.#init.topic, options)) {
        this.#init.onConnection(connection)
      }
    })
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

  async #repeat(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#try('search', () => this.search())
      await this.#pause((hurry) => {
        this.#hurry = hurry
      })
      if (!signal.aborted) await this.#announce()
    }
  }

  async #announce(): Promise<void> {
    const { topic, transports, discoveries } = this.#init
    const { signal } = this.#stopping
    const record = this.#init.record()
    const isNew = this.#announced !== record.bytes
    this.#announced = record.bytes
    await Promise.all([
      ...(isNew ? discoveries : []).map((discovery) =>
        this.#try(discovery.name, () => discovery.announce(topic, record, { signal })),
      ),
      ...(isNew ? transports : [])
        .filter((transport) => transport.features.discovers)
        .map((transport) => this.#try(transport.name, () => transport.announce(topic, { signal }))),
    ])
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
