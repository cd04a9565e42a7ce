/** Ties sessions to transports and discoveries: who is connected, who is wanted, what is told. */
import { createEventHub, type EventHub } from '@vudo/events'
import { randomBytes } from '@vudo/identity'
import {
  isPeerId,
  type AbortOptions,
  type Address,
  type Connection,
  type PeerId,
  type PeerInfo,
} from '@vudo/transport'
import { bytesToHex } from '@vudo/wire'
import { Admission, type PeerLists } from './admission.ts'
import { BandwidthBudget } from './bandwidth-budget.ts'
import { ChannelHandlers } from './channel-handlers.ts'
import type { Accepted } from './connector.ts'
import { DatabaseTable } from './database-table.ts'
import type { Need, Target } from './dial-queue.ts'
import { Dialler } from './dialler.ts'
import { NetworkError } from './errors.ts'
import { Handshakes, type SessionEntry } from './handshake.ts'
import { DUPLICATE_WAIT_MS, INSTANCE_BYTES } from './limits.ts'
import { listenAll } from './listening.ts'
import type {
  ChannelHandler,
  ConnectPeerOptions,
  DatabaseTicket,
  Network,
  NetworkEvents,
  NetworkInit,
  PeerStatus,
} from './network.ts'
import { parseNetworkOptions, type NetworkSettings } from './options.ts'
import { OwnRecord } from './own-record.ts'
import { SessionDirectory } from './session-directory.ts'
import { SessionDriver } from './session-driver.ts'
import { SessionNews } from './session-news.ts'
import type { Session } from './session.ts'
import { Strangers } from './strangers.ts'
import { Surroundings, type SurroundingsChange } from './surroundings.ts'
import { abortable, Tasks, waitFor, whenShared } from './waiting.ts'

