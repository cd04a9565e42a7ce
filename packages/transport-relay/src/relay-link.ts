/**
 * One relay: calls it, keeps topics joined, and calls again. What is known of the relay lives
 * here; the pipes through it end with each connection.
 *
 * Mostly there is one call. One that has fallen silent stays while another is begun beside it,
 * and whichever is heard first stays (make before break): a network that comes back under
 * another address leaves the old socket dead, and one that was only slow does not. While nobody has
 * let the node in and somebody waits for that, calls begin beside those that wait: what TCP
 * sends into a dead network it sends again after twice as long each time, and a new call does not.
 */
import type { Runtime } from '@vudo/swarm'
import { TransportError } from '@vudo/transport'
import { isLasting } from './denied.ts'
import {
  BESIDE_MS,
  CONNECT_TIMEOUT_MS,
  HURRY_MS,
  MAX_CALLS,
  MAX_HURRIED_PAUSE_MS,
  MAX_RECONNECT_MS,
  MIN_RECONNECT_MS,
  STABLE_MS,
} from './limits.ts'
import { createPipeTable, type PipeTable } from './pipe-table.ts'
import type { RelayTarget } from './relay-address.ts'
import { createRelayCall, type RelayCall, type Welcome } from './relay-call.ts'
import type { RelayPipe } from './relay-pipe.ts'
import type { ConnectSocket } from './socket.ts'
import { createTopicBook, type TopicBook } from './topic-book.ts'
import type { RelayFrame } from './wire.ts'

/** What a link is made of. */
export interface RelayLinkInit {
  readonly target: RelayTarget
  /** This node at this relay, and at no other: 96 characters of hex. */
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
  /** This node there. */
  readonly endpoint: string
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
  /** Somebody waits to be connected: long pauses are cut short. Call what it returns when it is over. */
  hurry(): () => void
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
  readonly #init: RelayLinkInit
  readonly #pipes: PipeTable
  /** All that are not over, in the order in which they began. */
  #calls: RelayCall[] = []
  /** Those that others have taken the place of, until they are over. */
  readonly #dropped = new Set<RelayCall>()
  /** The one that was let in. */
  #current: RelayCall | undefined
  #welcomedMs = Infinity
  #maxFrameBytes = 0
  /** Calls that failed since the relay was well last. */
  #failures = 0
  /** When the last call began, and when the last connection was lost, or the first one begun. */
  #beganMs = 0
  #lostMs = 0
  /** True when there were pipes when it was. */
  #hadPipes = false
  #hurrying = 0
  /** When a call was dropped that had proven: the relay may see its proof after that of its successor. */
  #doubtfulMs = -Infinity
  #cancelNext: (() => void) | undefined
  /** When the next call is looked at; only while that is awaited. */
  #nextMs = Infinity
  #isStarted = false
  #isClosed = false

