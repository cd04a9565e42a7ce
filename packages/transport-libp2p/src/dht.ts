import type { KadDHT, SingleKadDHT } from '@libp2p/kad-dht'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  TransportError,
  type Address,
  type PeerId,
  type PeerInfo,
  type Topic,
  type TransportContext,
} from '@vudo/transport'
import type { Keys } from './keys.ts'
import { formatLibp2pAddress, parseLibp2pAddress } from './libp2p-address.ts'
import {
  DHT_ANNOUNCE_TIMEOUT_MS,
  DHT_JOIN_POLL_MS,
  DHT_JOIN_TIMEOUT_MS,
  DHT_QUERY_TIMEOUT_MS,
  DHT_WALK_TIMEOUT_MS,
  FIRST_REANNOUNCE_MS,
  MAX_ADDRESSES_PER_DIAL,
  MAX_PROVIDERS_PER_LOOKUP,
  MAX_RETRY_MS,
  REANNOUNCE_MS,
} from './limits.ts'
import type { StackNode } from './node.ts'
import { orAborted } from './or-aborted.ts'
import { readRecord, recordKey } from './peer-records.ts'
import { isPrivateAddress } from './private-addresses.ts'
import { startRetryLoop, wait, type RetryLoop } from './retry-loop.ts'
import type { topicToCid } from './topic-cid.ts'

/** Finds peers by topic, and peers by key, in the DHT. */
export interface Dht {
  /** As `Medium.announce`: settles after the latest try, and goes on until {@link withdraw}. */
  announce(topic: Topic, addresses: readonly Address[]): Promise<void>
  withdraw(topic: Topic): Promise<void>
  /** Who is under the topic; `onFound` hears of each at once, long before the whole network has answered. */
  lookup(
    topic: Topic,
    signal: AbortSignal | undefined,
    onFound?: (peer: PeerInfo) => void,
  ): Promise<readonly PeerInfo[]>
  /** Where a peer is, by its own signed record, and by what its neighbours know. Empty when nobody knows. */
  find(peerId: PeerId, signal: AbortSignal): Promise<readonly Address[]>
  close(): Promise<void>
}

/** What {@link createDhtClient} takes. */
export interface DhtInit {
  readonly node: StackNode
  readonly dht: KadDHT
  readonly keys: Keys
  readonly context: TransportContext
  readonly topicToCid: typeof topicToCid
  readonly bootstrapNodes: readonly Multiaddr[]
  /** False keeps private addresses out of what is told, found and dialled. */
  readonly isPrivateNetwork: boolean
}

/** Joins the DHT, in the background, and stays in it. */
export function createDhtClient(init: DhtInit): Dht {
  return new DhtClient(init)
}

class DhtClient implements Dht {
  readonly #init: DhtInit
  readonly #joining: RetryLoop
  readonly #announcements = new Map<string, RetryLoop>()
  #record: RetryLoop | undefined

  constructor(init: DhtInit) {
    this.#init = init
    this.#joining = startRetryLoop({ run: (signal) => this.#join(signal), againMs: MAX_RETRY_MS })
  }

  /** Meets the DHT again when nobody of it is left: nodes that were met stay known without the bootstrap nodes. */
  async #join(signal: AbortSignal): Promise<void> {
    const { node, dht, bootstrapNodes } = this.#init
    if (bootstrapNodes.length === 0 || knowsPeers(dht)) return
    const dials = bootstrapNodes.map((one) => node.libp2p.dial(one, { signal }))
    const results = await Promise.allSettled(dials)
    if (!results.some(({ status }) => status === 'fulfilled')) throw this.#unreachable(results)
    await this.#meet(AbortSignal.any([signal, AbortSignal.timeout(DHT_JOIN_TIMEOUT_MS)]))
    if (!knowsPeers(dht)) throw noDht()
    await this.#walk(AbortSignal.any([signal, AbortSignal.timeout(DHT_WALK_TIMEOUT_MS)]))
    // What failed for want of a DHT need not wait until its own time has come.
    for (const loop of [this.#record, ...this.#announcements.values()]) loop?.hurry()
  }

  /**
   * Settles when there is somebody to ask: a join that failed does not count once it has worked,
   * or once others have found us.
   *
   * @throws What the latest try to join did.
   */
  async #joined(signal: AbortSignal): Promise<void> {
    try {
      await orAborted(this.#joining.latest, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!knowsPeers(this.#init.dht)) throw error
    }
  }

  /** Connected is not known: the stack first asks a node what it speaks, and pings it. */
  async #meet(signal: AbortSignal): Promise<void> {
    while (!knowsPeers(this.#init.dht) && !signal.aborted) {
      // It tells nobody, so we have to look.
      // oxlint-disable-next-line no-await-in-loop
      await wait(DHT_JOIN_POLL_MS, signal)
    }
  }

  /** One who knows only the bootstrap nodes is lost when they stop: asks for its neighbours at once. */
  async #walk(signal: AbortSignal): Promise<void> {
    const { dht, node } = this.#init
    try {
      const self = node.libp2p.peerId.toMultihash().bytes
      // Whoever answers is remembered by the stack.
      await run(dht.getClosestPeers(self, { signal }))
    } catch {
      // Those met so far do for the beginning; the stack looks for more every five minutes.
    }
  }