/** See {@link Network}. */
export class NetworkDriver implements Network {
  readonly peerId: PeerId
  readonly instance: string
  readonly events: EventHub<NetworkEvents> = createEventHub<NetworkEvents>()
  readonly #init: NetworkInit
  readonly #settings: NetworkSettings
  readonly #handshakes: Handshakes
  readonly #directory = new SessionDirectory()
  readonly #handlers = new ChannelHandlers()
  readonly #databases: DatabaseTable
  readonly #dialler: Dialler<SessionDriver>
  readonly #news: SessionNews
  readonly #admission: Admission
  readonly #budget: BandwidthBudget
  readonly #canDialDirectly: boolean
  readonly #record: OwnRecord
  /** What `stop` waits for. */
  readonly #tasks = new Tasks()
  readonly #strangers: Strangers
  readonly #surroundings: Surroundings
  readonly #stopping = new AbortController()
  #started: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(init: NetworkInit) {
    const settings = parseNetworkOptions(init.options)
    const instance = randomBytes(INSTANCE_BYTES)
    this.#init = init
    this.#settings = settings
    this.peerId = init.key.peerId
    this.instance = bytesToHex(instance)
    this.#admission = new Admission(settings.peers)
    this.#budget = new BandwidthBudget(settings.now)
    this.#canDialDirectly = init.transports.some(
      ({ features }) => features.dials && features.relays !== true,
    )
    this.#strangers = new Strangers(settings.maxConnections)
    this.#surroundings = new Surroundings({
      now: settings.now,
      wallClock: settings.wallClock,
      interfaces: init.interfaces,
      onChange: (change) => this.#onSurroundings(change),
    })
    this.#record = new OwnRecord(init, settings.wallClock)
    this.#databases = this.#createDatabases()
    this.#handshakes = this.#createHandshakes(instance)
    this.#dialler = this.#createDialler()
    this.#news = new SessionNews({
      events: this.events,
      handlers: this.#handlers,
      directory: this.#directory,
      handshakes: this.#handshakes,
      strangers: this.#strangers,
      admission: this.#admission,
      dialler: this.#dialler,
      now: settings.now,
    })
  }

  get addresses(): readonly Address[] {
    return this.#record.addresses()
  }

  get sessions(): readonly Session[] {
    return this.#directory.all()
  }

  start({ signal }: AbortOptions = {}): Promise<void> {
    this.#started ??= this.#startOnce()
    return abortable(this.#started, signal)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async join(database: DatabaseTicket, { signal }: AbortOptions = {}): Promise<void> {
    this.#assertRunning()
    const { key, isNew, started } = this.#databases.join(database)
    if (isNew)
      for (const driver of this.#directory.all()) driver.apply({ type: 'join', database: key })
    await abortable(started, signal)
  }

  async leave(databaseId: string): Promise<void> {
    const leaving = this.#databases.leave(databaseId)
    this.#dialler.unwant(databaseId)
    for (const driver of this.#directory.all()) driver.apply({ type: 'leave', databaseId })
    await leaving
  }

  handle(protocol: string, handler: ChannelHandler): () => void {
    return this.#handlers.add(protocol, handler)
  }

  async connectPeer(target: Target, options: ConnectPeerOptions = {}): Promise<PeerId> {
    this.#assertRunning()
    await abortable(this.start(), options.signal)
    const signal = AbortSignal.any(
      [this.#stopping.signal, options.signal].filter((each) => each !== undefined),
    )
    const expected = options.expected ?? (isPeerId(target) ? target : undefined)
    const present = expected === undefined ? undefined : this.#directory.attached(expected)
    const driver = present ?? (await this.#dialler.dial(target, { expected, signal }))
    await whenShared(driver, this.events, signal)
    return driver.peerId
  }

  async disconnectPeer(peerId: PeerId): Promise<void> {
    const drivers = this.#directory.with(peerId)
    if (drivers.length === 0) {
      throw new NetworkError('ERR_PEER_NOT_CONNECTED', `there is no session with peer ${peerId}`, {
        hint: 'connectPeer first',
      })
    }
    this.#dialler.forget(peerId)
    await Promise.all(drivers.map((driver) => driver.close()))
  }

  async disconnectAll(): Promise<void> {
    const drivers = this.#directory.all()
    for (const { peerId } of drivers) this.#dialler.forget(peerId)
    await Promise.all(drivers.map((driver) => driver.close()))
  }

  get bandwidthLimit(): number | undefined {
    return this.#budget.bytesPerSecond
  }

  setBandwidthLimit(bytesPerSecond: number | undefined): void {
    this.#budget.setRate(bytesPerSecond)
  }

  get peerLists(): PeerLists {
    return this.#admission.lists
  }

  async setPeerLists(lists: PeerLists): Promise<void> {
    this.#admission.setLists(lists)
    const nowMs = this.#settings.now()
    const refused = this.#directory
      .all()
      .filter(({ peerId }) => this.#admission.refusal(peerId, nowMs) !== undefined)
    await Promise.all(refused.map((driver) => driver.close()))
  }

  async discoverPeers({ signal }: AbortOptions = {}): Promise<PeerInfo[]> {
    this.#assertRunning()
    const found = await abortable(this.#tasks.add(this.#databases.search()), signal)
    return found.filter(({ id }) => id !== this.peerId)
  }

  session(peerId: PeerId): Session | undefined {
    return this.#directory.attached(peerId) ?? this.#directory.with(peerId)[0]
  }

  isPeerConnected(peerId: PeerId): boolean {
    return this.#directory.attached(peerId) !== undefined
  }

  connectedPeers(): PeerStatus[] {
    return this.#directory.statuses()
  }

  // --- starting and stopping ---

  /** A port that is taken now may be free at the next try. */
  async #startOnce(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      this.#started = undefined
      throw error
    }
  }

  #onSurroundings(change: SurroundingsChange): void {
    // Before the pauses end: only who is in doubt needs a dial.
    for (const driver of this.#directory.all()) driver.doubtPaths()
    this.#dialler.reset()
    this.#databases.refresh()
    this.events.publish('surroundings:changed', { change })
  }

  async #start(): Promise<void> {
    this.#assertRunning()
    const { signal } = this.#stopping
    const onLate = (): void => this.#databases.refresh()
    await listenAll(this.#init.transports, { signal, onLate })
    this.#assertRunning()
    this.#databases.start()
    this.#surroundings.start()
    this.#dialler.wantAlways(this.#settings.bootstrapNodes)
  }

  async #stop(): Promise<void> {
    const error = stopped()
    this.#surroundings.stop()
    this.#dialler.stop()
    await Promise.all(this.#directory.all().map((driver) => driver.close()))
    this.#stopping.abort(error)
    this.#budget.close()
    await this.#databases.stop()
    const { transports, discoveries = [] } = this.#init
    // One that cannot be closed must not keep the others open; its error is told afterwards.
    const closed = await Promise.allSettled([
      ...discoveries.map((discovery) => discovery.close()),
      ...transports.map((transport) => transport.disconnect()),
    ])
    await this.#tasks.settled()
    this.events.close()
    const failure = closed.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  #assertRunning(): void {
    if (this.#stopped !== undefined) throw stopped()
  }

  // --- connections ---

  #adopt(connection: Connection): void {
    if (this.#stopped !== undefined) {
      void this.#tasks.add(connection.close())
      return
    }
    if (!connection.path.outbound) this.#limitStrangers(connection)
    // A refusal is told by `onRefused`; nobody waits for this one.
    void this.#tasks.add(this.#dialler.adopt(connection)).catch(() => undefined)
  }

  #limitStrangers(connection: Connection): void {
    const oldest = this.#strangers.add(connection, this.#settings.now())
    void this.#tasks.add(connection.closed).then(() => this.#strangers.remove(connection))
    if (oldest === undefined) return
    const error = new NetworkError('ERR_LIMIT', 'too many connections have no common database', {
      hint: 'raise maxConnections',
    })
    void this.#tasks.add(oldest.close(error))
  }

  #onAccepted(connection: Connection, accepted: Accepted): SessionDriver {
    const { session: entry, isNew, isFurther, ended, effects, reply, record } = accepted
    if (ended !== undefined) this.#directory.of(ended.session)?.perform(ended.effects)
    const driver = this.#directory.of(entry) ?? this.#createDriver(entry)
    this.#dialler.learn(record, entry.peerId)
    const former = driver.attach(connection, accepted.path, reply)
    this.#dialler.connected(entry.peerId)
    if (driver.databases.size > 0) this.#strangers.remove(connection)
    if (!isFurther) this.#news.attached(driver, isNew)
    // After the news, so that a session is known before its databases and channels are.
    void this.#tasks.add(driver.carry(connection, effects))
    for (const other of former) void this.#tasks.add(other.close())
    return driver
  }

  #createDriver(entry: SessionEntry): SessionDriver {
    const { now, wallClock } = this.#settings
    const driver = new SessionDriver({
      entry,
      listener: this.#news,
      now,
      sinceMs: wallClock(),
      budget: this.#budget,
      isBulk: (name) =>
        this.#init.transports.find((each) => each.name === name)?.features.bulk !== false,
    })
    this.#directory.add(entry, driver)
    return driver
  }

  async #whenAttached(peerId: PeerId, signal: AbortSignal): Promise<SessionDriver | undefined> {
    const isAttached = (): boolean => this.#directory.attached(peerId) !== undefined
    await waitFor(isAttached, this.events, { signal, withinMs: DUPLICATE_WAIT_MS })
    return this.#directory.attached(peerId)
  }

  /** What a peer lacks: a relay will do until there is a direct way. */
  #need(peerId: PeerId): Need {
    if (this.#admission.refusal(peerId, this.#settings.now()) !== undefined) return 'none'
    const answering = this.#directory.paths(peerId).filter(({ isAnswering }) => isAnswering)
    if (answering.some(({ path }) => !path.relayed)) return 'none'
    if (answering.length > 0) return this.#canDialDirectly ? 'better' : 'none'
    return this.#handshakes.with(peerId).length > 0 ? 'urgent' : 'any'
  }

  // --- parts ---

  #createDatabases(): DatabaseTable {
    const { transports, discoveries = [] } = this.#init
    const { discoveryIntervalMs: intervalMs, random } = this.#settings
    return new DatabaseTable({
      transports,
      discoveries,
      intervalMs,
      random,
      record: () => this.#record.current(),
      onConnection: (connection) => this.#adopt(connection),
      onRecord: (record, source) => this.#dialler.foundRecord(record, source),
      onPeer: (peer, databaseId) => this.#dialler.foundPeer(peer, databaseId),
      onFailure: (name, error) => this.events.publish('search:failed', { name, error }),
    })
  }

  #createHandshakes(instance: Uint8Array): Handshakes {
    const { maxConnections, heartbeatIntervalMs, resumeWindowMs, unsharedGraceMs } = this.#settings
    return new Handshakes({
      peerId: this.peerId,
      instance,
      maxFrameBytes: Math.min(
        ...this.#init.transports.map((transport) => transport.features.maxMessageBytes),
      ),
      maxSessions: maxConnections,
      heartbeatIntervalMs,
      resumeWindowMs,
      unsharedGraceMs,
      databases: () => this.#databases.keys(),
      record: () => this.#record.current().bytes,
    })
  }

  #createDialler(): Dialler<SessionDriver> {
    return new Dialler({
      self: this.peerId,
      settings: this.#settings,
      transports: this.#init.transports,
      handshakes: this.#handshakes,
      admission: this.#admission,
      tasks: this.#tasks,
      signal: this.#stopping.signal,
      needOf: (peerId) => this.#need(peerId),
      publish: (name, event) => void this.events.publish(name, event),
      onAccepted: (connection, accepted) => this.#onAccepted(connection, accepted),
      onDuplicate: (peerId, signal) => this.#whenAttached(peerId, signal),
      onRefused: (peerId, error) => this.#news.refused(peerId, error),
    })
  }
}

function stopped(): NetworkError {
  return new NetworkError('ERR_NETWORK_STOPPED', 'the network was stopped', {
    hint: 'make a new network',
  })
}
