/** What gossip offers, without how it does it. */
import type { NodeKey } from '@vudo/identity'
import type { Network } from '@vudo/network'
import type { AbortOptions, PeerId } from '@vudo/transport'

/** What gossip needs of a network: its sessions, the news about them, and the channels that peers open. */
export type GossipNetwork = Pick<
  Network,
  'addresses' | 'connectPeer' | 'events' | 'handle' | 'instance' | 'peerId' | 'sessions'
>

/** What `createGossip` takes. */
export interface GossipInit {
  /** Where sessions come from. It stays the caller's: `close` ends channels and no session. */
  readonly network: GossipNetwork
  /** Signs every message: the key of the node that runs `network`. */
  readonly key: NodeKey
  /** Id of a database that the network has joined. Only its members take part. */
  readonly database: string
  readonly options?: GossipOptions | undefined
}

/** How gossip behaves. Every field may be left out; `undefined` means the default. */
export interface GossipOptions {
  /**
   * Messages of a topic that wait for a slow reader; of more, the oldest is dropped and
   * counted. Higher survives longer pauses and holds more memory. 1 to 65,536.
   *
   * @defaultValue 256
   */
  readonly bufferSize?: number | undefined
  /**
   * Peers of the database that this node keeps sessions with, 8 to 16. Higher survives more
   * losses at once and costs idle traffic.
   *
   * @defaultValue 10
   */
  readonly activePeers?: number | undefined
  /**
   * False leaves it to others which peers have sessions: the overlay then opens none, and
   * gossip uses those that stand.
   *
   * @defaultValue true
   */
  readonly keepsSessions?: boolean | undefined
  /**
   * A clock that never goes back, in milliseconds.
   *
   * @defaultValue `performance.now`
   */
  readonly now?: (() => number) | undefined
  /**
   * From 0 to below 1, for the choice of peers. Secrets never come from here.
   *
   * @defaultValue `Math.random`
   */
  readonly random?: (() => number) | undefined
}

/** A message that a member of the database published. */
export interface GossipMessage {
  /** PROVEN by a signature over topic, number and bytes: who published it, whoever passed it on. */
  readonly author: PeerId
  /** Grows with each message of the author, over all its topics; gaps are normal. */
  readonly sequence: bigint
  /** 1 to `MAX_PAYLOAD_BYTES` bytes. The buffer belongs to the reader. */
  readonly bytes: Uint8Array
  /** The neighbour that passed it on first. */
  readonly from: PeerId
}

/**
 * A topic that was joined. Iterating gives the messages of others, each once, in the order
 * in which they come in; it has one reader,
 * and a second loop throws `GossipError` `ERR_GOSSIP_READER`. One's own messages do not come back.
 */
export interface GossipTopic extends AsyncIterable<GossipMessage> {
  /** The name given to `join`. */
  readonly name: string
  /** Neighbours that have joined the topic too. */
  readonly peers: readonly PeerId[]
  /** Messages that were dropped because nobody read them. */
  readonly dropped: number
  /**
   * Signs `bytes` and sends them to every member that has joined the topic. Best effort:
   * who is not connected now, or joins later, does not get them.
   *
   * @param bytes - 1 to `MAX_PAYLOAD_BYTES` bytes. Copied before the call returns.
   * @returns How many neighbours it was handed to; 0 when nobody is there.
   * @throws `GossipError` `ERR_GOSSIP_PAYLOAD_SIZE`, `ERR_GOSSIP_CLOSED` after `leave` or `close`.
   */
  publish(bytes: Uint8Array): Promise<number>
  /** Ends this hold on the topic. With the last one neighbours are told, and iterating ends after what has come in. Idempotent. */
  leave(): void
}

/** What a {@link Gossip} has counted since it began. */
export interface GossipCounters {
  /** Messages handed to topics of this node. */
  readonly delivered: number
  /** Messages published by this node. */
  readonly published: number
  /** Messages that were not taken: signed by nobody, of no payload, or replayed. */
  readonly refused: number
  /** Frames of neighbours that broke the protocol or a limit. */
  readonly faults: number
  /** Sessions ended because of faults. */
  readonly banned: number
  /** Bytes sent to neighbours, of all kinds. */
  readonly sentBytes: number
  /** Frames that were not sent because a neighbour reads too slowly. */
  readonly unsent: number
}

/** Gossip among the members of one database. */
export interface Gossip {
  readonly database: string
  /** Members whose sessions carry this node's messages now. */
  readonly neighbours: readonly PeerId[]
  readonly counters: GossipCounters
  /**
   * Takes part in a topic. Each call with the same name gives another hold on the same topic,
   * with the same messages: it ends when every hold was left.
   *
   * @param topic - 1 to 256 bytes in UTF-8. Only members learn it, and only as a hash.
   * @throws `RangeError` for another length; `GossipError` `ERR_GOSSIP_LIMIT` at
   *   `MAX_TOPICS` topics, `ERR_GOSSIP_CLOSED`.
   */
  join(topic: string): GossipTopic
  /**
   * Settles when at least `count` neighbours have joined `topic` too.
   *
   * @throws `GossipError` `ERR_GOSSIP_CLOSED` when it is closed before; the signal's reason.
   */
  whenPeers(topic: string, count: number, options?: AbortOptions): Promise<void>
  /** The score of a neighbour; below 0 it is out of favour, undefined when it is none. */
  scoreOf(peerId: PeerId): number | undefined
  /** Leaves every topic, ends the channels, frees everything. Idempotent. */
  close(): Promise<void>
}
