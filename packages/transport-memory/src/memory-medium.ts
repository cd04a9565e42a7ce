import { systemRuntime, type Runtime } from '@vudo/swarm'
import { TransportError, type Address, type PeerId, type PeerInfo } from '@vudo/transport'
import { createPipePair, type MemoryPipe, type MemoryWeather } from './memory-pipe.ts'

/** How a {@link MemoryMedium} treats what travels on it. */
export interface MemoryMediumOptions {
  /**
   * Chance for delays and losses, from 0 to below 1.
   *
   * @defaultValue always 0.5
   */
  readonly random?: (() => number) | undefined
  /**
   * Milliseconds a message travels, half as many to half as many again.
   *
   * @defaultValue 0: at once
   */
  readonly delayMs?: number | undefined
  /**
   * Chance that a message cuts its connection, from 0 to 1. Single messages are never
   * lost: no connection loses one while it lives.
   *
   * @defaultValue 0
   */
  readonly lossRate?: number | undefined
  /**
   * Clock and timers.
   *
   * @defaultValue the platform's.
   */
  readonly runtime?: Runtime | undefined
}

/** What the transports of one process share: whoever is on the same one can meet. */
export interface MemoryMedium {
  /** Gives a free address to whoever takes calls there. */
  listen(onCall: (pipe: MemoryPipe) => void): Address
  /** Ends {@link listen}. */
  hangUp(address: Address): void
  /** @throws `TransportError` `ERR_DIAL_FAILED` when nobody is there. */
  call(address: Address): MemoryPipe
  announce(topic: string, peer: PeerInfo): void
  withdraw(topic: string, id: PeerId): void
  lookup(topic: string): PeerInfo[]
  /** Calls `onPeer` for each announcement from now on; the returned function ends that. */
  watch(topic: string, onPeer: (peer: PeerInfo) => void): () => void
}

/** Makes a medium of its own, apart from the one that all share by default. */
export function createMemoryMedium(options: MemoryMediumOptions = {}): MemoryMedium {
  return new SharedMedium(options)
}

/** Over all media: an address of one is nobody's on another. */
let listenerCount = 0

class SharedMedium implements MemoryMedium {
  readonly #weather: MemoryWeather
  readonly #onCallByAddress = new Map<Address, (pipe: MemoryPipe) => void>()
  readonly #peersByTopic = new Map<string, Map<PeerId, PeerInfo>>()
  readonly #watchersByTopic = new Map<string, Set<(peer: PeerInfo) => void>>()

  constructor(options: MemoryMediumOptions) {
    const { random = () => 0.5, delayMs = 0, lossRate = 0, runtime = systemRuntime } = options
    this.#weather = {
      delayMs: () => delayMs * (0.5 + random()),
      isLost: () => lossRate > 0 && random() < lossRate,
      nowMs: () => runtime.nowMs(),
      setTimer: (waitMs, run) => runtime.setTimer(waitMs, run),
    }
  }

  listen(onCall: (pipe: MemoryPipe) => void): Address {
    listenerCount += 1
    const address = `memory://${listenerCount}`
    this.#onCallByAddress.set(address, onCall)
    return address
  }

  hangUp(address: Address): void {
    this.#onCallByAddress.delete(address)
  }

  call(address: Address): MemoryPipe {
    const onCall = this.#onCallByAddress.get(address)
    if (!onCall) throw new TransportError('ERR_DIAL_FAILED', `nobody is at ${address}`)
    const [near, far] = createPipePair(this.#weather)
    onCall(far)
    return near
  }

  announce(topic: string, peer: PeerInfo): void {
    const peers = this.#peersByTopic.get(topic) ?? new Map<PeerId, PeerInfo>()
    this.#peersByTopic.set(topic, peers.set(peer.id, peer))
    for (const onPeer of this.#watchersByTopic.get(topic) ?? []) onPeer(peer)
  }

  withdraw(topic: string, id: PeerId): void {
    const peers = this.#peersByTopic.get(topic)
    peers?.delete(id)
    if (peers?.size === 0) this.#peersByTopic.delete(topic)
  }

  lookup(topic: string): PeerInfo[] {
    return [...(this.#peersByTopic.get(topic)?.values() ?? [])]
  }

  watch(topic: string, onPeer: (peer: PeerInfo) => void): () => void {
    const watchers = this.#watchersByTopic.get(topic) ?? new Set()
    this.#watchersByTopic.set(topic, watchers.add(onPeer))
    return () => {
      watchers.delete(onPeer)
      if (watchers.size === 0) this.#watchersByTopic.delete(topic)
    }
  }
}
