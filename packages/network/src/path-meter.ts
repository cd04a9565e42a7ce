/**
 * How fast a path is: its round trip, its throughput, and how much may be under way
 * on it so that it is busy and no queue stands in it. No clock of its own.
 *
 * The throughput is the highest of the last seconds, measured as BBR does (Cardwell et
 * al., 2016): what was delivered between the sending of a frame and its acknowledgement,
 * over the time from the last delivery before it. The round trip is the lowest that was
 * seen, because what is above it is the queue; it only rises while nothing is under way.
 */
import {
  ASSUMED_ROUND_TRIP_MS,
  MIN_COUNTED_ROUND_TRIP_MS,
  MIN_PATH_WINDOW_BYTES,
  MIN_STALL_MS,
  PATH_WINDOW_GAIN,
  RATE_WINDOW_MS,
  STALL_ROUND_TRIPS,
} from './limits.ts'

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

  /** The last measured round trip. */
  get rttMs(): number | undefined {
    return this.#lastRttMs
  }

  /** The shortest round trip: what the path takes without a queue. */
  get leastRttMs(): number | undefined {
    return this.#leastRttMs
  }

  /** The highest throughput of late; `undefined` before the first measurement. */
  get bytesPerSecond(): number | undefined {
    const rate = Math.max(this.#rate, this.#formerRate)
    return rate === 0 ? undefined : rate * 1_000
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
    this.#rate = Math.max(this.#rate, bytes / Math.max(inMs, shortestMs))
  }

  /**
   * How much may be unacknowledged.
   *
   * @param isUrgent - True while somebody waits for small messages: no allowance for a busy event loop.
   */
  windowBytes(isUrgent: boolean): number {
    const rttMs = this.#leastRttMs ?? 0
    const counted = isUrgent ? rttMs : Math.max(rttMs, MIN_COUNTED_ROUND_TRIP_MS)
    const rate = Math.max(this.#rate, this.#formerRate)
    return Math.max(MIN_PATH_WINDOW_BYTES, PATH_WINDOW_GAIN * rate * counted)
  }
}
