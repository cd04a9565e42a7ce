/**
 * One connection below a session: whether it still answers, what is under way on it,
 * and how good it is. No sockets, no timers, no clock of its own.
 *
 * A path is *in doubt* when data on it was not acknowledged, or a question not
 * answered, for four round trips and at least half a second. It carries nothing but
 * questions then, as long as there is another one, and comes back with the first
 * answer. It is *lost* when three questions have passed without an answer, and the
 * heartbeat's interval without anything unless another path answers. A path that *retires* takes nothing new, and is closed once
 * what it carries has arrived.
 */
import type { OutgoingFrame } from './channel-state.ts'
import {
  ACK_WITH_DATA_BYTES,
  LOSS_HALF_LIFE_MS,
  LOSS_PENALTY_MS,
  MAX_UNANSWERED_PINGS,
  MIN_PATH_WINDOW_BYTES,
  MIN_URGENT_WINDOW_BYTES,
  RELAY_PENALTY_MS,
} from './limits.ts'
import { frameKind } from './frames.ts'
import { PathMeter } from './path-meter.ts'
import { encodeTime } from './wire.ts'

/** What kind of connection it is. */
export interface PathInfo {
  /** The name of its transport. */
  readonly transport: string
  /** True when a third machine passes the bytes on. */
  readonly isRelayed: boolean
  /** True at the end that dialled. */
  readonly isOutbound: boolean
  /** False when large transfers should go over another path. */
  readonly isBulk: boolean
}

/** What is to be done when the time has come. */
export type PathVerdict = 'fine' | 'ping' | 'doubt' | 'lost'

/** What all paths of a session have in common. */
export interface PathLife {
  /** Silence after which a path is asked for a sign of life. */
  readonly intervalMs: number
  /** True when the peer acknowledges at once where it is asked to: then a path has a window. */
  readonly isMetered: boolean
}

const unknownPath: PathInfo = {
  transport: '',
  isRelayed: false,
  isOutbound: false,
  isBulk: true,
}

/** One path of a session. */
export class PathState {
  readonly id: number
  readonly sinceMs: number
  readonly meter: PathMeter = new PathMeter()
  info: PathInfo = unknownPath
  /** True while it does not answer. */
  isDoubtful = false
  isRetired = false
  /** True once its connection is to be closed: it is only waited for. */
  isDropped = false
  /** True while a question is to go out. */
  isPingDue = false
  /** When the last question was answered. */
  answeredAtMs: number | undefined
  /** Bytes that were sent here and are not acknowledged. */
  underWayBytes = 0
  /** All bytes that were sent here and acknowledged, and when the last of them was. */
  deliveredBytes = 0
  deliveredAtMs: number

  /** What the peer's last question said, while it has no answer. */
  #pongMs: number | undefined
  readonly #intervalMs: number
  /** False with a peer of version 1, which cannot be asked for acknowledgements. */
  readonly #isMetered: boolean
  /** The frame that the connection may still read, because sending it has not settled. */
  #lent: OutgoingFrame | undefined
  /** Bytes since the last frame that asked to be acknowledged. */
  #unaskedBytes = 0
  /** True when the last frame went out while somebody waited for small messages. */
  #wasUrgent = false
  #heardAtMs: number
  #checkedAtMs: number
  /** When the last question went out that has no answer yet. */
  #askedAtMs: number | undefined
  #unanswered = 0
  /** When something under way was acknowledged, or began to be under way, last. */
  #progressAtMs: number
  #losses = 0
  #lossAtMs: number

  constructor(id: number, { intervalMs, isMetered }: PathLife, nowMs: number) {
    this.id = id
    this.sinceMs = nowMs
    this.#intervalMs = intervalMs
    this.#isMetered = isMetered
    this.deliveredAtMs = nowMs
    this.#heardAtMs = nowMs
    this.#checkedAtMs = nowMs
    this.#progressAtMs = nowMs
    this.#lossAtMs = nowMs
  }

  /** True when it may carry what is new. */
  get isUsable(): boolean {
    return !this.isDoubtful && !this.isRetired && !this.isDropped
  }

  /** True when it is one too many and has nothing left to carry. */
  get isDrained(): boolean {
    return this.isRetired && this.underWayBytes === 0
  }

  /** All bytes that ever went out here, whether they arrived or not. */
  get sentBytes(): number {
    return this.deliveredBytes + this.underWayBytes
  }

