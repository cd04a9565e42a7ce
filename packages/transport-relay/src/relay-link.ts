/**
 * One relay: connects, proves the node's key, keeps topics joined and the connection alive,
 * and connects again. What is known of the relay lives here; the pipes through it end with
 * each connection.
 */
import type { Runtime } from '@vudo/swarm'
import { isTransportError, TransportError } from '@vudo/transport'
import { hexToBytes } from '@vudo/wire'
import { closeError, deniedError, isLasting } from './denied.ts'
import {
  CONNECT_TIMEOUT_MS,
  MAX_RECONNECT_MS,
  MIN_RECONNECT_MS,
  PING_INTERVAL_MS,
  PONG_TIMEOUT_MS,
  QUIET_MS,
  PROTOCOL_VERSION,
  STABLE_MS,
} from './limits.ts'
import { createPipeTable, type PipeTable } from './pipe-table.ts'
import type { RelayTarget } from './relay-address.ts'
import type { RelayPipe } from './relay-pipe.ts'
import type { ConnectSocket, RelaySocket } from './socket.ts'
import { createTopicBook, type TopicBook } from './topic-book.ts'
import {
  challengeMessage,
  decodeRelayFrame,
  encodeAuth,
  encodePing,
  type RelayFrame,
} from './wire.ts'

/** What a link is made of. */
export interface RelayLinkInit {
  readonly target: RelayTarget
  /** This node at every relay: 96 characters of hex. */
  readonly endpoint: string
  /** Signs under `vudo/relay-challenge/1`. */
  readonly sign: (message: Uint8Array) => Uint8Array
  readonly connect: ConnectSocket
  readonly runtime: Runtime
  readonly onIncoming: (pipe: RelayPipe) => void
  readonly onMember: (topic: string, endpoint: string) => void
  /** It has got somewhere, or a join was answered: whoever waits looks again. */
  readonly onNews: () => void
}

/** See {@link createRelayLink}. */
export interface RelayLink {
  readonly host: string
  readonly topics: TopicBook
  readonly isConnected: boolean
  /** Why it will not help to wait; `undefined` while it may. */
  readonly lastingError: TransportError | undefined
  /** Why the last attempt failed. */
  readonly lastError: Error | undefined
  /** Round trip to the relay in milliseconds, once measured. */
  readonly rttMs: number | undefined
  /** Begins to connect. */
  start(): void
  /** @throws `TransportError` `ERR_DIAL_FAILED` when the relay is not there. */
  open(endpoint: string): RelayPipe
  /** Ends everything. Idempotent. */
  close(): Promise<void>
}

/** Makes a link that has not begun. */
export function createRelayLink(init: RelayLinkInit): RelayLink {
  return new Link(init)
}

class Link implements RelayLink {
  readonly topics: TopicBook
  lastError: Error | undefined
  rttMs: number | undefined
  readonly #init: RelayLinkInit
  readonly #pipes: PipeTable
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined
  #attempting: AbortController | undefined
  #socket: RelaySocket | undefined
  #isWelcome = false
  #welcomedMs = Infinity
  #maxFrameBytes = 0
  #failures = 0
  #pingedMs: number | undefined
  #heardMs = 0
  /** When something was sent first since the relay was heard last. */
  #unheardMs: number | undefined
  #cancelPing: (() => void) | undefined
  #cancelPong: (() => void) | undefined
  #cancelQuiet: (() => void) | undefined

