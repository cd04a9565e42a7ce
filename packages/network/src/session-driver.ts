/**
 * Runs a {@link SessionState} over connections and a timer. It knows sockets and
 * no protocol: what is to be done, the core says.
 */
import type { Connection, ConnectionPath, PeerId } from '@vudo/transport'
import { SessionChannel, type Channel, type ChannelHost, type EndReason } from './channel.ts'
import { NetworkError } from './errors.ts'
import type { SessionEntry } from './handshake.ts'
import { GOODBYE_TIMEOUT_MS, MAX_PROTOCOL_BYTES } from './limits.ts'
import type { SessionEffect, SessionInput } from './session-io.ts'
import type { SessionState } from './session-state.ts'
import type { OpenChannelOptions, Priority, Session } from './session.ts'
import type { PriorityNumber } from './wire.ts'

/** What a session tells its network. */
export interface SessionListener {
  /** Takes a channel that the peer opened; false when nobody handles its protocol. */
  onChannel(channel: Channel): boolean
  onShared(session: SessionDriver, databaseId: string): void
  onUnshared(session: Session, databaseId: string): void
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
}

const priorities: Readonly<Record<Priority, PriorityNumber>> = {
  critical: 0,
  high: 1,
  normal: 2,
  low: 3,
}

const utf8 = new TextEncoder()

/** One session: the core, its connection, its timer, its channels. */
export class SessionDriver implements Session, ChannelHost {
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
  #connection: Connection | undefined
  /** The connection on which a frame is being sent: one at a time, its promise is the back-pressure. */
  #sendingOn: Connection | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #timerAtMs = Infinity
  #isClosedHere = false

  constructor({ entry, listener, now, sinceMs }: SessionDriverInit) {
    this.id = entry.id
    this.peerId = entry.peerId
    this.instance = entry.instance
    this.sinceMs = sinceMs
    this.#state = entry.state
    this.#listener = listener
    this.#now = now
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

  /** The one that carries it now. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  get isAttached(): boolean {
    return this.#connection !== undefined
  }

  get path(): ConnectionPath | undefined {
    return this.#connection?.path
  }

  get rttMs(): number | undefined {
    return this.isAttached ? (this.#state.rttMs ?? this.path?.rttMs) : undefined
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
    return this.#state.channel(id)?.isWritable === true
  }

  unacknowledgedBytes(id: number): number {
    return this.#state.channel(id)?.unacknowledgedBytes ?? 0
  }

  send(id: number, message: Uint8Array): void {
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
    this.apply({ type: 'consume', channel: id, cost })
  }

  /** Something happened: tells the core and does what it says. */
  apply(input: SessionInput): void {
    this.perform(this.#state.handle(input, this.#now()))
    this.#pump()
    this.#arm()
  }

  /** Does what the core said. */
  perform(effects: readonly SessionEffect[]): void {
    // By index: this runs for every frame, and an iterator is an object per turn.
    for (let at = 0; at < effects.length; at++) this.#perform(effects[at]!)
  }

  /**
   * Takes the connection that carries the session from now on; the core has been attached.
   *
   * @param first - What to send before anything else: the welcome.
   * @returns The former connection, to be closed: it is dead, or the peer has left it.
   */
  attach(connection: Connection, first: Uint8Array | undefined): Connection | undefined {
    const former = this.#connection
    this.#connection = connection
    if (first !== undefined) {
      this.#sendingOn = connection
      // Owned: it never rejects, and it ends when the connection does.
      void this.#sendAll(connection, first)
    }
    return former
  }

  /** Does what came of attaching, and receives until the connection ends. */
  async carry(connection: Connection, effects: readonly SessionEffect[]): Promise<void> {
    this.perform(effects)
    this.#pump()
    this.#arm()
    await this.#receiveAll(connection)
  }

  async #receiveAll(connection: Connection): Promise<void> {
    try {
      while (this.#connection === connection) {
        const bytes = await connection.receive()
        if (bytes === undefined || this.#connection !== connection) break
        this.apply({ type: 'frame', bytes })
      }
    } catch {
      // However the connection ended, the session waits for another one; `closed` has the reason.
    }
    await this.#leave(connection)
  }

  /** The connection is gone. */
  async #leave(connection: Connection): Promise<void> {
    if (this.#connection === connection && !this.#state.hasEnded) {
      this.#connection = undefined
      this.apply({ type: 'detach' })
      this.#listener.onInterrupted(this)
    }
    await connection.close()
  }

  #pump(): void {
    const connection = this.#connection
    if (connection === undefined || this.#sendingOn === connection) return
    const frame = this.#state.takeFrame(this.#now())
    if (frame === undefined) return
    this.#sendingOn = connection
    // Owned: it never rejects, and it ends when the connection does.
    void this.#sendAll(connection, frame)
  }

  async #sendAll(connection: Connection, first: Uint8Array): Promise<void> {
    let frame: Uint8Array | undefined = first
    try {
      while (frame !== undefined) {
        const sent = connection.send(frame)
        this.perform(this.#state.takeEffects())
        await sent
        // Asked first: a frame that is taken has to be sent, and another connection may carry the session now.
        frame = this.#connection === connection ? this.#state.takeFrame(this.#now()) : undefined
      }
    } catch {
      // The connection has ended. Not closed here: what came in before its end, perhaps a
      // goodbye, is still to be received, and the receiving loop ends with it.
    } finally {
      if (this.#sendingOn === connection) this.#sendingOn = undefined
      this.perform(this.#state.takeEffects())
    }
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
        void this.#connection?.close(new NetworkError('ERR_SESSION_TIMEOUT', 'no sign of life'))
        break
      case 'ended':
        void this.#finish(effect.error)
        break
    }
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
    this.#disarm()
    const reason: EndReason = this.#isClosedHere ? {} : { error }
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    for (const channel of channels) channel.end({ error })
    const connection = this.#connection
    this.#connection = undefined
    this.#listener.onEnded(this, reason)
    if (connection !== undefined) await this.#sayGoodbye(connection)
    this.#settleClosed(reason)
  }

  async #sayGoodbye(connection: Connection): Promise<void> {
    const frame = this.#state.takeFrame(this.#now())
    // A peer that does not read must not keep us: after a while the connection closes unsaid.
    const signal = AbortSignal.timeout(GOODBYE_TIMEOUT_MS)
    try {
      if (frame !== undefined) await raced(connection.send(frame), signal)
    } catch {
      // It was a courtesy: the peer notices the end of the connection as well.
    }
    await connection.close()
  }

  #arm(): void {
    const atMs = this.#state.wakeAtMs
    if (atMs === undefined) return this.#disarm()
    // A timer that fires early finds nothing to do and is set again; setting it for each frame would cost more.
    if (this.#timerAtMs <= atMs) return
    this.#disarm()
    this.#timerAtMs = atMs
    const inMs = Math.max(0, Math.ceil(atMs - this.#now()))
    this.#timer = setTimeout(() => this.#onTimer(), inMs)
  }

  #onTimer(): void {
    this.#disarm()
    this.apply({ type: 'timer' })
  }

  #disarm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#timerAtMs = Infinity
  }
}

async function raced(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const onAbort = (): void => resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function sessionClosed(): NetworkError {
  return new NetworkError('ERR_SESSION_CLOSED', 'the session was closed', {
    hint: 'wait for the next session:started of that peer',
  })
}
