/**
 * A correct transport in one process, small enough to be read, in which one thing at a
 * time can be broken: for each case of the suite one lie that this case has to find.
 */
import { createConnectionPair, type ConnectionPair } from '@vudo/testing'
import {
  MAX_MESSAGE_BYTES,
  TransportError,
  type AbortOptions,
  type Address,
  type ConnectOptions,
  type Connection,
  type DialOptions,
  type PeerId,
  type PeerInfo,
  type Topic,
  type Transport,
  type TransportContext,
  type TransportFeatures,
} from '@vudo/transport'
import type { RawAccess, RawEnd } from '@vudo/transport-conformance'
import { createLoopConnection } from './loop-connection.ts'

export const loopFeatures: TransportFeatures = {
  maxMessageBytes: MAX_MESSAGE_BYTES,
  provesPeer: true,
  discovers: false,
  dials: true,
}

/** How long a raw end may stay silent. */
export const loopHandshakeMs = 100

/** One wire for all transports of a test. `breaks` is the id of the case that has to fail. */
export class LoopWorld {
  readonly breaks: string | undefined
  readonly transports = new Map<Address, LoopTransport>()
  readonly pairs = new Map<Connection, ConnectionPair>()
  readonly leftBehind: ReturnType<typeof setInterval>[] = []
  #count = 0

  constructor(breaks?: string) {
    this.breaks = breaks
  }

  make(context: TransportContext): Transport {
    return new LoopTransport(context, this)
  }

  nextAddress(): Address {
    return `loop://${++this.#count}`
  }

  /** Cuts the wire below one connection. */
  cut(connection: Connection): void {
    const pair = this.pairs.get(connection)
    if (this.breaks !== 'broken-connection') pair?.cut()
    else void pair?.first.close()
  }

  readonly raw: RawAccess = {
    dial: async (address) => this.#open(address),
    oversize: async (address) => {
      const end = this.#open(address)
      await end.send(new Uint8Array(MAX_MESSAGE_BYTES + 1))
      return end
    },
  }

  #open(address: Address): RawEnd {
    const closing = Promise.withResolvers<void>()
    const target = this.transports.get(address)
    const timer =
      this.breaks === 'half-open-peer'
        ? undefined
        : setTimeout(() => closing.resolve(), loopHandshakeMs)
    const close = (): void => {
      clearTimeout(timer)
      closing.resolve()
    }
    return {
      closed: closing.promise,
      close,
      send: (bytes) => {
        close()
        const id = bytes.length > MAX_MESSAGE_BYTES ? 'oversize' : 'garbage'
        if (this.breaks === id) target?.closeAll()
      },
    }
  }
}

interface Join {
  readonly waiting: Connection[]
  readonly yielded: Set<Link>
  wake: () => void
}

interface Link {
  readonly peerId: PeerId
  readonly far: LoopTransport
  readonly connection: Connection
}

class LoopTransport implements Transport {
  readonly name = 'loop'
  readonly features: TransportFeatures
  readonly addresses: Address[] = []
  readonly #context: TransportContext
  readonly #world: LoopWorld
  readonly #joins = new Map<string, Join>()
  readonly #links = new Set<Link>()
  readonly #lost = new Set<PeerId>()
  #isClosed = false

