/**
 * The relay without sockets, timers or clock: who is let in, who is in which topic, and
 * where a frame goes.
 *
 * A client is one (key, instance). It joins topics, is told of the listed members, and sends
 * to an end point with whom it shares a topic; nothing else is reachable, and there is no way
 * to name an address. The relay keeps no frame that it cannot pass on: it drops it and tells
 * both ends, and their virtual connections end. Those above connect again and send again.
 *
 * Methods act on the ports they were given at once, instead of returning effects: passing a
 * frame on is all that a relay does, and it shall cost no list of objects.
 */
import type { BackPlane } from './back-plane.ts'
import { createForeigners, type Foreigners, type Route } from './foreigners.ts'
import type { RelayLimits } from './limits.ts'
import { MAX_PAIRS } from './limits.ts'
import { sharedMembership, type Member, type Membership, type Topic } from './members.ts'
import { ReaderQueue } from './reader-queue.ts'
import { Topics } from './topics.ts'
import {
  bytesToLatin1,
  decodeClientFrame,
  encodePong,
  encodeReset,
  isSend,
  PAYLOAD_OFFSET,
  resetReasons,
  sendToDeliver,
  type ClientFrame,
  type ResetReason,
} from './wire.ts'

/** The way to one client's socket. */
export interface ClientPort {
  /** Bytes that wait to be written. */
  readonly queuedBytes: number
  /** Writes a frame, taken over. `onWritten` is called when it has left the process, or never will. */
  write(frame: Uint8Array, onWritten?: () => void): void
  /** Counts bytes that the relay writes because of this client as if it had sent them. */
  charge(bytes: number): void
  /** Ends the connection: another one has taken its place. */
  replace(): void
}

/** A client that was let in. */
export interface Client extends Member {
  readonly port: ClientPort
  /** Whom it talks with. */
  readonly pairs: Map<string, Pair>
  /** What waits for it. */
  readonly queue: ReaderQueue
}

/** One direction of two end points that talk. */
interface Pair {
  readonly mine: Membership
  readonly theirs: Membership
  /** Where the far end is at another relay. */
  readonly route: Route | undefined
  /** True once a frame went this way: who never had one of it is not told of its end. */
  isUsed: boolean
}

/** Counters since the start. */
export interface RelayCounts {
  framesIn: number
  bytesIn: number
  framesOut: number
  framesToOthers: number
  framesFromOthers: number
  resets: Record<ResetReason, number>
  gaps: number
}

/** What a core is made of. */
export interface RelayCoreInit {
  readonly limits: RelayLimits
  readonly bus: BackPlane
  /** 8 random bytes. */
  readonly relayId: Uint8Array
  readonly nowMs: () => number
  readonly setTimer: (delayMs: number, run: () => void) => void
}

/** Makes an empty relay. */
export function createRelayCore(init: RelayCoreInit): RelayCore {
  return new Core(init)
}

/** See {@link createRelayCore}. */
export type RelayCore = Core

class Core {
  readonly counts: RelayCounts = {
    framesIn: 0,
    bytesIn: 0,
    framesOut: 0,
    framesToOthers: 0,
    framesFromOthers: 0,
    resets: { 1: 0, 2: 0, 3: 0, 4: 0 },
    gaps: 0,
  }
  readonly #init: RelayCoreInit
  readonly #clients = new Map<string, Client>()
  readonly #topicsByName = new Map<string, Topic>()
  readonly #topics: Topics
  readonly #foreigners: Foreigners