  constructor(init: RelayLinkInit) {
    this.#init = init
    const write = (frame: Uint8Array): void => {
      if (!this.#isWelcome) return
      this.#socket?.send(frame)
      this.#askWhenQuiet()
    }
    this.topics = createTopicBook({
      write,
      onMember: init.onMember,
      onComplete: init.onNews,
    })
    this.#pipes = createPipeTable({
      write,
      hasRoom: () => this.#socket?.hasRoom() ?? false,
      randomBytes: (length) => init.runtime.randomBytes(length),
      onIncoming: init.onIncoming,
    })
  }

  get host(): string {
    return this.#init.target.host
  }

  get isConnected(): boolean {
    return this.#isWelcome
  }

  get lastingError(): TransportError | undefined {
    return isLasting(this.lastError) ? this.lastError : undefined
  }

  start(): void {
    this.#running ??= this.#run()
  }

  open(endpoint: string): RelayPipe {
    if (this.#isWelcome) return this.#pipes.open(endpoint, this.#maxFrameBytes)
    throw new TransportError('ERR_DIAL_FAILED', `the relay ${this.host} is not connected`, {
      cause: this.lastError,
      hint: 'it is tried again; is it running, and does the network let it through?',
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    // What was said last still goes out; an attempt under way has nothing to say.
    if (this.#socket) this.#socket.close()
    else this.#attempting?.abort(new Error('the transport is closed'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      // One attempt after the other is the point.
      // oxlint-disable-next-line no-await-in-loop
      await this.#attempt()
      this.#init.onNews()
      // oxlint-disable-next-line no-await-in-loop
      await this.#pause(this.#waitMs())
      this.#failures += 1
    }
  }

  /** Doubles with each failure, with a half by chance: those whom a relay has lost do not come back at once. */
  #waitMs(): number {
    const fullMs = isLasting(this.lastError)
      ? MAX_RECONNECT_MS
      : Math.min(MIN_RECONNECT_MS * 2 ** this.#failures, MAX_RECONNECT_MS)
    return fullMs * (0.5 + this.#init.runtime.random() / 2)
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const done = (): void => {
        cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const cancel = this.#init.runtime.setTimer(ms, done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  /** One connection from its beginning to its end. Never rejects. */
  async #attempt(): Promise<void> {
    const { runtime, target, connect } = this.#init
    const attempting = new AbortController()
    this.#attempting = attempting
    const cancelLate = runtime.setTimer(CONNECT_TIMEOUT_MS, () => {
      attempting.abort(new Error('the relay does not answer'))
    })
    const onOpen = (socket: RelaySocket): void => {
      this.#socket = socket
    }
    const onMessage = (bytes: Uint8Array): void => this.#onMessage(bytes, cancelLate)
    const onRoom = (): void => this.#pipes.flush()
    try {
      const events = { onOpen, onMessage, onRoom }
      const code = await connect(target.url, events, { signal: attempting.signal })
      this.lastError = closeError(this.host, code) ?? this.lastError
    } catch (error) {
      this.lastError = error instanceof Error ? error : new Error(String(error))
    } finally {
      cancelLate()
      // However it ended: even good hours end by an error as a rule.
      if (runtime.nowMs() - this.#welcomedMs >= STABLE_MS) this.#failures = 0
      this.#lose()
    }
  }

  #lose(): void {
    this.#cancelPing?.()
    this.#cancelPong?.()
    this.#cancelQuiet?.()
    this.#cancelQuiet = undefined
    this.#pingedMs = undefined
    this.#unheardMs = undefined
    this.#isWelcome = false
    this.#welcomedMs = Infinity
    this.#socket = undefined
    this.topics.forget()
    this.#pipes.resetAll()
  }

  #onMessage(bytes: Uint8Array, welcomed: () => void): void {
    this.#unheardMs = undefined
    this.#heardMs = this.#init.runtime.nowMs()
    try {
      const frame = decodeRelayFrame(bytes)
      if (frame?.type === 'deliver') {
        this.#pipes.deliver(frame.from, frame.payload, this.#maxFrameBytes)
      } else if (frame) this.#take(frame, welcomed)
    } catch (error) {
      if (!isTransportError(error)) throw error
      this.#fail(error)
    }
  }

  #take(frame: RelayFrame, welcomed: () => void): void {
    switch (frame.type) {
      case 'challenge':
        return this.#prove(frame.version, frame.challenge)
      case 'welcome':
        welcomed()
        return this.#enter(frame)
      case 'denied':
        return this.#fail(deniedError(this.host, frame.denial, frame.reason))
      case 'members':
        return this.topics.onMembers(frame.topic, frame.isComplete, frame.endpoints)
      case 'gone':
        return this.topics.onGone(frame.topic, frame.endpoints)
      case 'reset':
        return this.#pipes.reset(frame.endpoint, frame.reason)
      case 'pong':
        return this.#ponged()
      default:
      // `moved` says that the relay is about to close; the close says the rest.
    }
  }

  #fail(error: TransportError): void {
    this.lastError = error
    this.#socket?.close()
  }

  #prove(version: number, challenge: Uint8Array): void {
    const { target, endpoint, sign } = this.#init
    if (version !== PROTOCOL_VERSION) {
      const message = `the relay ${this.host} speaks version ${version}, expected ${PROTOCOL_VERSION}`
      const hint = 'update this program, or the relay'
      return this.#fail(new TransportError('ERR_HANDSHAKE_FAILED', message, { hint }))
    }
    const bytes = hexToBytes(endpoint)
    const [key, instance] = [bytes.subarray(0, 32), bytes.subarray(32)]
    const signature = sign(challengeMessage(target.host, challenge, instance))
    const { host, token } = target
    this.#socket?.send(encodeAuth({ key, instance, signature, host, token }))
  }

  #enter({ maxFrameBytes, maxTopics, idleMs }: RelayFrame & { readonly type: 'welcome' }): void {
    this.#isWelcome = true
    this.#welcomedMs = this.#init.runtime.nowMs()
    this.#maxFrameBytes = maxFrameBytes
    this.lastError = undefined
    for (const frame of this.topics.hello(maxTopics)) this.#socket?.send(frame)
    this.#schedulePing(Math.min(PING_INTERVAL_MS, idleMs / 3))
    this.#ping()
    this.#init.onNews()
  }

  #ping(): void {
    const { runtime } = this.#init
    this.#pingedMs = runtime.nowMs()
    this.#socket?.send(encodePing(runtime.randomBytes(8)))
    this.#heardMs = this.#pingedMs
    this.#awaitPong(PONG_TIMEOUT_MS)
  }

  /** Whatever comes is a sign of life: on a slow line the pong stands behind megabytes of data. */
  #awaitPong(ms: number): void {
    this.#cancelPong = this.#init.runtime.setTimer(ms, () => {
      const leftMs = this.#heardMs + PONG_TIMEOUT_MS - this.#init.runtime.nowMs()
      if (leftMs > 0) return this.#awaitPong(leftMs)
      this.#fail(new TransportError('ERR_CONNECTION_LOST', `the relay ${this.host} fell silent`))
    })
  }

  /** A socket whose network has gone says nothing: what is sent and not answered shows it sooner than the next ping. */
  #askWhenQuiet(): void {
    this.#unheardMs ??= this.#init.runtime.nowMs()
    this.#cancelQuiet ??= this.#lookLater(QUIET_MS)
  }

  /** One timer for many frames: it is set anew only when it fires. */
  #lookLater(ms: number): () => void {
    const { runtime } = this.#init
    return runtime.setTimer(ms, () => {
      this.#cancelQuiet = undefined
      if (this.#unheardMs === undefined || this.#pingedMs !== undefined) return
      const leftMs = this.#unheardMs + QUIET_MS - runtime.nowMs()
      if (leftMs > 0) this.#cancelQuiet = this.#lookLater(leftMs)
      else this.#ping()
    })
  }

  #schedulePing(intervalMs: number): void {
    this.#cancelPing = this.#init.runtime.setTimer(intervalMs, () => {
      // While one is under way its own limit holds.
      if (this.#pingedMs === undefined) this.#ping()
      this.#schedulePing(intervalMs)
    })
  }

  #ponged(): void {
    if (this.#pingedMs === undefined) return
    this.rttMs = this.#init.runtime.nowMs() - this.#pingedMs
    this.#pingedMs = undefined
    this.#cancelPong?.()
  }
}
