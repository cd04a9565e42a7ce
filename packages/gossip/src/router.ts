/**
 * GossipSub 1.2 (libp2p/specs pubsub/gossipsub, `@libp2p/gossipsub`) without a libp2p node:
 * what it asks of one is answered here, with our sessions as its connections. It keeps the
 * mesh of each topic, passes messages on, repairs what was lost out of what neighbours
 * announce, and keeps a score of each neighbour.
 *
 * Differences from stock settings, and why: signed messages only; a mesh of 3 instead of 6,
 * because our sessions lose nothing while they live, and each further link costs every
 * message once more; short message ids; no peer exchange and no scoring of IP addresses,
 * because the overlay finds peers and many of them share a relay.
 */
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys'
import {
  gossipsub,
  StrictSign,
  TopicValidatorResult,
  type GossipSub,
  type GossipSubComponents,
  type Message,
} from '@libp2p/gossipsub'
import type { RPC } from '@libp2p/gossipsub/message'
import { createTopicScoreParams, type TopicScoreParams } from '@libp2p/gossipsub/score'
import type { PeerId as Libp2pPeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromPublicKey } from '@libp2p/peer-id'
import type { PeerId } from '@vudo/transport'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import {
  BAN_MS,
  FAULT_COST,
  GRAYLIST_SCORE,
  HEARTBEAT_MS,
  LAZY_DEGREE,
  MAX_FRAME_BYTES,
  MAX_FRAME_CONTROLS,
  MAX_FRAME_MESSAGE_IDS,
  MAX_FRAME_MESSAGES,
  MAX_FRAME_SUBSCRIPTIONS,
  MAX_TOPICS,
  MESH_DEGREE,
  MESH_HIGH,
  MESH_LOW,
  SEEN_MS,
} from './limits.ts'
import { createComponents, RouterConnection, type RouterRegistrar } from './router-components.ts'
import { InboundStream, OutboundStream, type FrameSink } from './router-streams.ts'

/** What a router is made with. */
export interface RouterInit {
  /** The 32 secret bytes of the node key. */
  readonly seed: Uint8Array
  /** Looks at a message whose signature is right; false refuses it, and neither is it passed on nor does it cost score. */
  readonly accept: (author: PeerId, sequence: bigint) => boolean
  /** A message for a topic of this node. `bytes` belong to the receiver. */
  readonly deliver: (message: RoutedMessage) => void
  /** Faults of a neighbour that count now, from 0 on. */
  readonly faultsOf: (peerId: PeerId) => number
  /** The router has kept its house; once per second. */
  readonly onHeartbeat: () => void
}

/** A message as the router gives it. */
export interface RoutedMessage {
  readonly topic: string
  readonly author: PeerId
  readonly sequence: bigint
  readonly bytes: Uint8Array
  readonly from: PeerId
}

/** A neighbour as the router is told of it. */
export interface Neighbour {
  readonly peerId: PeerId
  /** True when this node asked for the session: such neighbours are harder to choose for an attacker. */
  readonly isOutbound: boolean
  /** Opens the way for frames to it. */
  readonly open: () => FrameSink
}

/** Which parts of the router are used that its types keep to themselves; checked at the start. */
interface RouterInternals {
  readonly score: {
    readonly params: { readonly topics: Record<string, TopicScoreParams> }
    readonly peerStats: ReadonlyMap<string, { readonly topics: Record<string, unknown> }>
    score(peer: string): number
  }
  readonly mesh: ReadonlyMap<string, ReadonlySet<string>>
  start(): Promise<void>
  stop(): Promise<void>
}

/** What the streams are called towards the router; on our side the channel has a name of its own. */
const streamProtocol = '/meshsub/1.2.0'

/** What the router counts for a topic of a neighbour: 24 characters and its own 1,024. */
const topicCost = 1_048

/** A message's id: half of its author's key, and its number. Two authors with the same half take 2^64 tries each to find by chance, 2^128 to aim at one. */
const idBytes = 24

/**
 * Only what a neighbour did wrong lowers its score, and what it delivered first raises it.
 * How much it should deliver cannot be said for topics in which nobody may speak for hours.
 */
const topicScore: Partial<TopicScoreParams> = {
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: 1_000,
  timeInMeshCap: 300,
  firstMessageDeliveriesWeight: 0.1,
  firstMessageDeliveriesDecay: 0.99,
  firstMessageDeliveriesCap: 50,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -10,
  invalidMessageDeliveriesDecay: 0.97,
}

/** The router of one database. */
export class Router {
  readonly #router: GossipSub & RouterInternals
  readonly #registrar: RouterRegistrar
  readonly #init: RouterInit
  readonly #self: Libp2pPeerId
  readonly #connections = new Map<PeerId, RouterConnection>()
  /** Our names of the neighbours, by their names in libp2p. */
  readonly #peerIds = new Map<string, PeerId>()

