/**
 * How much may be under way on a path while somebody waits for small messages. No clock
 * of its own.
 *
 * What is under way beyond bandwidth times round trip stands in a queue, and an urgent
 * message stands behind it. So the window is the measured bandwidth times the shortest
 * round trip and a little more, as in BBR (Cardwell et al., 2016): the bandwidth is the highest of
 * the last rounds, and every eighth round sends a quarter more, unless a queue stands, to see whether more goes
 * through, and the next one less. What acknowledgements in a bunch make too high is taken back when a
 * whole round has stood in a queue. The delay alone would not do: a round trip that varies looks like a queue.
 *
 * It begins with what a new TCP connection sends at once (RFC 6928) and doubles each round
 * until a queue shows, or the bandwidth grows no more: what is given to TCP before it may
 * send it is a queue as well.
 */
import {
  MAX_URGENT_QUEUE_MS,
  MIN_COUNTED_ROUND_TRIP_MS,
  MIN_PATH_WINDOW_BYTES,
  MIN_URGENT_WINDOW_BYTES,
  URGENT_FLOOR_MS,
} from './limits.ts'

/** A round is over with so many answers to frames that were sent in it: one for each eighth of the window. */
const answersPerRound = 8
/** Rounds whose bandwidth counts. */
const countedRounds = 10
const gains = [1.25, 0.75, 1, 1, 1, 1, 1, 1]
/** A bandwidth that grows by less has reached that of the path; after so many rounds in any case. */
const noticeableGrowth = 1.25
const mostRoundsWithout = 3

/** A round trip that was measured. */
export interface WindowSample {
  readonly rttMs: number
  readonly leastRttMs: number
  /** When the frame was sent whose answer it is. */
  readonly sentAtMs: number
  readonly nowMs: number
}

/** The window of one path. */
export class UrgentWindow {
  #startBytes = MIN_URGENT_WINDOW_BYTES
  #isStarting = true
  /** Rounds at the beginning in which the bandwidth did not grow. */
  #roundsWithout = 0
  /** The highest bandwidth of each of the last rounds, in bytes per millisecond. */
  #rates: number[] = []
  #roundRate = 0
  /** The shortest round trip, and the queue that is aimed at. */
  #countedMs = 0
  #cycle = 0
  #isLimited = false
  #sinceMs = 0
  #answers = 0
  /** The shortest round trip of this round, the last one, and from what on it shows a queue. */
  #shortestMs = Infinity
  #lastMs = 0
  #queuedMs = 0

  /**
   * How much may be unacknowledged.
   *
   * @param bytesPerMs - Measured throughput, 0 when none is known: a fast path is not held up by a small window.
   */
  bytes(bytesPerMs: number): number {
    const floor = Math.min(MIN_PATH_WINDOW_BYTES, bytesPerMs * URGENT_FLOOR_MS)
    const gain = gains[this.#cycle] ?? 1
    const wanted = this.#isStarting ? this.#startBytes : gain * this.#rate * this.#countedMs
    return Math.max(MIN_URGENT_WINDOW_BYTES, floor, wanted)
  }

  get #rate(): number {
    return Math.max(0, ...this.#rates)
  }

  /** The window was full: what a larger one would carry is not known otherwise. */
  limited(): void {
    this.#isLimited = true
  }

  /** A measured throughput, in bytes per millisecond. */
  delivered(bytesPerMs: number): void {
    this.#roundRate = Math.max(this.#roundRate, bytesPerMs)
  }

  /** Nobody waited for small messages, and the path carried so much, in bytes per millisecond. */
  follow(bytesPerMs: number, leastRttMs: number, nowMs: number): void {
    this.#rates = [bytesPerMs]
    this.#countedMs = leastRttMs + targetOf(leastRttMs)
    this.#isStarting = false
    this.#begin(nowMs)
  }

  /** A frame that asked for it was acknowledged. */
  answered({ rttMs, leastRttMs, sentAtMs, nowMs }: WindowSample): void {
    if (sentAtMs < this.#sinceMs) return
    this.#answers += 1
    const targetMs = targetOf(leastRttMs)
    this.#lastMs = rttMs
    this.#countedMs = leastRttMs + targetMs
    this.#queuedMs = leastRttMs + Math.max(1.5 * targetMs, leastRttMs / 2)
    this.#shortestMs = Math.min(this.#shortestMs, rttMs)
    if (this.#answers < answersPerRound) return
    this.#shrink()
    // One that did not fill the window says nothing about what goes through.
    if (this.#isLimited) this.#endRound()
    this.#begin(nowMs)
  }

  /** Every answer of the round stood in a queue: the bandwidth was measured too high, by answers that came in a bunch. */
  #shrink(): void {
    if (this.#isStarting || this.#shortestMs <= this.#queuedMs) return
    const part = this.#queuedMs / this.#shortestMs
    this.#rates = this.#rates.map((rate) => rate * part)
    this.#roundRate *= part
  }

  #endRound(): void {
    const hasGrown = this.#roundRate > this.#rate * noticeableGrowth
    this.#rates = [...this.#rates, this.#roundRate].slice(-countedRounds)
    if (!this.#isStarting) {
      const next = (this.#cycle + 1) % gains.length
      // Where a queue stands, more would only make it longer.
      this.#cycle = next === 0 && this.#lastMs > this.#countedMs ? this.#cycle : next
      return
    }
    this.#roundsWithout = hasGrown ? 0 : this.#roundsWithout + 1
    const isQueued = this.#lastMs > this.#queuedMs
    if (isQueued || this.#roundsWithout === mostRoundsWithout) {
      this.#isStarting = false
      this.#cycle = 1
    } else this.#startBytes *= 2
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs
    this.#answers = 0
    this.#roundRate = 0
    this.#isLimited = false
    this.#shortestMs = Infinity
  }
}

/** The queue that is aimed at, in milliseconds: a round trip, within bounds. */
function targetOf(leastRttMs: number): number {
  return Math.min(MAX_URGENT_QUEUE_MS, Math.max(MIN_COUNTED_ROUND_TRIP_MS, leastRttMs))
}