  constructor(init: RelayCoreInit) {
    this.#init = init
    this.#foreigners = createForeigners({
      ...init,
      topics: this.#topicsByName,
      clients: this.#clients,
      deliver: (client, from, frame) => this.#deliverForeign(client, from, frame),
      reset: (client, from, reason) => this.#resetHere(client, from, reason),
      replace: (client) => this.#replace(client),
    })
    this.#topics = new Topics({
      ...init,
      topics: this.#topicsByName,
      foreigners: this.#foreigners,
    })
  }

  get clientCount(): number {
    return this.#clients.size
  }

  get topicCount(): number {
    return this.#topicsByName.size
  }

  /** Lets a client in; one with the same end point has to go. */
  enter(endpointBytes: Uint8Array, port: ClientPort): Client {
    const endpoint = bytesToLatin1(endpointBytes)
    const before = this.#clients.get(endpoint)
    if (before) this.#replace(before)
    const client: Client = {
      endpoint,
      endpointBytes,
      memberships: new Map(),
      tell: (frame) => port.write(frame),
      port,
      pairs: new Map(),
      queue: new ReaderQueue(port, this.#init.limits),
    }
    this.#clients.set(endpoint, client)
    this.#foreigners.listenFor(client)
    return client
  }

  #replace(client: Client): void {
    this.leave(client)
    client.port.replace()
  }

  /** Forgets a client. Those it talked with are told. */
  leave(client: Client): void {
    if (this.#clients.get(client.endpoint) !== client) return
    this.#clients.delete(client.endpoint)
    for (const pair of client.pairs.values()) this.#resetThere(client, pair, resetReasons.gone)
    for (const to of client.pairs.keys()) this.#foreigners.stops(client, to)
    client.pairs.clear()
    for (const { topic } of client.memberships.values()) this.#topics.leave(client, topic)
    this.#foreigners.stopListeningFor(client)
  }

  /**
   * Takes a frame of a client. The bytes are taken over.
   *
   * @returns Milliseconds to wait because of the topic's rate.
   * @throws `RelayError` `ERR_RELAY_PROTOCOL`: the client is to be cut off.
   */
  receive(client: Client, bytes: Uint8Array): number {
    // Replaced, and its socket has not ended yet: what it did now, nobody would ever undo.
    if (this.#clients.get(client.endpoint) !== client) return 0
    this.counts.framesIn += 1
    this.counts.bytesIn += bytes.length
    if (isSend(bytes)) return this.#send(client, bytes)
    this.#command(client, decodeClientFrame(bytes))
    return 0
  }

  #command(client: Client, frame: ClientFrame): void {
    if (frame.type === 'ping') return client.port.write(encodePong(frame.nonce))
    if (frame.type === 'join') return this.#topics.join(client, frame)
    this.#topics.leave(client, this.#topicsByName.get(frame.topic))
  }

  #send(client: Client, bytes: Uint8Array): number {
    const to = bytesToLatin1(bytes.subarray(1, PAYLOAD_OFFSET))
    const pair = this.#pairWith(client, to)
    if (!pair) {
      this.#count(resetReasons.unknown)
      client.port.write(encodeReset(bytes.slice(1, PAYLOAD_OFFSET), resetReasons.unknown))
      return 0
    }
    const far = pair.theirs.member
    if (isClient(far)) this.#pass(client, far, { pair, bytes })
    else this.#passOn(client, pair, bytes)
    return pair.mine.topic.bucket.take(bytes.length, this.#init.nowMs())
  }

  #pairWith(client: Client, to: string): Pair | undefined {
    const known = client.pairs.get(to)
    if (known?.mine.isLive && known.theirs.isLive) return known
    if (known) this.#forget(client, to)
    const shared = sharedMembership(client, to)
    // Not with oneself: it would be a way to keep the relay busy for free.
    return shared && to !== client.endpoint ? this.#openPair(client, shared) : undefined
  }

  #openPair(
    client: Client,
    { mine, theirs }: { readonly mine: Membership; readonly theirs: Membership },
  ): Pair {
    const [oldest] = client.pairs.values()
    if (client.pairs.size >= MAX_PAIRS && oldest) {
      this.#reset(client, oldest, resetReasons.queueFull)
    }
    const far = theirs.member
    const route = isClient(far) ? undefined : this.#foreigners.talks(client, far.endpoint)
    const pair: Pair = { mine, theirs, route, isUsed: false }
    client.pairs.set(far.endpoint, pair)
    // The way back, so that the far end learns of this one's end even if it never answers.
    if (isClient(far) && !far.pairs.has(client.endpoint)) {
      this.#openPair(far, { mine: theirs, theirs: mine })
    }
    return pair
  }

  #pass(
    client: Client,
    far: Client,
    { pair, bytes }: { readonly pair: Pair; readonly bytes: Uint8Array },
  ): void {
    if (!far.queue.hasRoom(client.endpoint)) {
      return this.#reset(client, pair, resetReasons.queueFull)
    }
    sendToDeliver(bytes, client.endpointBytes)
    this.counts.framesOut += 1
    pair.isUsed = true
    far.queue.hand(client.endpoint, bytes)
  }

  #passOn(client: Client, pair: Pair, bytes: Uint8Array): void {
    this.counts.framesToOthers += 1
    pair.isUsed = true
    if (!pair.route || !this.#foreigners.send(pair.route, bytes)) {
      this.#reset(client, pair, resetReasons.gap)
    }
  }

  /** A frame that another relay passed on; `frame` is the client's send frame over there. */
  #deliverForeign(client: Client, from: string, frame: Uint8Array): boolean {
    const pair = this.#pairWith(client, from)
    if (!pair) return false
    if (!client.queue.hasRoom(from)) {
      this.#forget(client, from)
      if (pair.isUsed) {
        client.port.write(encodeReset(pair.theirs.member.endpointBytes, resetReasons.queueFull))
      }
      this.#resetThere(client, pair, resetReasons.queueFull)
      return true
    }
    this.counts.framesFromOthers += 1
    pair.isUsed = true
    sendToDeliver(frame, pair.theirs.member.endpointBytes)
    client.queue.hand(from, frame)
    return true
  }

  #forget(client: Client, to: string): boolean {
    this.#foreigners.stops(client, to)
    return client.pairs.delete(to)
  }

  /** Ends a pair at both ends. */
  #reset(client: Client, pair: Pair, reason: ResetReason): void {
    this.#forget(client, pair.theirs.member.endpoint)
    client.port.write(encodeReset(pair.theirs.member.endpointBytes, reason))
    this.#resetThere(client, pair, reason)
  }

  #resetThere(client: Client, { theirs, isUsed }: Pair, reason: ResetReason): void {
    this.#count(reason)
    const far = theirs.member
    if (isClient(far)) {
      const back = far.pairs.get(client.endpoint)
      // A sender who is refused again and again must not fill the reader's queue with that.
      if (!this.#forget(far, client.endpoint) || !(isUsed || back?.isUsed)) return
      far.port.write(encodeReset(client.endpointBytes, reason))
    } else this.#foreigners.reset(far, client, reason)
  }

  /** Another relay says, or it is known here, that nothing more comes from `from`. */
  #resetHere(client: Client, from: Uint8Array, reason: ResetReason): void {
    if (!this.#forget(client, bytesToLatin1(from))) return
    this.#count(reason)
    client.port.write(encodeReset(from, reason))
  }

  #count(reason: ResetReason): void {
    this.counts.resets[reason] += 1
  }

  /** Takes what came over the back-plane. */
  onBusMessage(bytes: Uint8Array): void {
    this.#foreigners.onMessage(bytes)
  }

  /** The back-plane may have lost something: every pair that crosses it begins again. */
  onGap(): void {
    this.counts.gaps += 1
    for (const client of this.#clients.values()) {
      for (const pair of client.pairs.values()) {
        if (!isClient(pair.theirs.member)) this.#reset(client, pair, resetReasons.gap)
      }
    }
    this.#foreigners.repeat()
  }

  /** Repeats members to other relays and forgets theirs that were not repeated. */
  sweep(): void {
    this.#foreigners.sweep()
  }
}

/** Whether a member is connected to this relay. */
export function isClient(member: Member): member is Client {
  return 'port' in member
}
