import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import {
  HANDSHAKE_TIMEOUT_MS,
  parseTransportConfig,
  TOPIC_BYTES,
  type Address,
  type Connection,
  type ConnectOptions,
  type PeerId,
  type Topic,
  type Transport,
} from '@vudo/transport'
import { createBulletinBoard } from './bulletin-board.ts'
import { check } from './errors.ts'
import { join, type Joined } from './joined.ts'
import { CLEANUP_TIMEOUT_MS, POLL_MS } from './limits.ts'
import type { ConformanceOptions } from './options.ts'

/** One node of a case. */
export interface Peer {
  readonly id: PeerId
  readonly transport: Transport
}

/** Two peers that joined one topic and met. */
export interface Meeting {
  readonly topic: Topic
  readonly a: Peer
  readonly b: Peer
  /** What each was given: `ab` is a's connection to b. */
  readonly ab: Connection
  readonly ba: Connection
  readonly joinedA: Joined
  readonly joinedB: Joined
}

/** What a case works with: fresh peers, and waits that name what they wait for. */
export class Scene {
  readonly options: ConformanceOptions
  readonly #board = createBulletinBoard()
  readonly #transports: Transport[] = []
  readonly #joined: Joined[] = []
  readonly #cleanups: (() => Promise<void> | void)[] = []
  /** What the case waits for, for the message when time is over. */
  waitingFor = 'the case to begin'
  isOver = false

  constructor(options: ConformanceOptions) {
    this.options = options
  }

  get maxMessageBytes(): number {
    return this.options.manifest.features.maxMessageBytes
  }

  get handshakeTimeoutMs(): number {
    return this.options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS
  }

  /** A topic nobody else has. */
  createTopic(): Topic {
    return crypto.getRandomValues(new Uint8Array(TOPIC_BYTES))
  }

  async createPeer(): Promise<Peer> {
    const { make, manifest, config } = this.options
    const discoveries = manifest.features.discovers ? [] : [this.#board.createDiscovery()]
    const context = createTransportContext(createNodeKey())
    const settings = parseTransportConfig({
      port: 0,
      bindAddress: '127.0.0.1',
      maxNewConnectionsPerSecond: 10_000,
      ...config,
    })
    const transport = await this.during('make()', make({ ...context, discoveries, settings }))
    this.#transports.push(transport)
    for (const discovery of discoveries) this.onCleanup(() => discovery.close())
    return { id: context.peerId, transport }
  }

  join(peer: Peer, topic: Topic, options?: ConnectOptions): Joined {
    const joined = join(peer.transport, topic, options)
    this.#joined.push(joined)
    return joined
  }

  /** Joins and waits for the first connection. */
  async meet(): Promise<Meeting> {
    const topic = this.createTopic()
    const [a, b] = [await this.createPeer(), await this.createPeer()]
    const [joinedA, joinedB] = [this.join(a, topic), this.join(b, topic)]
    const [ab, ba] = [await this.first(joinedA, 'a to b'), await this.first(joinedB, 'b to a')]
    return { topic, a, b, ab, ba, joinedA, joinedB }
  }

  /** The first connection of a joined topic. */
  async first(joined: Joined, what: string): Promise<Connection> {
    await this.until(
      () => joined.connections.length > 0 || joined.hasEnded,
      `connect to yield a connection (${what})`,
    )
    const [connection] = joined.connections
    check(
      connection !== undefined,
      `connect ended without a connection (${what}): ${String(joined.error)}`,
    )
    return connection
  }

  /** An address at which the peer can be dialled. */
  async addressOf(peer: Peer): Promise<Address> {
    await this.during('listen', peer.transport.listen())
    const [address] = peer.transport.addresses
    check(address !== undefined, 'a transport that dials has an address after listen')
    return address
  }

  /** Awaits `promise`, and if the case runs out of time, the message says `what`. */
  async during<T>(what: string, promise: Promise<T> | T): Promise<T> {
    const before = this.waitingFor
    this.waitingFor = what
    const value = await promise
    this.waitingFor = before
    return value
  }

  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    this.waitingFor = what
    while (!this.isOver && !(await condition())) await pause(POLL_MS)
  }

  onCleanup(run: () => Promise<void> | void): void {
    this.#cleanups.push(run)
  }

  /** Ends everything, whatever state the case left it in. What fails here has failed in a case of its own. */
  async close(): Promise<void> {
    this.isOver = true
    const { teardown } = this.options
    const ended = async (): Promise<void> => {
      await Promise.allSettled(this.#joined.map((joined) => joined.leave()))
      await Promise.allSettled(this.#transports.map((transport) => transport.disconnect()))
    }
    await atMost(ended(), CLEANUP_TIMEOUT_MS)
    await atMost(Promise.allSettled(this.#cleanups.map(async (run) => run())), CLEANUP_TIMEOUT_MS)
    await teardown?.()
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Waits for `promise`, but not longer than `ms`; true when it has settled. */
export async function atMost(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => late.resolve(false), ms)
  const settled = promise.then(
    () => true,
    () => true,
  )
  try {
    return await Promise.race([settled, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** A message that differs from its neighbours in size and content. */
export function createMessage(bytes: number, seed = 0): Uint8Array {
  const message = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) message[at] = at * 31 + (at >> 8) + seed
  return message
}

export function isEqual(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at])
}
