import { createEventHub, type EventHub } from '@vudo/events'
import { encodeTicket } from '@vudo/identity'
import type { Network, NetworkEvents, PeerStatus } from '@vudo/network'
import type {
  CatalogueEntry,
  Database,
  DatabaseEvents,
  DocumentChange,
  DocumentHandle,
  SyncedOptions,
  SyncStatus,
} from '@vudo/sync'
import type { AbortOptions, Address, PeerId, PeerInfo } from '@vudo/transport'
import { P2PError } from './errors.ts'
import { forwardEvents } from './forward-events.ts'
import { parseP2POptions, type P2POptions, type P2PSettings } from './options.ts'
import { openRunning, type Running } from './running.ts'

/** Everything that can be listened to on a node: the events of its network and of its documents. */
export type P2PEvents = NetworkEvents & DatabaseEvents

/** A node: documents that sync with every peer of the same database. Made by {@link createP2P}. */
export interface P2P extends AsyncDisposable {
  /** Who this node is: the lower-case hex of its public key. */
  readonly peerId: PeerId
  /** Who signs what is written here: the hex of the author's public key. */
  readonly authorId: string
  /** Invites others to the database: whoever has it can join, so it is a secret unless {@link isPublic}. */
  readonly ticket: string
  /** True when the database is known by its id alone: whoever knows the id can read and write. */
  readonly isPublic: boolean
  /** True between `start` and `stop`. */
  readonly isStarted: boolean
  /** Where others can reach this node, best first; empty before `start`. */
  readonly addresses: readonly Address[]
  /** All documents, for what has no short form here. */
  readonly database: Database
  /** Sessions with peers, for protocols of one's own. */
  readonly network: Network
  readonly events: EventHub<P2PEvents>
  readonly status: SyncStatus

  /** Opens keys and documents without touching the network. `createP2P` has done it; after `stop` it opens them again. Idempotent. */
  initialize(): Promise<void>
  /** Joins the network: accepts, announces, searches, connects. Idempotent. */
  start(options?: AbortOptions): Promise<void>
  /** Says goodbye, saves, frees everything. Idempotent; `start` may follow. */
  stop(): Promise<void>
  /** Settles when the documents can be used. */
  whenReady(): Promise<void>

  /** Opens the document at `path`, and makes it with `initial` when there is none. */
  open<T extends object>(
    path: string,
    initial?: T,
    options?: AbortOptions,
  ): Promise<DocumentHandle<T>>
  /** The content of a document, or `undefined` when there is none. */
  readDoc<T extends object>(path: string): Promise<T | undefined>
  /** Makes a document's content equal to `value`, changing only what differs; settles when it is on disk. */
  writeDoc(path: string, value: unknown): Promise<void>
  /** Deletes a document for everybody; its history stays with those who have it. */
  remove(path: string): Promise<void>
  /** The documents below `prefix`, sorted by path. */
  ls(prefix?: string): Promise<readonly CatalogueEntry[]>
  /** Every change below `prefix` from now on, of this node and of others. */
  changes(prefix?: string, options?: AbortOptions): AsyncIterable<DocumentChange>
  /** Every change of one document; the same as `changes('<collection>/<documentId>')`. */
  subscribeDocument(
    collection: string,
    documentId: string,
    options?: AbortOptions,
  ): AsyncIterable<DocumentChange>
  /** Settles when one document is the same here and at a connected peer. */
  syncDocument(
    peerId: PeerId,
    collection: string,
    documentId: string,
    options?: AbortOptions,
  ): Promise<SyncStatus>
  /** Settles when peers have confirmed everything that was written here. */
  whenSynced(options?: SyncedOptions): Promise<SyncStatus>

  /** Searches now; the peers found, connected or not. */
  discoverPeers(options?: AbortOptions): Promise<PeerInfo[]>
  /** Connects to whoever answers at `address` and gives its proven id. */
  connectPeer(address: Address, options?: AbortOptions): Promise<PeerId>
  disconnectPeer(peerId: PeerId): Promise<void>
  /** Ends every session; peers that are found again are connected again. */
  disconnectAll(): Promise<void>
  connectedPeers(): readonly PeerStatus[]
  isPeerConnected(peerId: PeerId): boolean
}

/**
 * Makes a node. Without options it keeps keys and documents in the platform's data
 * directory, takes part in a private database of its own, and after `start` reaches the
 * local network by TCP and multicast DNS. Nothing touches the network before `start`.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`, `ERR_TRANSPORT_MISSING`; `IdentityError`
 *   for a ticket or key file; `StorageError` `ERR_STORE_LOCKED` when another process owns the folder.
 */
