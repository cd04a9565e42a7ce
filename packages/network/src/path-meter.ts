/**
 * How fast a path is: its round trip, its throughput, and how much may be under way
 * on it so that it is busy and no queue stands in it. No clock of its own.
 *
 * The throughput is the highest of the last seconds, measured as BBR does (Cardwell et
 * al., 2016): what was delivered between the sending of a frame and its acknowledgement,
 * over the time from the last delivery before it. The round trip is the lowest that was
 * seen, because what is above it is the queue; it only rises while nothing is under way. A window
 * beside which nobody waits counts more than that one: see below.
 */
import {
  ASSUMED_ROUND_TRIP_MS,
  MIN_COUNTED_ROUND_TRIP_MS,
  MIN_PATH_WINDOW_BYTES,
  MIN_STALL_MS,
  NOTICEABLE_GROWTH,
  PATH_WINDOW_GAIN,
  RATE_WINDOW_MS,
  ROUNDS_WITHOUT_GROWTH,
  SHORT_ROUND_TRIP_MS,
  STALL_ROUND_TRIPS,
  STARTING_WINDOW_GAIN,
  VARIED_ROUND_TRIP_MS,
  VARIED_ROUND_TRIPS,
} from './limits.ts'
import { UrgentWindow } from './urgent-window.ts'

/** Rates above this are a clock that did not move between two events. */
const shortestMs = 0.05

/** Measures one path. */
export class PathMeter {
  #leastRttMs: number | undefined
  #smoothRttMs: number | undefined
  #lastRttMs: number | undefined
  /** The highest rates of this window and of the one before, in bytes per millisecond. */
  #rate = 0
  #formerRate = 0
  #windowFromMs = 0
  /** The throughput that was last seen to have grown, when that was, and whether that is not long ago. */
  #grownRate = 0
  #grewAtMs = 0
  #isGrowing = true
  readonly #urgent = new UrgentWindow()

  /** The last measured round trip. */
  get rttMs(): number | undefined {
    return this.#lastRttMs
  }

  /** The shortest round trip: what the path takes without a queue. */
  get leastRttMs(): number | undefined {
    return this.#leastRttMs
  }

  /** True when a queue would be all that an urgent message waits for. */
  get isShort(): boolean {
    return this.#leastRttMs !== undefined && this.#leastRttMs < SHORT_ROUND_TRIP_MS
  }

  /** The highest throughput of late; `undefined` before the first measurement. */
  get bytesPerSecond(): number | undefined {
    return this.#bytesPerMs === 0 ? undefined : this.#bytesPerMs * 1_000
  }

  /** How long data may go unacknowledged before something is wrong. */
  get patienceMs(): number {
    const rttMs = this.#smoothRttMs ?? ASSUMED_ROUND_TRIP_MS
    return Math.max(STALL_ROUND_TRIPS * rttMs, MIN_STALL_MS)
  }

  /** @param isIdle - True when nothing was under way, so that the sample has no queue in it. */
  roundTrip(sampleMs: number, isIdle: boolean): void {
    this.#lastRttMs = sampleMs
    const smooth = this.#smoothRttMs
    this.#smoothRttMs = smooth === undefined ? sampleMs : smooth + (sampleMs - smooth) / 8
    const least = this.#leastRttMs
    if (least === undefined || sampleMs < least) this.#leastRttMs = sampleMs
    else if (isIdle) this.#leastRttMs = least + (sampleMs - least) / 8
  }

  /** So many bytes arrived within `inMs`. */
  delivered(bytes: number, inMs: number, nowMs: number): void {
    if (nowMs - this.#windowFromMs > RATE_WINDOW_MS) {
      this.#formerRate = this.#rate
      this.#rate = 0
      this.#windowFromMs = nowMs
    }
    const rate = bytes / Math.max(inMs, shortestMs)
    this.#rate = Math.max(this.#rate, rate)
    this.#urgent.delivered(rate)
    this.#watchGrowth(nowMs)
  }

  #watchGrowth(nowMs: number): void {
    if (this.#bytesPerMs > this.#grownRate * NOTICEABLE_GROWTH) {
      this.#grownRate = this.#bytesPerMs
      this.#grewAtMs = nowMs
    }
    const rttMs = this.#smoothRttMs ?? ASSUMED_ROUND_TRIP_MS
    this.#isGrowing = nowMs - this.#grewAtMs <= ROUNDS_WITHOUT_GROWTH * rttMs
  }

  /** A frame was acknowledged that had asked for it; `isUrgent` as when it was sent. */
  answered(sentAtMs: number, isUrgent: boolean, nowMs: number): void {
    const rttMs = nowMs - sentAtMs
    this.roundTrip(rttMs, false)
    const leastRttMs = this.#leastRttMs ?? rttMs
    if (isUrgent) this.#urgent.answered({ rttMs, leastRttMs, sentAtMs, nowMs })
    else this.#urgent.follow(this.#bytesPerMs, leastRttMs, nowMs)
  }

  /** More would be sent if the window were larger. */
  limited(): void {
    this.#urgent.limited()
  }

  /**
   * How much may be unacknowledged.
   *
   * @param isUrgent - True while somebody waits for small messages: see {@link UrgentWindow}, but for a path that {@link isShort}.
   */
  windowBytes(isUrgent: boolean): number {
    const bytesPerMs = this.#bytesPerMs
    if (isUrgent && !this.isShort) return this.#urgent.bytes(bytesPerMs)
    // The allowance for a busy event loop is a queue too.
    const countedMs = isUrgent ? (this.#leastRttMs ?? 0) : this.#countedMs
    const isStarting = this.#isGrowing && !this.isShort
    const gain = isStarting ? STARTING_WINDOW_GAIN : PATH_WINDOW_GAIN
    return Math.max(MIN_PATH_WINDOW_BYTES, gain * bytesPerMs * countedMs)
  }

  /**
   * The round trip as it is, up to what variation and a lost packet explain. With the shortest one the window
   * would shrink wherever the round trip varies: the throughput of a full window is the window over the
   * round trip that it took, and times a shorter one that is less than before.
   */
  get #countedMs(): number {
    const leastRttMs = this.#leastRttMs ?? 0
    if (this.isShort) return MIN_COUNTED_ROUND_TRIP_MS
    const mostMs = VARIED_ROUND_TRIPS * leastRttMs + VARIED_ROUND_TRIP_MS
    const likelyMs = Math.min(this.#smoothRttMs ?? 0, mostMs)
    return Math.max(leastRttMs, likelyMs, MIN_COUNTED_ROUND_TRIP_MS)
  }

  get #bytesPerMs(): number {
    return Math.max(this.#rate, this.#formerRate)
  }
}
