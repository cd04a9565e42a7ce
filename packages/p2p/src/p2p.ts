/** What a node offers, without how it does it. */
import type { EventHub } from '@vudo/events'
import type { SealingKeys } from '@vudo/identity'
import type {
  Channel,
  ChannelHandler,
  ConnectPeerOptions,
  LatestReader,
  LatestWriter,
  Network,
  NetworkEvents,
  PeerStatus,
  RequestHandler,
  RequestHandlerOptions,
  RequestOptions,
} from '@vudo/network'
import type {
  CatalogueEntry,
  Database,
  DatabaseEvents,
  DocumentChange,
  DocumentHandle,
  SyncedOptions,
  SyncStatus,
} from '@vudo/sync'
import type { AbortOptions, Address, DialTarget, PeerId, PeerInfo } from '@vudo/transport'
// The tag has to reach the declarations, where only comments of this kind stay.
// oxlint-disable-next-line jsdoc/check-tag-names
/** @ts-ignore An optional peer: who compiles without it gets `any` here, and no error. */
import type { Willow } from '@vudo/willow'
// oxlint-disable-next-line jsdoc/check-tag-names
/** @ts-ignore The same. */
import type * as vudo from '@vudo/gossip'
import type { BandwidthState } from './bandwidth.ts'
import type { OptionReport } from './configuration.ts'
import type { BandwidthProfile } from './options.ts'
import type { ProtocolOptions } from './protocols.ts'

/** Everything that can be listened to on a node: the events of its network and of its documents. */
export type P2PEvents = NetworkEvents & DatabaseEvents & OwnEvents

/** What the facade itself tells. */
export interface OwnEvents {
  /** Another bandwidth limit holds: by {@link P2P.setProfile}, or because the platform says so. */
  'bandwidth:changed': BandwidthState
  /** Somebody has entered a room that this node is in, see {@link P2P.presence}. */
  'presence:joined': vudo.PresenceEvent
  /** Somebody in such a room shows another state. */
  'presence:changed': vudo.PresenceEvent
  /** Somebody has left such a room, or has given no sign for too long. */
  'presence:left': vudo.PresenceEvents['presence:left']
  /** A peer says that it can do something else than before, see {@link P2P.peersWith}. */
  'peer:capabilities': vudo.CapabilityEvents['peer:capabilities']
}

/**
 * A node: documents that sync with every peer of the same database. Made by {@link createP2P}.
 *
 * While it is stopped, `initialize`, `start`, `stop`, `isStarted` and `events` can be used,
 * and `peerId`, `authorId`, `transports`, `addresses` and `status` can be read; everything else throws
 * `P2PError` `ERR_P2P_STOPPED`.
 */
export interface P2P extends AsyncDisposable {
  /** Who this node is: the lower-case hex of its public key. After `stop`, who it was. */
  readonly peerId: PeerId
  /** Who signs what is written here: the hex of the author's public key. */
  readonly authorId: string
  /** Opens what others sealed to this node. Its current key is in the node's record, and replaced once a day. */
  readonly sealingKeys: SealingKeys
  /** Invites others to the database: whoever has it can join, so it is a secret unless {@link isPublic}. */
  readonly ticket: string
  /**
   * Where the data directory keeps the ticket of the database before, when the option
   * `database` has put another in its place; `undefined` when nothing was replaced.
   */
  readonly replacedTicketFile: string | undefined
  /** True when the database is known by its id alone: whoever knows the id can read and write. */
  readonly isPublic: boolean
  /** True from the call of `start` until `stop` is called or `start` has failed. */
  readonly isStarted: boolean
  /** Names of the transports that this node has, in its order of preference; empty after `stop`. */
  readonly transports: readonly string[]
  /** Where others can reach this node, best first; empty before `start` and after `stop`. */
  readonly addresses: readonly Address[]
  /** All documents, for what has no short form here. */
  readonly database: Database
  /** Sessions with peers, for protocols of one's own. */
  readonly network: Network
  /** What happens. One hub for the life of the object: it outlives `stop`, and goes on after the next `start`. */
  readonly events: EventHub<P2PEvents>
  /** Where this device stands; `offline` without a peer, and after `stop` as it was left. */
  readonly status: SyncStatus

