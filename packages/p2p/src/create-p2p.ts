import process from 'node:process'
import { createEventHub, type EventHub } from '@vudo/events'
import { encodeTicket, type SealingKeys } from '@vudo/identity'
import type { ConnectPeerOptions, Network, PeerStatus } from '@vudo/network'
import {
  parsePath,
  type CatalogueEntry,
  type Database,
  type DocumentChange,
  type DocumentHandle,
  type Policy,
  type SyncedOptions,
  type SyncStatus,
} from '@vudo/sync'
import {
  isPeerId,
  type AbortOptions,
  type Address,
  type DialTarget,
  type PeerId,
  type PeerInfo,
} from '@vudo/transport'
import type { Willow } from '@vudo/willow'
import { abortable } from './abortable.ts'
import type { BandwidthState } from './bandwidth.ts'
import { readConfiguration, type OptionReport } from './configuration.ts'
import { P2PError } from './errors.ts'
import { forwardDatabaseEvents, forwardNetworkEvents } from './forward-events.ts'
import { warnOnce } from './log.ts'
import { openInWorker } from './open-in-worker.ts'
import type { BandwidthProfile, P2POptions } from './options.ts'
import type { P2PSettings } from './settings.ts'
import type { P2P, P2PEvents } from './p2p.ts'
import { parsePeerAddress } from './peer-address.ts'
import type { Gossiping } from './gossip.ts'
import { GossipCalls } from './gossip-calls.ts'
import type { Joined } from './protocol-calls.ts'
import { openRunning, type Running } from './running.ts'
import { whenSyncing } from './when-syncing.ts'

/**
 * Makes a node. Without options it keeps keys and documents in the platform's data
 * directory, takes part in a private database of its own, and after `start` reaches the
 * local network by TCP and multicast DNS. Nothing touches the network before `start`.
 *
 * What the options leave open, the environment and the file `config.json` of the data
 * directory may say; see {@link readConfiguration}.
 *
 * @throws `TransportError` `ERR_CONFIG_INVALID`, `ERR_TRANSPORT_MISSING`; `IdentityError` for a
 *   ticket or key file; `P2PError` for the ticket's file; `StoreError` `ERR_STORE_LOCKED` when
 *   another process owns the folder, `ERR_STORE_UNREADABLE`, `ERR_STORE_DAMAGED`, `ERR_STORE_FULL`;
 *   with `worker` also `P2PError` `ERR_P2P_WORKER_OPTION`, `ERR_P2P_WORKER_ENDED`.
 */
export async function createP2P(options: P2POptions = {}): Promise<P2P> {
  const { settings, report } = await readConfiguration(options, process.env)
  if (!settings.worker) warnOfIdle(report)
  const node = new Node(options, settings, report)
  await node.initialize()
  return node
}

class Node extends GossipCalls implements P2P {
  readonly events: EventHub<P2PEvents> = createEventHub<P2PEvents>()
  readonly #configuration: readonly OptionReport[]
  readonly #options: P2POptions
  readonly #settings: P2PSettings
  #opening: Promise<Running> | undefined
  #running: Running | undefined
  /** What can be read after `stop`: who this was, and how it stood. */
  #last: Last | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> = Promise.resolve()

  constructor(options: P2POptions, settings: P2PSettings, configuration: readonly OptionReport[]) {
    super()
    this.#options = options
    this.#settings = settings
    this.#configuration = configuration
  }

  get configuration(): readonly OptionReport[] {
    const { configuration } = this.#running ?? {}
    if (!configuration) return this.#configuration
    // Where the node runs, it is in no worker.
    const ours = this.#configuration.find(({ name }) => name === 'worker')
    return configuration.map((one) => (ours && one.name === 'worker' ? ours : one))
  }

  get peerId(): PeerId {
    return this.#seen.peerId
  }

  get authorId(): string {
    return this.#seen.authorId
  }

  get sealingKeys(): SealingKeys {
    return this.#open.sealing.keys
  }

