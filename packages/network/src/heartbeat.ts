/** Whether the connection under a session still answers, and how fast. No timers: the clock is an argument. */
import { MAX_UNANSWERED_PINGS } from './limits.ts'

/** What is to be done when the time has come. */
export type HeartbeatVerdict = 'fine' | 'ping' | 'lost'

/**
 * A connection on which nothing came in for an interval is asked for a sign of
 * life; one that owes an acknowledgement, three times as often. After three
 * questions without any answer it is lost.
 */
export class Heartbeat {
  readonly #intervalMs: number
  #heardAtMs: number
  #askedAtMs: number
  #checkedAtMs: number
  #unanswered = 0
  #rttMs: number | undefined

  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs
    this.#heardAtMs = nowMs
    this.#askedAtMs = nowMs
    this.#checkedAtMs = nowMs
  }

  /** The last measured round trip. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  /** When to call {@link check}. */
  get wakeAtMs(): number {
    return Math.max(this.#heardAtMs, this.#checkedAtMs) + this.#intervalMs / 3
  }

  /** Something came in. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
    this.#unanswered = 0
  }

  /** A question goes out. */
  asked(nowMs: number): void {
    this.#askedAtMs = nowMs
  }

  /** The answer to a question that was asked at `timestampMs`, as the peer gives it back. */
  answered(timestampMs: number, nowMs: number): void {
    // An answer from the future, or to what was never asked, measures nothing.
    const rttMs = nowMs - timestampMs
    if (rttMs >= 0 && rttMs <= this.#intervalMs * MAX_UNANSWERED_PINGS) this.#rttMs = rttMs
  }

  /** @param isOwed - True while sent data is not acknowledged. */
  check(isOwed: boolean, nowMs: number): HeartbeatVerdict {
    if (nowMs < this.wakeAtMs) return 'fine'
    this.#checkedAtMs = nowMs
    const silenceMs = nowMs - Math.max(this.#heardAtMs, this.#askedAtMs)
    if (silenceMs < this.#intervalMs / (isOwed ? 3 : 1)) return 'fine'
    if (this.#unanswered >= MAX_UNANSWERED_PINGS) return 'lost'
    this.#unanswered += 1
    return 'ping'
  }
}