  /** @throws `Error` when the installed GossipSub is not the one that this was written for. */
  static async create(init: RouterInit): Promise<Router> {
    const privateKey = await generateKeyPairFromSeed('Ed25519', init.seed)
    const peerId = peerIdFromPrivateKey(privateKey)
    const { components, registrar } = createComponents(privateKey, peerId)
    const router = new Router(init, components, registrar)
    await router.#router.start()
    return router
  }

  constructor(init: RouterInit, components: GossipSubComponents, registrar: RouterRegistrar) {
    this.#init = init
    this.#registrar = registrar
    this.#self = components.peerId
    const router = gossipsub(this.#options())(components)
    assertInternals(router)
    this.#router = router
    router.addEventListener('gossipsub:message', ({ detail: { msg, propagationSource } }) => {
      this.#deliver(msg, propagationSource)
    })
    router.addEventListener('gossipsub:heartbeat', init.onHeartbeat)
  }

  #options(): Parameters<typeof gossipsub>[0] {
    return {
      D: MESH_DEGREE,
      Dlo: MESH_LOW,
      Dhi: MESH_HIGH,
      Dscore: 1,
      Dout: 1,
      Dlazy: LAZY_DEGREE,
      heartbeatInterval: HEARTBEAT_MS,
      seenTTL: SEEN_MS,
      fallbackToFloodsub: false,
      floodPublish: true,
      doPX: false,
      tagMeshPeers: false,
      emitSelf: false,
      allowPublishToZeroTopicPeers: true,
      globalSignaturePolicy: StrictSign,
      gossipFactor: 0.15,
      msgIdFn: messageId,
      fastMsgIdFn: fastId,
      msgIdToStrFn: idToText,
      awaitRpcHandler: true,
      awaitRpcMessageHandler: true,
      maxInboundDataLength: MAX_FRAME_BYTES,
      maxTopicBytesPerPeer: MAX_TOPICS * topicCost,
      decodeRpcLimits: {
        maxSubscriptions: MAX_FRAME_SUBSCRIPTIONS,
        maxMessages: MAX_FRAME_MESSAGES,
        maxIhaveMessageIDs: MAX_FRAME_MESSAGE_IDS,
        maxIwantMessageIDs: MAX_FRAME_MESSAGE_IDS,
        maxIdontwantMessageIDs: MAX_FRAME_MESSAGE_IDS,
        maxControlMessages: MAX_FRAME_CONTROLS,
        maxPeerInfos: 0,
      },
      scoreParams: {
        appSpecificScore: (id) => this.#appScore(id),
        appSpecificWeight: 10,
        IPColocationFactorWeight: 0,
        behaviourPenaltyDecay: 0.95,
        retainScore: BAN_MS,
        topicScoreCap: 50,
      },
      scoreThresholds: {
        gossipThreshold: -20,
        publishThreshold: -40,
        graylistThreshold: GRAYLIST_SCORE,
      },
    }
  }

