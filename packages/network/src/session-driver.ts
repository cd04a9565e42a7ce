/**
 * Runs a {@link SessionState} over its connections and a timer. It knows no
 * protocol: what is to be done, the core says.
 */
import type { Connection, ConnectionPath, PeerId } from '@vudo/transport'
import { Alarm } from './alarm.ts'
import type { BandwidthBudget } from './bandwidth-budget.ts'
import { SessionChannel, type Channel, type ChannelHost, type EndReason } from './channel.ts'
import { NetworkError } from './errors.ts'
import type { SessionEntry } from './handshake.ts'
import { MAX_PROTOCOL_BYTES } from './limits.ts'
import { PathDriver, type PathHost } from './path-driver.ts'
import { SessionBudget } from './session-budget.ts'
import type { SessionEffect, SessionInput } from './session-io.ts'
import type { SessionState } from './session-state.ts'
import type { OpenChannelOptions, Priority, Session, SessionPath } from './session.ts'
import type { PriorityNumber } from './frames.ts'

/** What a session tells its network. */
export interface SessionListener {
  /** Takes a channel that the peer opened; false when nobody handles its protocol. */
  onChannel(channel: Channel): boolean
  onShared(session: SessionDriver, databaseId: string): void
  onUnshared(session: Session, databaseId: string): void
  /** A connection has joined the session. */
  onPathAdded(session: SessionDriver, path: SessionPath): void
  /** A connection has left it; it may have been the last one. */
  onPathRemoved(session: SessionDriver, path: SessionPath): void
  /** Another connection carries what is urgent now. */
  onPathChanged(session: SessionDriver, path: SessionPath): void
  /** No connection answers: a further one may. */
  onSilent(session: SessionDriver): void
  /** The last connection is gone. */
  onInterrupted(session: Session): void
  onEnded(session: SessionDriver, reason: EndReason): void
}

/** What a driver is made of. */
export interface SessionDriverInit {
  readonly entry: SessionEntry
  readonly listener: SessionListener
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly sinceMs: number
  /** False for the name of a transport over which large transfers should not go. */
  readonly isBulk: (transport: string) => boolean
  /** Of the node; bulk waits for it. */
  readonly budget: BandwidthBudget
}

const priorities: Readonly<Record<Priority, PriorityNumber>> = {
  critical: 0,
  high: 1,
  normal: 2,
  low: 3,
}

const utf8 = new TextEncoder()

/** One session: the core, its connections, its timer, its channels. */
export class SessionDriver implements Session, ChannelHost, PathHost {
  readonly id: string
  readonly peerId: PeerId
  readonly instance: string
  readonly sinceMs: number
  readonly closed: Promise<EndReason>
  readonly #state: SessionState
  readonly #listener: SessionListener
  readonly #now: () => number
  readonly #channels = new Map<number, SessionChannel>()
  readonly #settleClosed: (reason: EndReason) => void
  readonly #isBulk: (transport: string) => boolean
  readonly #budget: SessionBudget
  #paths: readonly PathDriver[] = []
  readonly #alarm: Alarm
  #isClosedHere = false