  constructor(init: RelayLinkInit) {
    this.#init = init
    const write = (frame: Uint8Array): void => this.#current?.send(frame)
    this.topics = createTopicBook({
      write,
      onMember: init.onMember,
      onComplete: init.onNews,
    })
    this.#pipes = createPipeTable({
      write,
      hasRoom: () => this.#current?.hasRoom() ?? false,
      randomBytes: (length) => init.runtime.randomBytes(length),
      onIncoming: init.onIncoming,
    })
  }

  get host(): string {
    return this.#init.target.host
  }

  get endpoint(): string {
    return this.#init.endpoint
  }

  get isConnected(): boolean {
    return this.#current !== undefined
  }

  get rttMs(): number | undefined {
    return this.#current?.rttMs
  }

  get lastingError(): TransportError | undefined {
    return isLasting(this.lastError) ? this.lastError : undefined
  }

  start(): void {
    if (this.#isStarted || this.#isClosed) return
    this.#isStarted = true
    this.#lostMs = this.#init.runtime.nowMs()
    this.#begin()
  }

  hurry(): () => void {
    this.#hurrying += 1
    const nowMs = this.#init.runtime.nowMs()
    const dueMs = Math.max(nowMs, this.#beganMs + MAX_HURRIED_PAUSE_MS)
    if (this.#isHurried && dueMs < this.#nextMs) this.#beginAfter(dueMs - nowMs)
    return () => {
      this.#hurrying -= 1
    }
  }

  open(endpoint: string): RelayPipe {
    if (this.#current) return this.#pipes.open(endpoint, this.#maxFrameBytes)
    throw new TransportError('ERR_DIAL_FAILED', `the relay ${this.host} is not connected`, {
      cause: this.lastError,
      hint: 'it is tried again; is it running, and does the network let it through?',
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopNext()
    const calls = [...this.#calls, ...this.#dropped]
    // What was said last still goes out; a call that was not let in has nothing to say.
    for (const call of calls) call.close()
    await Promise.all(calls.map((call) => call.ended))
  }

  /** Those that have not been let in. */
  get #waiting(): RelayCall[] {
    return this.#calls.filter((call) => call !== this.#current)
  }

  /** True while somebody wants to be let in, and it is not hopeless: others need the relay, too. */
  get #isHurried(): boolean {
    if (!this.#isStarted || this.lastingError) return false
    if (this.#current) return this.#current.isSilent
    const lostForMs = this.#init.runtime.nowMs() - this.#lostMs
    return (this.#hadPipes || this.#hurrying > 0) && lostForMs < HURRY_MS
  }

  #begin(): void {
    this.#beganMs = this.#init.runtime.nowMs()
    const call = createRelayCall(this.#init, {
      mayProve: (one) => this.#mayProve(one),
      onWelcome: (one, welcome) => this.#enter(one, welcome),
      onFrame: (one, frame) => this.#take(one, frame),
      onSilent: () => this.#schedule(0),
      onHeard: () => this.#keepCurrent(),
      onRoom: () => this.#pipes.flush(),
    })
    this.#calls = [...this.#calls, call]
    void call.ended.then((error) => this.#ended(call, error))
    this.#schedule()
  }

  /** Sees to it that the next call begins when it should, unless none is needed. */
  #schedule(pauseMs: number = this.#partOf(BESIDE_MS)): void {
    const isNeeded =
      this.#waiting.length === 0 ? !this.isConnected : this.#waiting.length < MAX_CALLS
    if (isNeeded || this.#current?.isSilent) this.#beginAfter(pauseMs)
  }

  #beginAfter(ms: number): void {
    this.#stopNext()
    if (this.#isClosed) return
    this.#nextMs = this.#init.runtime.nowMs() + ms
    this.#cancelNext = this.#init.runtime.setTimer(ms, () => {
      this.#nextMs = Infinity
      if (this.#waiting.length === 0 && !this.isConnected) return this.#begin()
      if (!this.#isHurried || this.#waiting.length >= MAX_CALLS) return
      // One that is being heard needs no other beside it.
      const heardMs = Math.max(-Infinity, ...this.#waiting.map((call) => call.heardMs))
      const leftMs = heardMs + BESIDE_MS / 2 - this.#init.runtime.nowMs()
      if (leftMs > 0) this.#beginAfter(leftMs)
      else this.#begin()
    })
  }

  #stopNext(): void {
    this.#cancelNext?.()
    this.#nextMs = Infinity
  }

  /** The relay lets the call live that has proven last: so only one proof is under way. */
  #mayProve(call: RelayCall): boolean {
    const other = this.#waiting.find((one) => one !== call && one.hasProven)
    if (!other) return true
    const isAlive = this.#init.runtime.nowMs() - other.heardMs < BESIDE_MS
    const dropped = isAlive ? call : other
    if (!isAlive) this.#doubtfulMs = this.#init.runtime.nowMs()
    this.#drop(dropped)
    return !isAlive
  }

  #drop(call: RelayCall): void {
    // Its end is nobody's failure.
    this.#calls = this.#calls.filter((one) => one !== call)
    this.#dropped.add(call)
    void call.ended.then(() => this.#dropped.delete(call))
    call.drop(new Error('another connection takes its place'))
  }

  #enter(call: RelayCall, { maxFrameBytes, maxTopics }: Welcome): void {
    for (const other of this.#calls) if (other !== call) this.#drop(other)
    this.#lose()
    this.#stopNext()
    this.#current = call
    this.#welcomedMs = this.#init.runtime.nowMs()
    this.#maxFrameBytes = maxFrameBytes
    this.lastError = undefined
    for (const frame of this.topics.hello(maxTopics)) call.send(frame)
    this.#init.onNews()
  }

  /** It was only slow. But a proof that is under way ends it. */
  #keepCurrent(): void {
    for (const call of this.#waiting) if (!call.hasProven) this.#drop(call)
    this.lastError = undefined
  }

  #take(call: RelayCall, frame: RelayFrame): void {
    if (call !== this.#current) return
    switch (frame.type) {
      case 'deliver':
        return this.#pipes.deliver(frame.from, frame.payload, this.#maxFrameBytes)
      case 'members':
        return this.topics.onMembers(frame.topic, frame.isComplete, frame.endpoints)
      case 'gone':
        return this.topics.onGone(frame.topic, frame.endpoints)
      case 'reset':
        return this.#pipes.reset(frame.endpoint, frame.reason)
      default:
      // `moved` says that the relay is about to close; the close says the rest.
    }
  }

  #ended(call: RelayCall, error: Error | undefined): void {
    if (!this.#calls.includes(call)) return
    const isCurrent = call === this.#current
    this.#calls = this.#calls.filter((one) => one !== call)
    // Thrown out by a call of our own: that one is to be let in.
    const isOwnDoing = isCurrent && this.#hasSuccessor
    if (!isOwnDoing) this.lastError = error ?? this.lastError
    if (isCurrent) this.#lose()
    this.#init.onNews()
    if (this.#isClosed) return
    if (this.#waiting.length > 0) return this.#schedule()
    const pauseMs = this.#pauseMs()
    this.#failures += 1
    this.#schedule(pauseMs)
  }

  get #hasSuccessor(): boolean {
    const doubtfulForMs = this.#init.runtime.nowMs() - this.#doubtfulMs
    return doubtfulForMs < CONNECT_TIMEOUT_MS || this.#waiting.some((call) => call.hasProven)
  }

  /** The current one is over. */
  #lose(): void {
    if (!this.#current) return
    const nowMs = this.#init.runtime.nowMs()
    // However it ended: even good hours end by an error as a rule.
    if (nowMs - this.#welcomedMs >= STABLE_MS) this.#failures = 0
    this.#current = undefined
    this.#welcomedMs = Infinity
    this.#lostMs = nowMs
    this.#hadPipes = this.#pipes.size > 0
    this.topics.forget()
    this.#pipes.resetAll()
  }

  /** Doubles with each failure: those whom a relay has lost do not come back at once. */
  #pauseMs(): number {
    if (this.lastingError) return this.#partOf(MAX_RECONNECT_MS)
    const mostMs = this.#isHurried ? MAX_HURRIED_PAUSE_MS : MAX_RECONNECT_MS
    return this.#partOf(Math.min(MIN_RECONNECT_MS * 2 ** this.#failures, mostMs))
  }

  /** With a half by chance: many nodes lose a relay at one time. */
  #partOf(ms: number): number {
    return ms * (0.5 + this.#init.runtime.random() / 2)
  }
}