  get ticket(): string {
    return encodeTicket(this.#open.ticket)
  }

  get replacedTicketFile(): string | undefined {
    return this.#open.replacedTicketFile
  }

  get isPublic(): boolean {
    return this.#open.ticket.secret === undefined
  }

  get isStarted(): boolean {
    return this.#starting !== undefined
  }

  get transports(): readonly string[] {
    return this.#running?.transports.map(({ name }) => name) ?? []
  }

  get addresses(): readonly Address[] {
    return this.#running?.network.addresses ?? []
  }

  get database(): Database {
    return this.#open.database
  }

  get network(): Network {
    return this.#open.network
  }

  get status(): SyncStatus {
    return this.#seen.status
  }

  async initialize(): Promise<void> {
    await this.#initialize()
  }

  async start({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    const starting = (this.#starting ??= this.#start())
    // Here and not where somebody waits: who waits may have given up.
    starting.catch(() => {
      if (this.#starting === starting) this.#starting = undefined
    })
    await abortable(starting, signal)
  }

  stop(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    this.#starting = undefined
    if (this.#running) this.#last = whenLeft(this.#running)
    this.#running = undefined
    // Several calls wait for the same end, and a new start for all of them.
    if (opening) this.#stopping = close(opening)
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async whenReady(): Promise<void> {
    await this.database.whenReady()
  }

  async open<T extends object>(
    path: string,
    initial?: T,
    options?: AbortOptions,
  ): Promise<DocumentHandle<T>> {
    const handle = await this.database.open(path, initial, options)
    const whenSynced = handle.whenSynced.bind(handle)
    handle.whenSynced = (wanted = {}) =>
      this.#online(wanted.signal, (signal) => whenSynced({ ...wanted, signal }))
    return handle
  }

  async readDoc<T extends object>(path: string): Promise<T | undefined> {
    return this.database.readDoc(path)
  }

  async writeDoc(path: string, value: unknown): Promise<void> {
    await this.database.writeDoc(path, value)
  }

  async remove(path: string): Promise<void> {
    await this.database.remove(path)
  }

  async ls(prefix?: string): Promise<readonly CatalogueEntry[]> {
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
    const path = parsePath(`${collection}/${documentId}`)
    return changesAt(path, this.database.changes(path, options))
  }

  async syncDocument(
    peerId: PeerId,
    collection: string,
    documentId: string,
    options?: AbortOptions,
  ): Promise<SyncStatus> {
    const network = await this.#started(options?.signal)
    const { database } = this
    await whenSyncing(peerId, { database, network, signal: options?.signal })
    return database.syncWith(peerId, `${collection}/${documentId}`, options)
  }

  whenSynced(options: SyncedOptions = {}): Promise<SyncStatus> {
    return this.#online(options.signal, (signal) =>
      this.database.whenSynced({ ...options, signal }),
    )
  }

  willow(): Willow {
    const { willow, elsewhere } = this.#open
    if (willow) return willow
    if (elsewhere) throw elsewhere('willow')
    throw new P2PError('ERR_WILLOW_DISABLED', 'the node was made without Willow', {
      hint: 'createP2P({ willow: true })',
    })
  }

  protected override get gossiping(): Gossiping {
    const { gossiping, elsewhere } = this.#open
    if (gossiping) return gossiping
    if (elsewhere) throw elsewhere('gossip')
    throw new P2PError('ERR_GOSSIP_DISABLED', 'the node was made without gossip', {
      hint: 'createP2P({ gossip: true })',
    })
  }

  protected override get openGossiping(): Gossiping | undefined {
    return this.#running?.gossiping
  }

  protected override get policy(): Policy | undefined {
    return this.#settings.policy
  }

  async discoverPeers(options: AbortOptions = {}): Promise<PeerInfo[]> {
    const network = await this.#started(options.signal)
    // What announces a node is heard by the node as well.
    const isOther = ({ id }: PeerInfo): boolean => id !== network.peerId
    return (await network.discoverPeers(options)).filter(isOther)
  }

  async connectPeer(target: DialTarget, options: ConnectPeerOptions = {}): Promise<PeerId> {
    const network = await this.#started(options.signal)
    const address = isPeerId(target) ? undefined : parsePeerAddress(target)
    return network.connectPeer(address ?? target, options)
  }

  async disconnectPeer(peerId: PeerId): Promise<void> {
    await this.network.disconnectPeer(peerId)
  }

  async disconnectAll(): Promise<void> {
    await this.network.disconnectAll()
  }

  connectedPeers(): readonly PeerStatus[] {
    return this.network.connectedPeers()
  }

  isPeerConnected(peerId: PeerId): boolean {
    return this.network.isPeerConnected(peerId)
  }

  protected override get joined(): Joined {
    const { network, ticket } = this.#open
    return { network, databaseId: ticket.databaseId }
  }

  get bandwidth(): BandwidthState {
    return this.#open.bandwidth.state
  }

  setProfile(profile: BandwidthProfile): void {
    this.#open.bandwidth.setProfile(profile)
  }

  get #open(): Running {
    if (this.#running) return this.#running
    throw stopped()
  }

  /** The node, or what is left of it after `stop`. */
  get #seen(): Last {
    if (this.#running) return identityAndStatus(this.#running)
    if (this.#last) return this.#last
    throw stopped()
  }

  /** The network of a node that has joined it. */
  async #started(signal: AbortSignal | undefined): Promise<Network> {
    const { network } = this.#open
    await abortable(this.#assertStarting(), signal)
    return network
  }

  /** Waits for what only peers can bring. A start that fails ends the wait with its error: nothing would come any more. */
  async #online<T>(
    signal: AbortSignal | undefined,
    wait: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const failed = new AbortController()
    this.#assertStarting().catch((error: unknown) => failed.abort(error))
    return wait(signal ? AbortSignal.any([signal, failed.signal]) : failed.signal)
  }

  /** The start that is under way or done. */
  #assertStarting(): Promise<void> {
    // First whether it is open: a stopped node says so.
    if (this.#open && this.#starting) return this.#starting
    throw new P2PError('ERR_P2P_NOT_STARTED', 'the node has not joined the network', {
      hint: 'call start() first: nothing touches the network before',
    })
  }

  async #initialize(): Promise<Running> {
    const opening = (this.#opening ??= this.#openAfter(this.#stopping))
    try {
      const running = await opening
      if (this.#opening !== opening) throw stopped()
      if (this.#running !== running) this.#adopt(running)
      return running
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined
      throw error
    }
  }

  /** The folder has one owner: the last one, which may be this node, has to have left it. */
  async #openAfter(stopping: Promise<void>): Promise<Running> {
    // Whoever called `stop` was told what went wrong.
    await stopping.catch(() => {})
    const onBandwidth = (state: BandwidthState): void =>
      void this.events.publish('bandwidth:changed', state)
    const { worker } = this.#settings
    return worker
      ? openInWorker(this.#options, worker, onBandwidth)
      : openRunning(this.#settings, onBandwidth)
  }

  #adopt(running: Running): void {
    this.#running = running
    forwardNetworkEvents(running.network.events, this.events)
    forwardDatabaseEvents(running.database.events, this.events)
    this.attach(running.network, running.ticket.databaseId)
  }

  async #start(): Promise<void> {
    const running = await this.#initialize()
    try {
      await running.join()
    } catch (cause) {
      throw this.#running === running ? cause : stopped(cause)
    }
    if (this.#running !== running) throw stopped()
  }
}

/** What a stopped node still tells. */
type Last = Pick<P2P, 'peerId' | 'authorId' | 'status'>

function identityAndStatus({ key, author, database }: Running): Last {
  return { peerId: key.peerId, authorId: author.authorId, status: database.status }
}

function whenLeft(running: Running): Last {
  const seen = identityAndStatus(running)
  return { ...seen, status: { ...seen.status, state: 'offline', peers: [], pendingBytes: 0 } }
}

async function close(opening: Promise<Running>): Promise<void> {
  // Whoever waits for the opening is told why it failed; then there is nothing to close.
  const running = await opening.catch(() => undefined)
  await running?.close()
}

async function* changesAt(
  path: string,
  changes: AsyncIterable<DocumentChange>,
): AsyncGenerator<DocumentChange, void> {
  for await (const change of changes) if (change.path === path) yield change
}

/** What is set and does nothing is worse than what is refused, unless it is said. */
function warnOfIdle(report: readonly OptionReport[]): void {
  for (const { name, isUsed, origin } of report) {
    if (!isUsed && origin !== 'default') warnOnce(`option ${name} is idle in this version`)
  }
}

function stopped(cause?: unknown): P2PError {
  return new P2PError('ERR_P2P_STOPPED', 'the node is stopped', {
    cause,
    hint: 'call start() (or initialize(), to stay offline) before using it again',
  })
}