  #unreachable(results: readonly PromiseSettledResult<unknown>[]): TransportError {
    const cause: unknown = results.find((result) => result.status === 'rejected')?.reason
    return new TransportError(
      'ERR_DIAL_FAILED',
      `none of the ${results.length} bootstrap nodes could be reached`,
      { cause, hint: 'check bootstrapNodes: addresses change, and one of them has to be online' },
    )
  }

  async announce(topic: Topic, addresses: readonly Address[]): Promise<void> {
    const name = Buffer.from(topic).toString('hex')
    const loop =
      this.#announcements.get(name) ??
      startRetryLoop({
        run: (signal) => this.#provide(topic, signal),
        againMs: REANNOUNCE_MS,
        firstAgainMs: FIRST_REANNOUNCE_MS,
      })
    this.#announcements.set(name, loop)
    this.#record ??= startRetryLoop({
      run: (signal) => this.#putRecord(addresses, signal),
      againMs: REANNOUNCE_MS,
      firstAgainMs: FIRST_REANNOUNCE_MS,
    })
    await loop.latest
  }

  async #provide(topic: Topic, stopping: AbortSignal): Promise<void> {
    await this.#joined(stopping)
    const { dht, topicToCid, bootstrapNodes } = this.#init
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(DHT_ANNOUNCE_TIMEOUT_MS)])
    let told = 0
    for await (const { name } of dht.provide(topicToCid(topic), { signal })) {
      if (name === 'PEER_RESPONSE') told++
    }
    // The first node of a network has nobody to tell; those who come ask it.
    if (told > 0 || bootstrapNodes.length === 0) return
    throw new TransportError('ERR_DIAL_FAILED', 'no node of the DHT took the announcement', {
      hint: 'it is tried again; check bootstrapNodes and dhtProtocol when nobody finds this node',
    })
  }

  async #putRecord(addresses: readonly Address[], stopping: AbortSignal): Promise<void> {
    await this.#joined(stopping)
    const { dht, context } = this.#init
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(DHT_ANNOUNCE_TIMEOUT_MS)])
    const { bytes } = context.signRecord(addresses.filter((one) => this.#isUsable(one)))
    await run(dht.put(recordKey(context.peerId), bytes, { signal }))
  }

  async withdraw(topic: Topic): Promise<void> {
    const name = Buffer.from(topic).toString('hex')
    const loop = this.#announcements.get(name)
    if (!loop) return
    this.#announcements.delete(name)
    await loop.stop()
    // Others keep what they have until it expires; a dial then finds us without the topic.
    await this.#init.dht.cancelReprovide(this.#init.topicToCid(topic))
  }

  async lookup(
    topic: Topic,
    stopping: AbortSignal | undefined,
    onFound: (peer: PeerInfo) => void = () => undefined,
  ): Promise<readonly PeerInfo[]> {
    const { dht, topicToCid } = this.#init
    const found = new Map<PeerId, PeerInfo[]>()
    const signal = withTimeout(stopping)
    await this.#joined(signal)
    try {
      for await (const event of dht.findProviders(topicToCid(topic), { signal })) {
        // PROVIDER says the same and leaves out whatever is above twenty: of fifty peers under a
        // topic most would never be found by somebody who seeks one of them.
        if (event.name !== 'PEER_RESPONSE') continue
        for (const { id, multiaddrs } of event.providers) {
          const peerId = this.#init.keys.toPeerId(id)
          if (peerId === undefined) continue
          const infos = this.#toInfos(peerId, multiaddrs)
          if (!found.has(peerId)) infos.forEach(onFound)
          found.set(peerId, infos)
        }
        if (found.size >= MAX_PROVIDERS_PER_LOOKUP) break
      }
    } catch (error) {
      stopping?.throwIfAborted()
      // What was found before time was over counts.
      if (found.size === 0 && !signal.aborted) throw error
    }
    return [...found.values()].slice(0, MAX_PROVIDERS_PER_LOOKUP).flat()
  }

  async find(peerId: PeerId, stopping: AbortSignal): Promise<readonly Address[]> {
    const signal = withTimeout(stopping)
    await this.#joined(signal)
    const [signed, known] = await Promise.allSettled([
      this.#findRecord(peerId, signal),
      this.#findPeer(peerId, signal),
    ])
    stopping.throwIfAborted()
    const addresses = [signed, known].flatMap((one) =>
      one.status === 'fulfilled' ? one.value : [],
    )
    return [...new Set(addresses)]
      .filter((one) => this.#isUsable(one))
      .slice(0, MAX_ADDRESSES_PER_DIAL)
  }

  async #findRecord(peerId: PeerId, signal: AbortSignal): Promise<readonly Address[]> {
    const key = recordKey(peerId)
    for await (const event of this.#init.dht.get(key, { signal })) {
      if (event.name === 'VALUE') return readRecord(key, event.value, Date.now()).addresses
    }
    return []
  }

  async #findPeer(peerId: PeerId, signal: AbortSignal): Promise<readonly Address[]> {
    const { dht, keys } = this.#init
    for await (const event of dht.findPeer(keys.toLibp2pId(peerId), { signal })) {
      if (event.name === 'FINAL_PEER') return event.peer.multiaddrs.map(formatLibp2pAddress)
    }
    return []
  }

  /**
   * One entry for each address, and one without any: where the addresses do not lead to the peer,
   * its signed record may. Those here are what its neighbours were told, which leaves relays out.
   */
  #toInfos(id: PeerId, multiaddrs: readonly Multiaddr[]): PeerInfo[] {
    const addresses = multiaddrs.map(formatLibp2pAddress).filter((one) => this.#isUsable(one))
    const told = addresses.slice(0, MAX_ADDRESSES_PER_DIAL)
    return [...told.map((address) => ({ id, address })), { id }]
  }

  /**
   * Others wrote it: it has to be an address as ours are, and no question back to the DHT. On the
   * internet nobody may send us to the machines that stand beside ours.
   */
  #isUsable(address: Address): boolean {
    try {
      if (parseLibp2pAddress(address).medium === 'dht') return false
      return this.#init.isPrivateNetwork || !isPrivateAddress(address)
    } catch {
      return false
    }
  }

  async close(): Promise<void> {
    const loops = [this.#joining, ...this.#announcements.values()]
    await Promise.all([this.#record?.stop(), ...loops.map((loop) => loop.stop())])
  }
}

/** Goes through with it: a question to the DHT is asked as far as its answers are taken. */
async function run(events: AsyncIterable<unknown>): Promise<void> {
  const all = events[Symbol.asyncIterator]()
  // oxlint-disable-next-line no-await-in-loop
  while (!(await all.next()).done);
}

/** Whether the DHT knows anybody to ask. */
function knowsPeers(dht: KadDHT): boolean {
  return hasTable(dht) && dht.routingTable.size > 0
}

function hasTable(dht: KadDHT): dht is SingleKadDHT {
  return 'routingTable' in dht
}

function noDht(): TransportError {
  return new TransportError('ERR_DIAL_FAILED', 'the bootstrap nodes are no nodes of our DHT', {
    hint: 'check bootstrapNodes, and that dhtProtocol is the same everywhere',
  })
}

function withTimeout(signal: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(DHT_QUERY_TIMEOUT_MS)
  return signal ? AbortSignal.any([signal, limit]) : limit
}
