import type { Connection, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Accept, Announcement, Medium, MediumDialOptions } from '@vudo/swarm'
import {
  MAX_MESSAGE_BYTES,
  TransportError,
  type AbortOptions,
  type Address,
  type Link,
  type PeerId,
  type PeerInfo,
  type Topic,
  type TransportContext,
  type TransportFeatures,
} from '@vudo/transport'
import { createDhtClient, type Dht } from './dht.ts'
import { dialLibp2p, type DiallerInit } from './dialler.ts'
import { startIdleSweep } from './idle-connections.ts'
import { loadKeys, toPeerId, type Keys } from './keys.ts'
import { formatLibp2pAddress, parseLibp2pAddress } from './libp2p-address.ts'
import { linkProtocol } from './link-protocol.ts'
import { createLibp2pLink, type Libp2pLink } from './libp2p-link.ts'
import type { Libp2pSettings } from './libp2p-options.ts'
import { EARLY_LOOKUPS_MS, MAX_LINKS_PER_CONNECTION, MAX_NEWS, STOP_TIMEOUT_MS } from './limits.ts'
import { listedAddresses } from './listed-addresses.ts'
import { createNews, type News } from './news.ts'
import { startNode, type StackNode } from './node.ts'
import { orAborted } from './or-aborted.ts'
import { startRelayClients } from './relay-client.ts'
import { wait } from './retry-loop.ts'
import { loadPart, stackLoaders, type StackLoaders } from './stack.ts'

/**
 * libp2p as a medium of a swarm; it hands up proven links. The stack is loaded by `listen`.
 *
 * @param options - Checked: see `parseLibp2pOptions`.
 * @param loaders - What to load; the real ones unless a test says otherwise.
 */
export function createLibp2pMedium(
  context: TransportContext,
  options: Libp2pSettings,
  loaders: StackLoaders = stackLoaders,
): Medium {
  return new Libp2pMedium(context, options, loaders)
}

/** What there is once the medium listens. */
interface Running {
  readonly node: StackNode
  readonly dialler: DiallerInit
  readonly dht: Dht | undefined
  readonly addresses: readonly Address[]
  /** Stops everything but the links. */
  stop(): Promise<void>
}

class Libp2pMedium implements Medium {
  readonly name = 'libp2p'
  readonly features: TransportFeatures

  readonly #context: TransportContext
  readonly #options: Libp2pSettings
  readonly #loaders: StackLoaders
  readonly #links = new Set<Libp2pLink>()
  /** Who is told of nodes on the local network. */
  readonly #watchers = new Set<News<PeerInfo>>()
  #starting: Promise<Running> | undefined
  #accept: Accept | undefined
  /** Fires when the medium closes, so that whatever is under way ends at once. */
  readonly #closing = new AbortController()

  constructor(context: TransportContext, options: Libp2pSettings, loaders: StackLoaders) {
    this.#context = context
    this.#options = options
    this.#loaders = loaders
    this.features = {
      maxMessageBytes: MAX_MESSAGE_BYTES,
      provesPeer: true,
      discovers: options.enableDht,
      dials: true,
    }
  }

  async listen(accept: Accept, { signal }: AbortOptions): Promise<readonly Address[]> {
    this.#accept = accept
    const { addresses } = await this.#running(signal)
    return addresses
  }

  /** Starts at the first need: whoever looks up in a DHT takes part in it, and may not listen yet. */
  async #running(signal = this.#closing.signal): Promise<Running> {
    if (this.#closing.signal.aborted) {
      throw closedError()
    }
    this.#starting ??= this.#startOrForget()
    // Goes on without whoever gave up, for those who come later.
    return orAborted(this.#starting, AbortSignal.any([signal, this.#closing.signal]))
  }