  /**
   * Opens keys and documents without touching the network. `createP2P` has done it; after
   * `stop` it opens them again. Idempotent; waits for a `stop` that is under way.
   *
   * @throws what `createP2P` throws for the data directory.
   */
  initialize(): Promise<void>
  /**
   * Joins the network: accepts, announces, searches, connects. Idempotent. When it fails, the
   * documents can still be used, and it may be called again. A signal ends the waiting and
   * not the start: `stop` does that.
   *
   * @throws `TransportError` when a transport cannot listen, `ERR_ADDRESS_IN_USE` for example;
   *   `P2PError` `ERR_P2P_STOPPED` when `stop` is called meanwhile.
   */
  start(options?: AbortOptions): Promise<void>
  /** Says goodbye, saves, frees everything. Idempotent, in any state; `start` may follow. */
  stop(): Promise<void>
  /** Settles when the documents can be used. */
  whenReady(): Promise<void>

  /**
   * Opens the document at `path`, and makes it with `initial` when there is none. Before
   * `start` the handle's `whenSynced` throws `P2PError` `ERR_P2P_NOT_STARTED`.
   */
  open<T extends object>(
    path: string,
    initial?: T,
    options?: AbortOptions,
  ): Promise<DocumentHandle<T>>
  /** The content of a document, or `undefined` when there is none, or nothing of what another author began has come yet. */
  readDoc<T extends object>(path: string): Promise<T | undefined>
  /** Makes a document's content equal to `value`, changing only what differs; settles when it is on disk. */
  writeDoc(path: string, value: unknown): Promise<void>
  /** Deletes a document for everybody who learns of it; edits that are not known here stay with those who have them, and more can be done with `database`. */
  remove(path: string): Promise<void>
  /** The documents below `prefix`, sorted by path. */
  ls(prefix?: string): Promise<readonly CatalogueEntry[]>
  /** Every change below `prefix` from now on, of this node and of others. Ends with `stop`. */
  changes(prefix?: string, options?: AbortOptions): AsyncIterable<DocumentChange>
  /** Every change of the document `<collection>/<documentId>` from now on, and of no other. Ends with `stop`. */
  subscribeDocument(
    collection: string,
    documentId: string,
    options?: AbortOptions,
  ): AsyncIterable<DocumentChange>
  /**
   * Settles when the document `<collection>/<documentId>` is the same here and at a connected peer.
   *
   * @throws `P2PError` `ERR_P2P_NOT_STARTED`; `SyncError` `ERR_PEER_NOT_SYNCING`.
   */
  syncDocument(
    peerId: PeerId,
    collection: string,
    documentId: string,
    options?: AbortOptions,
  ): Promise<SyncStatus>
  /**
   * Settles when peers have confirmed everything that was written here. Without peers it
   * waits for them: give a `signal`.
   *
   * @throws `P2PError` `ERR_P2P_NOT_STARTED`; what `start` throws when that is under way and
   *   fails; the signal's reason.
   */
  whenSynced(options?: SyncedOptions): Promise<SyncStatus>

  /**
   * Entries with rights and erasure, synced with the peers of this node. It ends with `stop`:
   * after the next `start` ask for it again, and open its namespaces again.
   *
   * @throws `P2PError` `ERR_WILLOW_DISABLED` without the option `willow`.
   */
  willow(): Willow

  /**
   * Messages to all members: `join(topic)`, `publish(bytes)`. It ends with `stop`: after the
   * next `start` ask for it again, and join again.
   *
   * @throws `P2PError` `ERR_GOSSIP_DISABLED` without the option `gossip`.
   */
  gossip(): vudo.Gossip
  /**
   * Enters the room of a document, a collection, or without a path of the whole database: who
   * is there, and what each shows of itself. A second call gives the same entry until it is
   * left. It ends with `stop`.
   *
   * @param state - What to show: a plain object of JSON values, at most 4 KiB. The members of
   *   the database can see it, whatever they look at.
   * @throws `P2PError` `ERR_GOSSIP_DISABLED`, `ERR_PRESENCE_NOT_ALLOWED`; `SyncError`
   *   `ERR_PATH_INVALID`; `GossipError` `ERR_GOSSIP_STATE_SIZE`, `ERR_GOSSIP_LIMIT`.
   */
  presence(path?: string, state?: vudo.PresenceState): vudo.Presence
  /**
   * Who says that it can do something: `'relay'`, `'blobs'`, `'storage'`, `'unmetered'`, or a
   * protocol such as `'/my-app/chat/1'`; those without a metered connection first.
   *
   * @throws `P2PError` `ERR_GOSSIP_DISABLED`.
   */
  peersWith(name: vudo.CapabilityName): readonly PeerId[]
  /** What a peer says that it can do, while that holds. @throws `P2PError` `ERR_GOSSIP_DISABLED`. */
  capabilitiesOf(peerId: PeerId): vudo.Capabilities | undefined
  /**
   * Says what this node offers, until `stop`; its protocols, and whether it is metered, are
   * said by themselves.
   *
   * @throws `P2PError` `ERR_GOSSIP_DISABLED`; `RangeError` for a wrong number of bytes.
   */
  setCapabilities(
    capabilities: Pick<Partial<vudo.Capabilities>, 'relay' | 'blobs' | 'storageBytes'>,
  ): void