  constructor({ entry, listener, now, sinceMs, isBulk, budget }: SessionDriverInit) {
    this.#isBulk = isBulk
    this.#budget = new SessionBudget(budget, {
      drain: (id) => this.#channels.get(id)?.drain(),
      confirm: (channel, cost) => this.apply({ type: 'consume', channel, cost }),
    })
    this.id = entry.id
    this.peerId = entry.peerId
    this.instance = entry.instance
    this.sinceMs = sinceMs
    this.#state = entry.state
    this.#listener = listener
    this.#now = now
    this.#alarm = new Alarm(now, () => this.apply({ type: 'timer' }))
    const { promise, resolve } = Promise.withResolvers<EndReason>()
    this.closed = promise
    this.#settleClosed = resolve
  }

  get session(): Session {
    return this
  }

  get databases(): ReadonlySet<string> {
    return this.#state.shared
  }

  /** Every connection that carries it. */
  get connections(): Connection[] {
    return this.#paths.map(({ connection }) => connection)
  }

  get isAttached(): boolean {
    return this.#paths.length > 0
  }

  get path(): ConnectionPath | undefined {
    return this.#best?.connection.path
  }

  get paths(): SessionPath[] {
    return this.#paths.map((path) => this.#statusOf(path))
  }

  get rttMs(): number | undefined {
    return this.isAttached ? (this.#state.rttMs ?? this.path?.rttMs) : undefined
  }

  get #best(): PathDriver | undefined {
    const id = this.#state.bestPath
    return this.#paths.find((path) => path.id === id) ?? this.#paths[0]
  }

  openChannel(protocol: string, options: OpenChannelOptions = {}): Channel {
    const { database, priority = 'normal' } = options
    const length = utf8.encode(protocol).length
    if (length === 0 || length > MAX_PROTOCOL_BYTES) {
      throw new RangeError(`protocol has ${length} bytes, expected 1 to ${MAX_PROTOCOL_BYTES}`)
    }
    const id = this.#state.nextChannel
    const channel = new SessionChannel(this, { id, protocol, database })
    if (this.#state.hasEnded) {
      channel.end({ error: sessionClosed() })
      return channel
    }
    this.#channels.set(id, channel)
    this.apply({ type: 'open', protocol, priority: priorities[priority], database })
    return channel
  }

  async close(): Promise<void> {
    this.#isClosedHere = true
    await this.endWith(sessionClosed())
  }

  /** Ends it for the reason given and settles when the connection is closed. */
  async endWith(error: NetworkError): Promise<void> {
    this.apply({ type: 'close', error })
    await this.closed
  }

  isWritable(id: number): boolean {
    const channel = this.#state.channel(id)
    return channel?.isWritable === true && !this.#budget.holdsBack(id, channel.priority)
  }

  unacknowledgedBytes(id: number): number {
    return this.#state.channel(id)?.unacknowledgedBytes ?? 0
  }

  send(id: number, message: Uint8Array): void {
    this.#budget.sent(message.length)
    this.apply({ type: 'send', channel: id, message })
  }

  end(id: number): void {
    this.apply({ type: 'end', channel: id })
  }

  reset(id: number, code: string): void {
    this.#channels.delete(id)
    this.apply({ type: 'reset', channel: id, code })
  }

  consume(id: number, cost: number): void {
    this.#budget.received(id, this.#state.channel(id)?.priority ?? 0, cost)
  }

  /** Something happened: tells the core and does what it says. */
  apply(input: SessionInput): void {
    this.perform(this.#state.handle(input, this.#now()))
    this.#pump()
    this.#alarm.set(this.#state.wakeAtMs)
  }

  /** Does what the core said. */
  perform(effects: readonly SessionEffect[]): void {
    // By index: this runs for every frame, and an iterator is an object per turn.
    for (let at = 0; at < effects.length; at++) this.#perform(effects[at]!)
  }

  /**
   * Takes a connection that carries the session from now on; the core has been attached.
   *
   * @param id - Its number in the core.
   * @param first - What to send before anything else: the welcome.
   * @returns Connections that it takes the place of, to be closed: with a peer that speaks
   *   version 1 there is one at a time.
   */
  attach(connection: Connection, id: number, first: Uint8Array | undefined): Connection[] {
    const path = new PathDriver(id, connection, this)
    const former = this.#paths.filter((other) => this.#state.path(other.id) === undefined)
    for (const other of former) other.leave()
    this.#paths = [...this.#paths.filter((other) => !former.includes(other)), path]
    const { transport, relayed, outbound } = connection.path
    const info = {
      transport,
      isRelayed: relayed,
      isOutbound: outbound,
      isBulk: this.#isBulk(transport),
    }
    this.perform(this.#state.handle({ type: 'describe', path: id, info }, this.#now()))
    if (first !== undefined) path.begin(first)
    return former.map((other) => other.connection)
  }

  /** Does what came of attaching, and receives until the connection ends. */
  async carry(connection: Connection, effects: readonly SessionEffect[]): Promise<void> {
    this.perform(effects)
    this.#pump()
    this.#alarm.set(this.#state.wakeAtMs)
    const path = this.#paths.find((other) => other.connection === connection)
    if (path !== undefined) {
      this.#listener.onPathAdded(this, this.#statusOf(path))
      await path.receiveAll()
      this.#leave(path)
    }
    await connection.close()
  }

  /** Closes a connection once what it carries has arrived; the session goes on over the others. */
  retirePath(id: number): void {
    this.apply({ type: 'retire', path: id })
  }

  /** After sleep or on another network: every connection has to show that it is alive. */
  doubtPaths(): void {
    this.apply({ type: 'doubt' })
  }

  takeFrame(path: PathDriver): Uint8Array | undefined {
    return this.#state.takeFrame(path.id, this.#now())
  }

  settle(): void {
    this.perform(this.#state.takeEffects())
  }

  received(path: PathDriver, bytes: Uint8Array): void {
    this.apply({ type: 'frame', path: path.id, bytes })
  }

  /** A connection is gone. */
  #leave(path: PathDriver): void {
    if (!this.#paths.includes(path) || this.#state.hasEnded) return
    const status = this.#statusOf(path)
    path.leave()
    this.#paths = this.#paths.filter((other) => other !== path)
    this.apply({ type: 'detach', path: path.id })
    this.#listener.onPathRemoved(this, status)
    if (!this.isAttached) this.#listener.onInterrupted(this)
  }

  #statusOf({ id, connection }: PathDriver): SessionPath {
    const { path } = connection
    const state = this.#state.path(id)
    const { rttMs, bytesPerSecond } = state?.meter ?? {}
    const now = this.#now()
    return {
      id,
      path,
      rttMs: rttMs ?? path.rttMs,
      bytesPerSecond,
      lossRatio: state?.lossRatio(now) ?? 0,
      ageMs: state === undefined ? 0 : now - state.sinceMs,
      isBest: this.#state.bestPath === id,
      isAnswering: state?.isDoubtful !== true,
    }
  }

  #pump(): void {
    // By index: this runs for every frame, and there is mostly one path.
    for (let at = 0; at < this.#paths.length; at++) this.#paths[at]!.pump()
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case 'message':
        this.#channels.get(effect.channel)?.deliver(effect.bytes, effect.cost)
        break
      case 'open':
        this.#accept(effect)
        break
      case 'end':
        this.#channels.get(effect.channel)?.endRemote()
        break
      case 'closed':
        this.#closeChannel(effect.channel, effect.error)
        break
      case 'writable':
        this.#channels.get(effect.channel)?.drain()
        break
      case 'shared':
        this.#listener.onShared(this, effect.databaseId)
        break
      case 'unshared':
        this.#listener.onUnshared(this, effect.databaseId)
        break
      case 'drop-path':
        this.#drop(effect.path, effect.isLost)
        break
      case 'best-path':
        this.#tellBest(effect.path)
        break
      case 'silent':
        this.#listener.onSilent(this)
        break
      case 'ended':
        void this.#finish(effect.error)
        break
    }
  }

  #drop(id: number, isLost: boolean): void {
    const path = this.#paths.find((other) => other.id === id)
    // Owned: `carry` waits for the end of the connection.
    void path?.connection.close(
      isLost ? new NetworkError('ERR_SESSION_TIMEOUT', 'no sign of life') : undefined,
    )
  }

  #tellBest(id: number): void {
    const path = this.#paths.find((other) => other.id === id)
    if (path !== undefined) this.#listener.onPathChanged(this, this.#statusOf(path))
  }

  #accept({ channel: id, protocol, database }: SessionEffect & { type: 'open' }): void {
    const channel = new SessionChannel(this, { id, protocol, database })
    this.#channels.set(id, channel)
    if (!this.#listener.onChannel(channel)) channel.reset('ERR_PROTOCOL_UNKNOWN')
  }

  #closeChannel(id: number, error: NetworkError | undefined): void {
    const channel = this.#channels.get(id)
    this.#channels.delete(id)
    channel?.end({ error })
  }

  /** The end: channels first, then the goodbye and the connection. Never rejects. */
  async #finish(error: NetworkError): Promise<void> {
    this.#alarm.clear()
    this.#budget.close()
    const reason: EndReason = this.#isClosedHere ? {} : { error }
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    for (const channel of channels) channel.end({ error })
    const paths = this.#paths
    this.#paths = []
    for (const path of paths) path.leave()
    this.#listener.onEnded(this, reason)
    await this.#sayGoodbye(paths)
    this.#settleClosed(reason)
  }

  /** On every path: which of them is alive, nobody knows for certain. */
  async #sayGoodbye(paths: readonly PathDriver[]): Promise<void> {
    const goodbye = this.#state.takeGoodbye()
    await Promise.all(paths.map((path) => path.sayGoodbye(goodbye)))
  }
}

function sessionClosed(): NetworkError {
  return new NetworkError('ERR_SESSION_CLOSED', 'the session was closed', {
    hint: 'wait for the next session:started of that peer',
  })
}
