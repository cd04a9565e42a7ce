import { topicToHex } from '@vudo/topic'
import {
  isPeerId,
  TransportError,
  type AbortOptions,
  type Address,
  type Connection,
  type ConnectOptions,
  type DialOptions,
  type DialTarget,
  type Link,
  type PeerId,
  type PeerInfo,
  type Topic,
  type Transport,
  type TransportContext,
  type TransportFeatures,
} from '@vudo/transport'
import { createAdmission, type Admission } from './admission.ts'
import { createAnnouncer, type Announcer } from './announcer.ts'
import { createConnections } from './connections.ts'
import { orAborted, startDeadline } from './deadline.ts'
import { createDialDriver, type DialDriver } from './dial-driver.ts'
import { createFinder, type Finder } from './finder.ts'
import { BYE_TIMEOUT_MS } from './limits.ts'
import { createLinkOpener, selfError, type LinkOpener } from './link-opener.ts'
import type { Incoming, Medium } from './medium.ts'
import { Memberships } from './memberships.ts'
import { systemRuntime, type Runtime } from './runtime.ts'
import { createSharedDials, type DialWish, type SharedDials } from './shared-dials.ts'
import { createSwarmConnection, type SwarmConnection } from './swarm-connection.ts'
import { createTasks } from './tasks.ts'

/** What a swarm may be given besides its medium. */
export interface SwarmOptions {
  /**
   * Clock, timers and randomness.
   *
   * @defaultValue the platform's.
   */
  readonly runtime?: Runtime | undefined
}

/**
 * Makes a complete transport out of a medium: agreement on topics, one connection for
 * all topics of a peer, securing where the medium proves nothing, limits, and whom to
 * dial when.
 *
 * The transport lives once: after `disconnect` every call rejects with
 * `ERR_TRANSPORT_CLOSED`, and a new start takes a new transport. An iteration of
 * `connect` joins when it begins and ends quietly by `break`, its signal or
 * `disconnect`. Two connections with one peer can exist for a while (both ends dialled,
 * or the peer came back before its loss was noticed); each is yielded.
 *
 * @param medium - Taken over, and closed by `disconnect`.
 * @param context - This node. Its discoveries are used and stay open: who made them closes them.
 */
export function createSwarm(
  medium: Medium,
  context: TransportContext,
  options: SwarmOptions = {},
): Transport {
  return new Swarm(medium, context, options.runtime ?? systemRuntime)
}

class Swarm implements Transport {
  readonly name: string
  readonly features: TransportFeatures
  readonly #medium: Medium
  readonly #context: TransportContext
  readonly #runtime: Runtime
  readonly #admission: Admission
  readonly #announcer: Announcer
  readonly #finder: Finder
  readonly #opener: LinkOpener
  readonly #dials: DialDriver
  readonly #sharedDials: SharedDials<SwarmConnection>
  readonly #connections = createConnections()
  /** Connections that came in and share no topic yet, oldest first: the first to go when all places are taken. */
  readonly #strangers = new Set<SwarmConnection>()
  readonly #memberships: Memberships
  readonly #tasks = createTasks()
  readonly #closing = new AbortController()
  #addresses: readonly Address[] = []
  #listening: Promise<void> | undefined
  #disconnecting: Promise<void> | undefined
  /** Dials that have a place among the connections kept for them. */
  #reserved = 0