  /** Searches now; the peers found, connected or not. @throws `P2PError` `ERR_P2P_NOT_STARTED`. */
  discoverPeers(options?: AbortOptions): Promise<PeerInfo[]>
  /**
   * Connects to whoever answers at an address (`scheme://…`, or `host:port`, which means TCP),
   * or to a peer that was found, and gives its proven id.
   *
   * @throws `P2PError` `ERR_P2P_NOT_STARTED`; `TransportError` `ERR_PEER_MISMATCH` when somebody
   *   else than `expected` answers; whatever `Network.connectPeer` throws.
   */
  connectPeer(target: DialTarget, options?: ConnectPeerOptions): Promise<PeerId>
  /** Ends the sessions with a peer; when it is found again, it is connected again. @throws `NetworkError` `ERR_PEER_NOT_CONNECTED`. */
  disconnectPeer(peerId: PeerId): Promise<void>
  /** Ends every session; peers that are found again are connected again. */
  disconnectAll(): Promise<void>
  /**
   * Takes the channels that peers open for a protocol of the application. Only peers that
   * have proven to have the database get through. A later call replaces the handler, which
   * stays over `stop` and the next `start`.
   *
   * @param protocol - 1 to 64 bytes, for example `/my-app/chat/1`; `/vudo/` is ours.
   * @returns Takes the handler away again.
   * @throws `P2PError` `ERR_PROTOCOL_RESERVED`; `RangeError` for another length.
   */
  handle(protocol: string, handler: ChannelHandler): () => void
  /**
   * Opens a channel with a connected peer: an ordered pipe of messages of up to 256 KiB,
   * which outlives its connection. Until the peer has proven to have the database (the event
   * `database:shared`; {@link connectPeer} waits for it) it ends at once with `ERR_NOT_MEMBER`.
   *
   * @throws `NetworkError` `ERR_PEER_NOT_CONNECTED`; what {@link handle} throws.
   */
  openChannel(peerId: PeerId, protocol: string, options?: ProtocolOptions): Channel
  /**
   * Answers requests. What the handler throws becomes the caller's `peerCode`, its code alone.
   * A peer may ask 64 times per second.
   */
  respond(
    protocol: string,
    handler: RequestHandler,
    options?: Pick<RequestHandlerOptions, 'maxRequestBytes'>,
  ): () => void
  /**
   * Asks a connected peer and gives its answer.
   *
   * @param message - 0 to 262,144 bytes.
   * @throws `NetworkError` `ERR_PEER_NOT_CONNECTED`, `ERR_REQUEST_TIMEOUT`, `ERR_REQUEST_FAILED`
   *   with a `peerCode`, `ERR_REQUEST_SIZE`, `ERR_LIMIT`; what {@link handle} throws.
   */
  request(
    peerId: PeerId,
    protocol: string,
    message: Uint8Array,
    options?: Omit<RequestOptions, 'database'>,
  ): Promise<Uint8Array>
  /** Takes newest values: iterating gives whatever is newest when the reader is ready. */
  handleLatest(
    protocol: string,
    handler: (values: LatestReader) => void | Promise<void>,
  ): () => void
  /**
   * Sends newest values to a connected peer: a value that has not been sent gives way to a
   * newer one, for cursors and positions.
   *
   * @throws what {@link openChannel} throws.
   */
  openLatest(peerId: PeerId, protocol: string, options?: ProtocolOptions): LatestWriter
  /** Which bandwidth limit holds, and why. */
  readonly bandwidth: BandwidthState
  /**
   * Says by hand what the connection costs, until the end of this `initialize`; `auto` asks the platform again.
   *
   * @throws `TransportError` `ERR_CONFIG_INVALID` for what is no profile.
   */
  setProfile(profile: BandwidthProfile): void
  /** Every option with its value and where that came from. Holds no ticket and no token. */
  readonly configuration: readonly OptionReport[]
  /** One entry per session that stands. */
  connectedPeers(): readonly PeerStatus[]
  /** Tells whether a session with the peer stands. */
  isPeerConnected(peerId: PeerId): boolean
}