  constructor(context: TransportContext, world: LoopWorld) {
    this.#context = context
    this.#world = world
    this.features = { ...loopFeatures, metered: this.#breaks('manifest') }
    if (this.#breaks('nothing-left-behind')) world.leftBehind.push(setInterval(() => {}, 1_000))
  }

  #breaks(id: string): boolean {
    return this.#world.breaks === id
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new TransportError('ERR_TRANSPORT_CLOSED', 'disconnected')
  }

  async listen(): Promise<void> {
    this.#assertOpen()
    if (this.addresses.length > 0) return
    const address = this.#world.nextAddress()
    this.addresses.push(address)
    this.#world.transports.set(address, this)
  }

  async announce(topic: Topic, options?: AbortOptions): Promise<void> {
    await this.listen()
    if (this.#breaks('announce-lookup')) return
    const record = this.#context.signRecord(this.addresses)
    for (const discovery of this.#context.discoveries) {
      await discovery.announce(topic, record, options)
    }
  }

  async lookup(topic: Topic): Promise<PeerInfo[]> {
    if (!this.#breaks('use-after-disconnect')) this.#assertOpen()
    const found: PeerInfo[] = []
    for (const discovery of this.#context.discoveries) {
      for (const { peerId, addresses } of await discovery.lookup(topic)) {
        if (peerId !== this.#context.peerId) found.push({ id: peerId, address: addresses[0] })
      }
    }
    if (this.#breaks('empty-lookup')) found.push({ id: this.#context.peerId })
    return found
  }

  async *connect(topic: Topic, options: ConnectOptions = {}): AsyncIterable<Connection> {
    this.#assertOpen()
    options.signal?.throwIfAborted()
    const text = Buffer.from(topic).toString('hex')
    const join: Join = { waiting: [], yielded: new Set(), wake: () => {} }
    this.#joins.set(text, join)
    const leaving = new AbortController()
    const finding = this.#find(topic, { ...options, signal: leaving.signal })
    const wake = (): void => join.wake()
    options.signal?.addEventListener('abort', wake)
    try {
      await this.announce(topic)
      for (const link of this.#links) this.share(link)
      while (!options.signal?.aborted && !this.#isClosed) {
        const connection = join.waiting.shift()
        if (connection) yield connection
        else await new Promise<void>((resolve) => (join.wake = resolve))
      }
      if (this.#isClosed) this.#assertOpen()
      if (this.#breaks('abort-connect')) throw new Error('aborted')
      options.signal?.throwIfAborted()
    } finally {
      options.signal?.removeEventListener('abort', wake)
      leaving.abort()
      this.#joins.delete(text)
      for (const discovery of this.#context.discoveries) await discovery.withdraw(topic)
      if (this.#breaks('leaving-a-topic')) this.closeAll()
      await finding
    }
  }

  async #find(topic: Topic, { admit, signal }: ConnectOptions): Promise<void> {
    const [discovery] = this.#context.discoveries
    if (!discovery) return
    try {
      for await (const { peerId, addresses } of discovery.watch(topic, { signal })) {
        const [address] = addresses
        if (peerId === this.#context.peerId || !address) continue
        if (admit && !admit({ id: peerId, address })) continue
        await this.dial(address, { expected: peerId })
      }
    } catch {
      // The topic was left, or the peer found has gone: nobody is waiting for it.
    }
  }

  async dial(target: Address, options: DialOptions = {}): Promise<Connection> {
    this.#assertOpen()
    if (!this.#breaks('abort-dial')) options.signal?.throwIfAborted()
    await Promise.resolve()
    if (!this.#breaks('abort-dial')) options.signal?.throwIfAborted()
    const far = this.#world.transports.get(target)
    if (!far) throw new TransportError('ERR_DIAL_FAILED', `nobody at ${target}`)
    if (far === this && !this.#breaks('peer-self')) {
      throw new TransportError('ERR_PEER_SELF', 'dialled itself')
    }
    const { peerId } = far.#context
    if (options.expected && options.expected !== peerId && !this.#breaks('peer-mismatch')) {
      throw new TransportError('ERR_PEER_MISMATCH', `${target} has another key`)
    }
    const known = [...this.#links].find((link) => link.peerId === peerId)
    return known?.connection ?? this.#link(far)
  }

  #link(far: LoopTransport): Connection {
    const isFull = (one: LoopTransport): boolean => one.#links.size >= 20
    if (this.#breaks('fifty-peers') && (isFull(this) || isFull(far))) {
      throw new TransportError('ERR_LIMIT', '20 connections')
    }
    if (this.#breaks('reconnect') && this.#lost.has(far.#context.peerId)) {
      throw new TransportError('ERR_DIAL_FAILED', 'once is enough')
    }
    const pair = createConnectionPair({
      peerIds: [this.#context.peerId, far.#context.peerId],
      ...(this.#breaks('slow-reader') ? { maxBufferedBytes: Infinity } : {}),
    })
    const near = this.#adopt(far, pair)
    const there = far.#adopt(this, pair)
    if (!this.#breaks('dial')) this.share(near)
    far.share(there)
    return near.connection
  }

  #adopt(far: LoopTransport, pair: ConnectionPair): Link {
    const end = pair.first.peerId === far.#context.peerId ? pair.first : pair.second
    const { breaks } = this.#world
    const connection = createLoopConnection(end, breaks)
    const link = { peerId: far.#context.peerId, far, connection }
    this.#world.pairs.set(connection, pair)
    this.#links.add(link)
    void this.#forget(link)
    return link
  }

  async #forget(link: Link): Promise<void> {
    await link.connection.closed
    this.#links.delete(link)
    this.#lost.add(link.peerId)
    if (this.#breaks('one-connection-only')) this.closeAll()
  }

  /** Yields a link, at both ends, on the topics that both ends have joined. */
  share(link: Link): void {
    this.#offer(link)
    for (const one of link.far.#links) if (one.far === this) link.far.#offer(one)
  }

  #offer(link: Link): void {
    for (const [topic, join] of this.#joins) {
      const isShared = link.far.#joins.has(topic) || this.#breaks('topic-isolation')
      if (!isShared || join.yielded.has(link)) continue
      join.yielded.add(link)
      const { breaks } = this.#world
      const isCopy = breaks === 'several-topics' || breaks === 'dial'
      join.waiting.push(isCopy ? createLoopConnection(link.connection, undefined) : link.connection)
      join.wake()
    }
  }

  closeAll(): void {
    for (const { connection } of this.#links) void connection.close()
  }

  async disconnect(): Promise<void> {
    if (this.#isClosed && this.#breaks('disconnect-idempotent')) throw new Error('closed already')
    this.#isClosed = true
    for (const address of this.addresses) this.#world.transports.delete(address)
    await Promise.all([...this.#links].map(({ connection }) => connection.close()))
    for (const join of this.#joins.values()) join.wake()
  }
}