  constructor(medium: Medium, context: TransportContext, runtime: Runtime) {
    this.name = medium.name
    this.features = medium.features
    this.#medium = medium
    this.#context = context
    this.#runtime = runtime
    this.#admission = createAdmission(context.settings.maxNewConnectionsPerSecond)
    this.#finder = createFinder(medium, context.discoveries, context.peerId)
    const addresses = (): readonly Address[] => this.#addresses
    this.#announcer = createAnnouncer({ medium, context, runtime, addresses })
    this.#opener = createLinkOpener({ medium, context, runtime, closing: this.#closing.signal })
    this.#sharedDials = createSharedDials(medium.name, (wish) => this.#open(wish))
    this.#dials = createDialDriver({
      self: context.peerId,
      runtime,
      hasPeer: (id) => this.#connections.has(id),
      dial: (address, expected) => this.#sharedDials.dial({ address, expected }),
      tasks: this.#tasks,
      tieDelayMs: medium.settlesTies === true ? 0 : undefined,
    })
    this.#memberships = this.#createMemberships()
  }

  #createMemberships(): Memberships {
    return new Memberships({
      finder: this.#finder,
      announcer: this.#announcer,
      runtime: this.#runtime,
      listen: () => this.listen(),
      closing: this.#closing.signal,
      tasks: this.#tasks,
      connections: () => this.#connections.all(),
      onFound: (peer, { hex }) => {
        if (this.features.dials) this.#dials.offer(peer, hex)
      },
      onOpenToAll: (hex) => this.#offerBootstrapNodes(hex),
      onLeft: (hex) => this.#dials.leave(hex),
    })
  }

  get addresses(): readonly Address[] {
    return this.#addresses
  }

  async listen(options?: AbortOptions): Promise<void> {
    this.#assertOpen()
    options?.signal?.throwIfAborted()
    this.#listening ??= this.#startListening()
    await orAborted(this.#listening, options?.signal ?? this.#closing.signal)
    this.#assertOpen()
  }

  async #startListening(): Promise<void> {
    try {
      const { signal } = this.#closing
      this.#addresses = await this.#medium.listen((incoming) => this.#accept(incoming), { signal })
    } catch (error) {
      // The port may be free next time.
      this.#listening = undefined
      throw error
    }
  }

  #assertOpen(): void {
    this.#closing.signal.throwIfAborted()
  }

  async announce(topic: Topic, options?: AbortOptions): Promise<void> {
    topicToHex(topic)
    await this.listen(options)
    await this.#announcer.announce(topic.slice(), options ?? {})
  }

  async lookup(topic: Topic, options?: AbortOptions): Promise<PeerInfo[]> {
    topicToHex(topic)
    this.#assertOpen()
    const found = await orAborted(
      this.#finder.lookup(topic, { signal: options?.signal ?? this.#closing.signal }),
      this.#closing.signal,
    )
    return found.map(({ id, addresses }) => ({ id, address: addresses[0] }))
  }

  connect(topic: Topic, options?: ConnectOptions): AsyncIterable<Connection> {
    topicToHex(topic)
    return { [Symbol.asyncIterator]: () => this.#memberships.join(topic, options) }
  }

  /** Addresses from the configuration, whose peers are not known yet. */
  #offerBootstrapNodes(topic: string): void {
    if (!this.features.dials) return
    const prefix = `${this.name}://`
    for (const address of this.#context.settings.bootstrapNodes) {
      if (!address.startsWith(prefix)) continue
      this.#dials.offer({ id: undefined, addresses: [address] }, topic)
    }
  }

  async dial(target: DialTarget, options?: DialOptions): Promise<Connection> {
    this.#assertOpen()
    options?.signal?.throwIfAborted()
    if (!this.features.dials) {
      throw new TransportError('ERR_UNSUPPORTED', `transport "${this.name}" does not dial`)
    }
    if (!isPeerId(target)) return this.#dialAddress(target, options)
    if (target === this.#context.peerId) throw selfError()
    return this.#dialPeer(target, options)
  }

  async #dialAddress(address: Address, options?: DialOptions): Promise<Connection> {
    await this.listen({ signal: options?.signal })
    return this.#sharedDials.dial({ ...options, address })
  }

  /** Tries one address after the other; the last error counts. */
  async #dialPeer(id: PeerId, options?: DialOptions): Promise<Connection> {
    let failure: unknown = new TransportError('ERR_DIAL_FAILED', `no address of ${id} is known`, {
      hint: 'dial an address, or look the peer up under a topic first',
    })
    for (const address of await this.#addressesOf(id, options)) {
      try {
        // Side by side they would cost the peer a handshake each.
        // oxlint-disable-next-line no-await-in-loop
        return await this.#dialAddress(address, { ...options, expected: options?.expected ?? id })
      } catch (error) {
        options?.signal?.throwIfAborted()
        this.#assertOpen()
        failure = error
      }
    }
    throw failure
  }

  async #addressesOf(id: PeerId, options?: DialOptions): Promise<readonly Address[]> {
    const known = this.#finder.addressesOf(id)
    if (known.length > 0) return known
    // Whatever fails here is one source less; without any address the dial says so.
    await Promise.allSettled(this.#memberships.topics.map((topic) => this.lookup(topic, options)))
    options?.signal?.throwIfAborted()
    return this.#finder.addressesOf(id)
  }

  async #open({ address, expected, signal }: DialWish): Promise<SwarmConnection> {
    const { maxConnections } = this.#context.settings
    if (this.#connections.size + this.#reserved >= maxConnections) throw fullError(maxConnections)
    this.#reserved += 1
    try {
      return this.#adopt(await this.#opener.dial(address, { expected, signal }))
    } finally {
      this.#reserved -= 1
    }
  }

  #accept(incoming: Incoming): void {
    const leave = this.#closing.signal.aborted
      ? undefined
      : this.#admission.enter(incoming.remoteAddress, this.#runtime.nowMs())
    if (leave) this.#tasks.add(this.#welcome(incoming, leave))
    else incoming.refuse()
  }

  async #welcome(incoming: Incoming, leave: () => void): Promise<void> {
    const { maxConnections } = this.#context.settings
    try {
      const link = await this.#opener.accept(incoming)
      this.#makeRoom()
      if (this.#connections.size + this.#reserved < maxConnections) {
        const connection = this.#adopt(link)
        if (connection.isOpen) this.#strangers.add(connection)
      }
      // Only now, because only over a safe link can somebody be told why.
      else await this.#wrap(link).dismiss(fullError(maxConnections), 'limit')
    } catch {
      // A stranger's failed handshake is nobody's business here; the medium has closed it.
    } finally {
      leave()
    }
  }

  /**
   * When all places are taken, ends the connection that has gone longest without a common
   * topic: silence must not keep others out.
   */
  #makeRoom(): void {
    const { maxConnections } = this.#context.settings
    if (this.#connections.size + this.#reserved < maxConnections) return
    const [oldest] = this.#strangers
    if (oldest === undefined) return
    this.#forget(oldest)
    this.#tasks.add(oldest.dismiss(fullError(maxConnections), 'limit'))
  }

  #adopt(link: Link): SwarmConnection {
    const connection = this.#wrap(link)
    if (this.#closing.signal.aborted) {
      // It came true in the moment of closing; the medium ends it with all others.
      this.#tasks.add(connection.close())
      throw closedError()
    }
    this.#connections.add(connection)
    this.#dials.connected(link.peerId)
    connection.start(this.#memberships.topics)
    return connection
  }

  #wrap(link: Link): SwarmConnection {
    return createSwarmConnection({
      link,
      self: this.#context.peerId,
      maxMessageBytes: this.features.maxMessageBytes,
      runtime: this.#runtime,
      onShared: (topic, shared) => {
        this.#strangers.delete(shared)
        this.#dials.settled(shared.peerId)
        this.#memberships.deliver(topic, shared)
      },
      onEnded: (ended) => {
        this.#forget(ended)
      },
    })
  }

  #forget(connection: SwarmConnection): void {
    this.#strangers.delete(connection)
    if (!this.#connections.delete(connection)) return
    if (this.#connections.has(connection.peerId)) return
    this.#dials.lost(connection.peerId, !connection.isDismissed)
  }

  disconnect(): Promise<void> {
    this.#disconnecting ??= this.#disconnect()
    return this.#disconnecting
  }

  async #disconnect(): Promise<void> {
    this.#closing.abort(closedError())
    this.#dials.close()
    this.#memberships.end()
    // Not failed by a port that was taken: there is just nothing to stop.
    await Promise.allSettled([this.#listening, this.#announcer.close()])
    const closing = Promise.allSettled(this.#connections.all().map((it) => it.close()))
    await this.#orTooLate(closing)
    await this.#medium.close()
    await closing
    await this.#tasks.settled()
    this.#addresses = []
  }

  /** A peer that does not take our goodbye does not keep us: the medium ends it. */
  async #orTooLate(closing: Promise<unknown>): Promise<void> {
    const limit = startDeadline(this.#runtime, BYE_TIMEOUT_MS, closedError, [])
    await Promise.allSettled([orAborted(closing, limit.signal)])
    limit.release()
  }
}

function closedError(): TransportError {
  return new TransportError('ERR_TRANSPORT_CLOSED', 'the transport is closed', {
    hint: 'create a new transport for a new start',
  })
}

function fullError(maxConnections: number): TransportError {
  return new TransportError(
    'ERR_LIMIT',
    `${maxConnections} connections are open (maxConnections)`,
    { hint: 'raise maxConnections, or close connections that are not needed' },
  )
}