  async #startOrForget(): Promise<Running> {
    try {
      return await this.#start()
    } catch (error) {
      // The port may be free next time.
      this.#starting = undefined
      throw error
    }
  }

  async #start(): Promise<Running> {
    const [loaders, context, options] = [this.#loaders, this.#context, this.#options]
    const keys = await loadKeys(loaders)
    const { multiaddr } = await loadPart(loaders, '@multiformats/multiaddr')
    const onMdnsPeer = (found: readonly Multiaddr[], id: string): void => {
      this.#tellWatchers(keys, found, id)
    }
    const node = await startNode({ loaders, context, options, onMdnsPeer })
    await node.libp2p.handle(
      linkProtocol,
      (stream, connection) => this.#arrived(stream, connection),
      {
        runOnLimitedConnection: true,
        maxInboundStreams: MAX_LINKS_PER_CONNECTION,
        maxOutboundStreams: MAX_LINKS_PER_CONNECTION,
      },
    )
    const toMultiaddr = (address: Address): Multiaddr =>
      multiaddr(parseLibp2pAddress(address).multiaddr)
    const dht = await this.#joinDht(node, keys, toMultiaddr)
    const relays = startRelayClients(node, options.relays.map(toMultiaddr))
    const idle = startIdleSweep(node)
    // Whoever closes meanwhile gets what has been started, to stop it.
    await orAborted(relays.firstTries, this.#closing.signal).catch(() => undefined)
    return {
      node,
      dht,
      dialler: {
        node,
        keys,
        self: context.peerId,
        toMultiaddr: multiaddr,
        find: async (peerId, signal) => (await dht?.find(peerId, signal)) ?? [],
      },
      addresses: this.#addresses(node),
      stop: async () => {
        idle.close()
        await Promise.all([relays.close(), dht?.close()])
        await orLater(Promise.resolve(node.libp2p.stop()))
      },
    }
  }

  async #joinDht(
    node: StackNode,
    keys: Keys,
    toMultiaddr: (address: Address) => Multiaddr,
  ): Promise<Dht | undefined> {
    if (!node.dht) return undefined
    const { topicToCid } = await loadPart(this.#loaders, 'multiformats')
    return createDhtClient({
      node,
      dht: node.dht,
      keys,
      context: this.#context,
      topicToCid,
      bootstrapNodes: this.#options.bootstrapNodes.map(toMultiaddr),
      isPrivateNetwork: this.#options.isPrivateNetwork,
    })
  }

  #addresses(node: StackNode): Address[] {
    const { announceAddresses, relays } = this.#options
    const self = node.libp2p.peerId.toString()
    const own = announceAddresses.length > 0 ? announceAddresses : node.listenAddresses()
    return listedAddresses([
      ...own.map((one) => (typeof one === 'string' ? one : formatLibp2pAddress(one))),
      ...relays.map((relay) => `${relay}/p2p-circuit/p2p/${self}`),
    ])
  }

  /** Takes the streams of our protocol. The reader is there from the first moment, or the stack drops what comes. */
  #arrived(stream: Stream, connection: Connection): void {
    const peerId = toPeerId(connection.remotePeer)
    const refuse = (): void => stream.abort(new Error('turned away'))
    if (peerId === undefined || this.#closing.signal.aborted || !this.#accept) return refuse()
    const address = formatLibp2pAddress(connection.remoteAddr)
    const remoteAddress = countedAs(connection, peerId)
    const open = async (): Promise<Link> => {
      return this.#keep(createLibp2pLink({ stream, connection, peerId, outbound: false }))
    }
    this.#accept({ remoteAddress, address, open, refuse })
  }

  async dial(address: Address, { signal, expected }: MediumDialOptions): Promise<Link> {
    const { dialler } = await this.#running(signal)
    return this.#keep(await dialLibp2p(dialler, { address, signal, expected }))
  }

  async announce(topic: Topic, { addresses }: Announcement): Promise<void> {
    const { dht } = await this.#running()
    await dht?.announce(topic, addresses)
  }

  async withdraw(topic: Topic): Promise<void> {
    const running = await this.#starting
    await running?.dht?.withdraw(topic)
  }

  async lookup(topic: Topic, { signal }: AbortOptions): Promise<readonly PeerInfo[]> {
    if (!this.#options.enableDht) return []
    const { dht } = await this.#running(signal)
    return (await dht?.lookup(topic, signal)) ?? []
  }

  /** Nodes of the local network as they appear, and a few early looks into the DHT: those who join together announce together. */
  watch(topic: Topic, { signal }: AbortOptions): AsyncIterable<PeerInfo> {
    const left = new AbortController()
    const ended = AbortSignal.any([left.signal, ...(signal ? [signal] : [])])
    const news = createNews<PeerInfo>(MAX_NEWS, () => left.abort())
    this.#watchers.add(news)
    const end = (): void => {
      this.#watchers.delete(news)
      news.end()
    }
    const { enableDht, enableMdns } = this.#options
    if (ended.aborted || (!enableMdns && !enableDht)) end()
    ended.addEventListener('abort', end, { once: true })
    if (enableDht) void this.#lookUpEarly(topic, ended, news)
    return news
  }

  async #lookUpEarly(topic: Topic, signal: AbortSignal, news: News<PeerInfo>): Promise<void> {
    let atMs = 0
    for (const nextMs of EARLY_LOOKUPS_MS) {
      // One after the other, at their times.
      // oxlint-disable-next-line no-await-in-loop
      await wait((nextMs - atMs) * (1 + Math.random() / 4), signal)
      if (signal.aborted) return
      atMs = nextMs
      try {
        // oxlint-disable-next-line no-await-in-loop
        const { dht } = await this.#running()
        // oxlint-disable-next-line no-await-in-loop
        await dht?.lookup(topic, signal, (peer) => news.put(peer))
      } catch {
        // The next look, or the swarm's own rounds, may do better.
      }
    }
  }

  #tellWatchers(keys: Keys, found: readonly Multiaddr[], libp2pId: string): void {
    const parsed = keys.parse(libp2pId)
    const id = parsed && keys.toPeerId(parsed)
    if (id === undefined) return
    for (const one of found) {
      for (const news of this.#watchers) news.put({ id, address: formatLibp2pAddress(one) })
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(closedError())
    for (const news of this.#watchers) news.end()
    const running = await this.#starting?.catch(() => undefined)
    await Promise.all(Array.from(this.#links, (link) => link.close()))
    await running?.stop()
  }

  /** Remembers a link as long as it lives, for {@link close}. */
  #keep(link: Libp2pLink): Libp2pLink {
    this.#links.add(link)
    void this.#forgetAtEnd(link)
    if (this.#closing.signal.aborted) link.destroy()
    return link
  }

  async #forgetAtEnd(link: Libp2pLink): Promise<void> {
    const { clean } = await link.closed
    this.#links.delete(link)
    // Who breaks the protocol, or vanishes, does not keep the connection below either.
    if (!clean) this.#cut(link)
  }

  #cut({ connection }: Libp2pLink): void {
    const isInUse = [...this.#links].some((other) => other.connection === connection)
    if (!isInUse && connection.status === 'open') connection.abort(new Error('its link has broken'))
  }
}

/** What the limits per address count: behind a relay not the relay's address, which all have, but the key. */
function countedAs({ remoteAddr }: Connection, peerId: PeerId): string | undefined {
  const text = remoteAddr.toString()
  return text.includes('/p2p-circuit') ? peerId : text.split('/')[2]
}

function closedError(): TransportError {
  return new TransportError('ERR_TRANSPORT_CLOSED', 'the transport is closed')
}

/** Waits for the stack to stop, but not for ever: one of its parts may wait for a peer that is gone. */
async function orLater(stopping: Promise<void>): Promise<void> {
  const limit = new AbortController()
  await Promise.race([stopping, wait(STOP_TIMEOUT_MS, limit.signal)])
  limit.abort()
}