  /** Adds a neighbour and opens the way to it. One that is there already stays as it is. */
  addNeighbour(neighbour: Neighbour): void {
    if (this.#connections.has(neighbour.peerId)) return
    const connection = new RouterConnection({
      peerId: toLibp2p(neighbour.peerId),
      isOutbound: neighbour.isOutbound,
      openStream: () => new OutboundStream(streamProtocol, neighbour.open()),
    })
    this.#connections.set(neighbour.peerId, connection)
    this.#peerIds.set(connection.remotePeer.toString(), neighbour.peerId)
    this.#registrar.connected(connection)
  }

  /** Forgets a neighbour; its streams end. */
  removeNeighbour(peerId: PeerId): void {
    const connection = this.#connections.get(peerId)
    if (connection === undefined) return
    this.#connections.delete(peerId)
    this.#registrar.disconnected(connection)
    connection.close()
    this.#peerIds.delete(connection.remotePeer.toString())
  }

  /** The way to a neighbour has ended; the neighbour stays. */
  endStream(peerId: PeerId): void {
    this.#connections.get(peerId)?.endStream()
  }

  /** Opens the way to a neighbour anew. */
  reopen(peerId: PeerId): void {
    const connection = this.#connections.get(peerId)
    if (connection !== undefined) this.#registrar.connected(connection)
  }

  /** Takes the frames that a neighbour sends; an earlier source of it ends. Undefined when it is no neighbour. */
  acceptFrames(peerId: PeerId): InboundStream | undefined {
    const connection = this.#connections.get(peerId)
    if (connection === undefined) return undefined
    const stream = new InboundStream(streamProtocol)
    this.#registrar.opened(stream, connection)
    return stream
  }

  subscribe(topic: string): void {
    this.#router.score.params.topics[topic] = createTopicScoreParams(topicScore)
    this.#router.topicValidators.set(topic, (_from, message) => this.#judge(message))
    this.#router.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.#router.unsubscribe(topic)
    this.#router.topicValidators.delete(topic)
    const { params, peerStats } = this.#router.score
    // What was counted for the topic goes first: the router looks up what each count is worth.
    for (const { topics } of peerStats.values()) Reflect.deleteProperty(topics, topic)
    Reflect.deleteProperty(params.topics, topic)
  }

  /** @returns How many neighbours it was handed to. */
  async publish(topic: string, bytes: Uint8Array): Promise<number> {
    const { recipients } = await this.#router.publish(topic, bytes)
    return recipients.length
  }

  /** Neighbours that are subscribed to the topic. */
  subscribers(topic: string): PeerId[] {
    return this.#router.getSubscribers(topic).flatMap((id) => {
      const peerId = toPeerId(id)
      return peerId === undefined ? [] : [peerId]
    })
  }

  /** How many neighbours messages of the topic are passed on to. */
  meshSize(topic: string): number {
    return this.#router.mesh.get(topic)?.size ?? 0
  }

  scoreOf(peerId: PeerId): number | undefined {
    const connection = this.#connections.get(peerId)
    return connection && this.#router.score.score(connection.remotePeer.toString())
  }

  /** Calls back when a neighbour has subscribed or unsubscribed. @returns Ends it. */
  onSubscription(listener: () => void): () => void {
    this.#router.addEventListener('subscription-change', listener)
    return () => this.#router.removeEventListener('subscription-change', listener)
  }

  async stop(): Promise<void> {
    for (const peerId of this.#connections.keys()) this.removeNeighbour(peerId)
    // The library forgets this timer, which would keep the process for up to a second.
    const heartbeat = heartbeatTimerOf(this.#router)
    await this.#router.stop()
    clearTimeout(heartbeat)
  }

  #judge(message: Message): TopicValidatorResult {
    const author = message.type === 'signed' ? toPeerId(message.from) : undefined
    if (message.type !== 'signed' || author === undefined || message.data.length === 0) {
      return TopicValidatorResult.Reject
    }
    const isNew = this.#init.accept(author, message.sequenceNumber)
    return isNew ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore
  }

  #deliver(message: Message, source: Libp2pPeerId): void {
    if (message.type !== 'signed' || source.equals(this.#self)) return
    const author = toPeerId(message.from)
    const from = toPeerId(source)
    if (author === undefined || from === undefined) return
    const { topic, sequenceNumber: sequence, data } = message
    // A copy: the router's own is a part of the frame, which it keeps for neighbours that ask.
    this.#init.deliver({ topic, author, sequence, bytes: data.slice(), from })
  }

  #appScore(id: string): number {
    const peerId = this.#peerIds.get(id)
    return peerId === undefined ? 0 : -FAULT_COST * this.#init.faultsOf(peerId)
  }
}

function messageId(message: Message): Uint8Array {
  if (message.type !== 'signed') throw new Error('a message without a signature has no id')
  const id = new Uint8Array(idBytes)
  id.set(message.key.raw.subarray(0, 16))
  new DataView(id.buffer).setBigUint64(16, message.sequenceNumber)
  return id
}

/**
 * Tells copies of a message before its signature is verified, which is most of the work.
 * Remembered for messages with a right signature only, so nobody can claim an id in advance.
 */
function fastId({ from = noBytes, seqno = noBytes }: RPC.Message): string {
  return idToText(from.subarray(-32)) + idToText(seqno)
}

const noBytes = new Uint8Array(0)

function idToText(id: Uint8Array): string {
  let text = ''
  for (const byte of id) text += String.fromCharCode(byte)
  return text
}

function toLibp2p(peerId: PeerId): Libp2pPeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(hexToBytes(peerId)))
}

/** Undefined for keys that are not Ed25519: they belong to no node of ours. */
function toPeerId(id: Libp2pPeerId): PeerId | undefined {
  return id.type === 'Ed25519' ? bytesToHex(id.publicKey.raw) : undefined
}

/** The timer of the next heartbeat; it is private in the library's types. */
function heartbeatTimerOf(router: GossipSub): NodeJS.Timeout | undefined {
  const status: { readonly heartbeatTimeout?: NodeJS.Timeout } = Reflect.get(router, 'status')
  return status.heartbeatTimeout
}

/** A version of the package that renames these would otherwise fail in the middle of a session. */
function assertInternals(router: GossipSub): asserts router is GossipSub & RouterInternals {
  const wanted = ['score', 'mesh', 'status', 'start', 'stop']
  const isKnown = wanted.every((name) => name in router)
  if (!isKnown) throw new Error('this version of @libp2p/gossipsub is not supported, expected 17')
}