export async function createP2P(options: P2POptions = {}): Promise<P2P> {
  const node = new Node(parseP2POptions(options))
  await node.initialize()
  return node
}

class Node implements P2P {
  readonly events: EventHub<P2PEvents> = createEventHub<P2PEvents>()
  readonly #settings: P2PSettings
  #opening: Promise<Running> | undefined
  #running: Running | undefined
  #starting: Promise<void> | undefined

  constructor(settings: P2PSettings) {
    this.#settings = settings
  }

  get peerId(): PeerId {
    return this.#open.key.peerId
  }

  get authorId(): string {
    return this.#open.author.authorId
  }

  get ticket(): string {
    return encodeTicket(this.#open.ticket)
  }

  get isPublic(): boolean {
    return this.#open.ticket.secret === undefined
  }

  get isStarted(): boolean {
    return this.#starting !== undefined
  }

  get addresses(): readonly Address[] {
    return this.#open.transports.flatMap(({ addresses }) => addresses)
  }

  get database(): Database {
    return this.#open.database
  }

  get network(): Network {
    return this.#open.network
  }

  get status(): SyncStatus {
    return this.database.status
  }

  async initialize(): Promise<void> {
    this.#opening ??= openRunning(this.#settings)
    try {
      const running = await this.#opening
      if (this.#running !== running) this.#adopt(running)
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }

  async start(options?: AbortOptions): Promise<void> {
    await this.initialize()
    this.#starting ??= this.#join(options)
    try {
      await this.#starting
    } catch (error) {
      this.#starting = undefined
      throw error
    }
  }

  async stop(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    this.#starting = undefined
    const running = await opening?.catch(() => undefined)
    this.#running = undefined
    await running?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  whenReady(): Promise<void> {
    return this.database.whenReady()
  }

  open<T extends object>(
    path: string,
    initial?: T,
    options?: AbortOptions,
  ): Promise<DocumentHandle<T>> {
    return this.database.open(path, initial, options)
  }

  readDoc<T extends object>(path: string): Promise<T | undefined> {
    return this.database.readDoc(path)
  }

  writeDoc(path: string, value: unknown): Promise<void> {
    return this.database.writeDoc(path, value)
  }

  remove(path: string): Promise<void> {
    return this.database.remove(path)
  }

  ls(prefix?: string): Promise<readonly CatalogueEntry[]> {
    return this.database.ls(prefix)
  }

  changes(prefix?: string, options?: AbortOptions): AsyncIterable<DocumentChange> {
    return this.database.changes(prefix, options)
  }

  subscribeDocument(
    collection: string,
    documentId: string,
    options?: AbortOptions,
  ): AsyncIterable<DocumentChange> {
    return this.database.changes(`${collection}/${documentId}`, options)
  }

  syncDocument(
    peerId: PeerId,
    collection: string,
    documentId: string,
    options?: AbortOptions,
  ): Promise<SyncStatus> {
    return this.database.syncWith(peerId, `${collection}/${documentId}`, options)
  }

  whenSynced(options?: SyncedOptions): Promise<SyncStatus> {
    return this.database.whenSynced(options)
  }

  discoverPeers(options?: AbortOptions): Promise<PeerInfo[]> {
    return this.network.discoverPeers(options)
  }

  connectPeer(address: Address, options?: AbortOptions): Promise<PeerId> {
    return this.network.connectPeer(address, options)
  }

  disconnectPeer(peerId: PeerId): Promise<void> {
    return this.network.disconnectPeer(peerId)
  }

  disconnectAll(): Promise<void> {
    return this.network.disconnectAll()
  }

  connectedPeers(): readonly PeerStatus[] {
    return this.network.connectedPeers()
  }

  isPeerConnected(peerId: PeerId): boolean {
    return this.network.isPeerConnected(peerId)
  }

  get #open(): Running {
    if (this.#running) return this.#running
    throw new P2PError('ERR_P2P_STOPPED', 'the node is stopped', {
      hint: 'call start() (or initialize(), to stay offline) before using it again',
    })
  }

  #adopt(running: Running): void {
    this.#running = running
    forwardEvents(running.network.events, this.events)
    forwardEvents(running.database.events, this.events)
  }

  async #join(options?: AbortOptions): Promise<void> {
    const { network, ticket } = this.#open
    await network.start()
    const { databaseId: id, secret } = ticket
    await network.join(secret === undefined ? { id } : { id, secret }, options)
  }
}