  /** Unanswered questions. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** When to call {@link check}. */
  get wakeAtMs(): number {
    if (this.isDropped) return Infinity
    if (this.isDrained) return this.#checkedAtMs
    const silent = Math.max(this.#heardAtMs, this.#checkedAtMs) + this.#intervalMs / 3
    const asked = this.#askedAtMs
    const answer = asked === undefined ? Infinity : asked + this.#patienceMs
    const stalled = this.#isStallable ? this.#progressAtMs + this.meter.patienceMs : Infinity
    return Math.min(silent, answer, stalled)
  }

  get #isStallable(): boolean {
    return this.underWayBytes > 0 && !this.isDoubtful
  }

  /** Each further question is waited for twice as long. */
  get #patienceMs(): number {
    const { patienceMs } = this.meter
    const longerMs = patienceMs * 2 ** Math.max(0, this.#unanswered - 1)
    return Math.max(patienceMs, Math.min(longerMs, this.#intervalMs))
  }

  /** What this much data takes over it, more or less, in milliseconds: lower is better. */
  costMs(bytes: number, nowMs: number): number {
    const { leastRttMs, bytesPerSecond } = this.meter
    const rttMs = leastRttMs ?? this.meter.patienceMs
    const relayMs = this.info.isRelayed ? RELAY_PENALTY_MS + rttMs / 2 : 0
    const transferMs = bytesPerSecond === undefined ? 0 : (bytes * 1_000) / bytesPerSecond
    return rttMs + relayMs + transferMs + this.lossRatio(nowMs) * LOSS_PENALTY_MS
  }

  /** How often it was in doubt of late, from 0 to 1. */
  lossRatio(nowMs: number): number {
    return 1 - 0.5 ** (this.#losses * 0.5 ** ((nowMs - this.#lossAtMs) / LOSS_HALF_LIFE_MS))
  }

  /** True when a frame of so many bytes may be added to what is under way. */
  hasRoom(bytes: number, isUrgent: boolean): boolean {
    if (this.underWayBytes === 0 || !this.#isMetered) return true
    // Asked first, because it is cheaper, and true for almost every frame of a fast path.
    const sum = this.underWayBytes + bytes
    const smallest = isUrgent ? MIN_URGENT_WINDOW_BYTES : MIN_PATH_WINDOW_BYTES
    if (sum <= smallest || sum <= this.meter.windowBytes(isUrgent)) return true
    this.meter.limited()
    return false
  }

  /**
   * A frame goes out here, and belongs to the connection until {@link settle}.
   *
   * @returns True when it is to ask for an acknowledgement: often enough that the window does not run dry.
   */
  lend(frame: OutgoingFrame, isUrgent: boolean, nowMs: number): boolean {
    if (this.underWayBytes === 0) {
      this.#progressAtMs = nowMs
      this.deliveredAtMs = nowMs
    }
    frame.path = this
    frame.sentAtMs = nowMs
    frame.deliveredBytes = this.deliveredBytes
    frame.deliveredAtMs = this.deliveredAtMs
    frame.lent += 1
    this.#lent = frame
    this.underWayBytes += frame.frameBytes
    this.#unaskedBytes += frame.frameBytes
    this.#wasUrgent = isUrgent
    if (!this.#isMetered || this.#unaskedBytes < this.#asksAfter(isUrgent)) return false
    this.#unaskedBytes = 0
    return true
  }

  /** Often enough that the window does not run dry, and while somebody waits that it is judged in time. */
  #asksAfter(isUrgent: boolean): number {
    const windowBytes = this.meter.windowBytes(isUrgent)
    if (isUrgent && !this.meter.isShort) return windowBytes / 8
    // Where a round trip is long, the half that was not asked for would stand still for most of it.
    const parts = this.meter.isShort ? 2 : 4
    return Math.max(ACK_WITH_DATA_BYTES, Math.floor(windowBytes / parts))
  }

  /** The connection has sent the frame that was taken last, and reads it no more. */
  settle(): void {
    if (this.#lent === undefined) return
    this.#lent.lent -= 1
    this.#lent = undefined
  }

  /** A frame that went out here has arrived. */
  arrived(frame: OutgoingFrame, nowMs: number): void {
    this.underWayBytes -= frame.frameBytes
    this.deliveredBytes += frame.frameBytes
    this.#progressAtMs = nowMs
  }

  /** A frame that went out here is not waited for any more. */
  drop(frame: OutgoingFrame): void {
    this.underWayBytes -= frame.frameBytes
  }

  /** How large frames should be, so that several fit into the window. */
  frameBytes(isUrgent: boolean): number {
    return this.#isMetered ? this.meter.windowBytes(isUrgent) / 4 : Infinity
  }

  /** The last of the frames that an acknowledgement named: what it says about the path. */
  measure(frame: OutgoingFrame, wasAsking: boolean, nowMs: number): void {
    const bytes = this.deliveredBytes - frame.deliveredBytes
    this.meter.delivered(bytes, nowMs - frame.deliveredAtMs, nowMs)
    this.deliveredAtMs = nowMs
    this.#unaskedBytes = Math.min(this.#unaskedBytes, this.underWayBytes)
    // An acknowledgement that was not asked for may have waited for company.
    if (wasAsking) this.meter.answered(frame.sentAtMs, this.#wasUrgent, nowMs)
    this.trust()
  }

  /** Something came in. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
  }

  /** The peer acknowledges here what it received here: the path works, also while another one holds all up. */
  progressed(nowMs: number): void {
    this.#progressAtMs = nowMs
  }

  /** The peer asks for a sign of life. @param timestampMs - What the answer gives back. */
  asked(timestampMs: number): void {
    this.#pongMs = timestampMs
  }

  /** The answer or the question that is to go out now. */
  takeSign(nowMs: number): Uint8Array | undefined {
    if (this.#pongMs !== undefined) {
      const timestampMs = this.#pongMs
      this.#pongMs = undefined
      return encodeTime({ kind: frameKind.pong, timestampMs })
    }
    if (!this.isPingDue) return undefined
    this.isPingDue = false
    // Finer than milliseconds: it is given back as it is.
    return encodeTime({ kind: frameKind.ping, timestampMs: Math.floor(nowMs * 1_000) })
  }

  /** A question goes out at the next occasion. */
  ask(nowMs: number): void {
    this.isPingDue = true
    this.#askedAtMs ??= nowMs
  }

  /** As {@link ask}; an earlier question that has no answer yet is not waited for any more. */
  askAnew(nowMs: number): void {
    this.#askedAtMs = undefined
    this.ask(nowMs)
  }

  /** The answer to a question that was asked at `askedAtMs`, as the peer gives it back. */
  answered(askedAtMs: number, nowMs: number): void {
    this.answeredAtMs = nowMs
    this.#askedAtMs = undefined
    this.#progressAtMs = nowMs
    this.trust()
    // An answer from the future, or to what was never asked, measures nothing.
    const rttMs = nowMs - askedAtMs
    if (rttMs < 0 || rttMs > nowMs - this.sinceMs + 1) return
    this.meter.roundTrip(rttMs, this.underWayBytes === 0)
  }

  /** It answers. */
  trust(): void {
    this.isDoubtful = false
    this.#unanswered = 0
  }

  /** It does not answer, or is not known to: nothing more goes here until it does. */
  doubt(nowMs: number): void {
    if (this.isDoubtful) return
    this.isDoubtful = true
    this.#losses = this.#losses * 0.5 ** ((nowMs - this.#lossAtMs) / LOSS_HALF_LIFE_MS) + 1
    this.#lossAtMs = nowMs
  }

  /** Nothing that went out here is waited for any more: it goes over another path. */
  release(): void {
    this.underWayBytes = 0
    this.#unaskedBytes = 0
  }

  /**
   * The time has come.
   *
   * @param isSpare - True while another path answers: then the peer is not merely busy.
   */
  check(isSpare: boolean, nowMs: number): PathVerdict {
    if (nowMs < this.wakeAtMs) return 'fine'
    const hasStalled = this.#isStallable && nowMs >= this.#progressAtMs + this.meter.patienceMs
    this.#checkedAtMs = nowMs
    if (this.#askedAtMs !== undefined && nowMs >= this.#askedAtMs + this.#patienceMs) {
      return this.#unansweredVerdict(isSpare, nowMs)
    }
    if (hasStalled) {
      this.#progressAtMs = nowMs
      this.askAnew(nowMs)
      return 'doubt'
    }
    const isSilent = nowMs - this.#heardAtMs >= this.#intervalMs / (this.underWayBytes > 0 ? 3 : 1)
    if (!isSilent || this.#askedAtMs !== undefined) return 'fine'
    this.ask(nowMs)
    return 'ping'
  }

  #unansweredVerdict(isSpare: boolean, nowMs: number): PathVerdict {
    const isOld = isSpare || nowMs - this.#heardAtMs >= this.#intervalMs
    this.#unanswered += 1
    if (this.#unanswered > MAX_UNANSWERED_PINGS && isOld) return 'lost'
    this.askAnew(nowMs)
    return 'doubt'
  }
}
