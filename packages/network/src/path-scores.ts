/**
 * How good each way to a peer is, from what was measured on it: did dials succeed, how
 * long was the round trip, how much was lost, how fast was it, and how long ago. Pure:
 * the time is an argument.
 *
 * A score starts from the place of its transport in the list of preference, so that
 * without measurements the list decides; each measurement moves it by a bounded amount.
 */
import { MAX_SCORED_PATHS, SCORE_HALF_LIFE_MS } from './limits.ts'

/** What was measured on a way; what is left out is not known. */
export interface PathMeasurement {
  /** Milliseconds there and back. */
  readonly rttMs?: number | undefined
  /** Share of what was sent that had to be sent again, 0 to 1. */
  readonly lossRatio?: number | undefined
  readonly bytesPerSecond?: number | undefined
}

interface PathHistory {
  /** Decayed: each failure adds one, and after a half-life counts half. */
  failures: number
  failedAtMs: number
  succeededAtMs: number | undefined
  rttMs: number | undefined
  lossRatio: number
  bytesPerSecond: number | undefined
}

/** Points between two transports that are neighbours in the list of preference. */
const pointsPerPlace = 12
/** A way that has just failed goes behind one that has not and stands two places lower. */
const pointsPerFailure = 30
const mostFailures = 3
/** What worked within the last half-life is tried first among its like. */
const pointsForSuccess = 10
/** 100 ms cost one place; more than 500 ms do not matter any more. */
const pointsPerMs = 0.12
const slowestMs = 500
const pointsForLoss = 40
/** Doubling the throughput above 100 KiB/s is worth two points, ten doublings at most. */
const slowBytesPerSecond = 102_400
const pointsPerDoubling = 2

/** The measurements of this node, by the name of the way: peer and address, say. */
export class PathScores {
  readonly #paths = new Map<string, PathHistory>()

  /** A dial led to a session, after `dialMs`. */
  succeeded(path: string, dialMs: number, nowMs: number): void {
    const history = this.#touch(path, nowMs)
    history.failures = 0
    history.succeededAtMs = nowMs
    // A dial costs two to four round trips: good enough until one is measured.
    history.rttMs ??= dialMs / 3
  }

  /** A dial failed, or the connection died. */
  failed(path: string, nowMs: number): void {
    const history = this.#touch(path, nowMs)
    history.failures = Math.min(mostFailures, decayed(history, nowMs) + 1)
    history.failedAtMs = nowMs
  }

  /** Smoothed with what was known, new values counting an eighth (RFC 6298 section 2). */
  measured(
    path: string,
    { rttMs, lossRatio, bytesPerSecond }: PathMeasurement,
    nowMs: number,
  ): void {
    const history = this.#touch(path, nowMs)
    if (rttMs !== undefined) history.rttMs = smooth(history.rttMs, rttMs)
    if (lossRatio !== undefined) history.lossRatio = smooth(history.lossRatio, lossRatio)
    if (bytesPerSecond !== undefined) {
      history.bytesPerSecond = smooth(history.bytesPerSecond, bytesPerSecond)
    }
  }

  /**
   * Higher is better.
   *
   * @param place - Of the transport in the list of preference, 0 for the first.
   */
  score(path: string, place: number, nowMs: number): number {
    const base = -place * pointsPerPlace
    const history = this.#paths.get(path)
    if (history === undefined) return base
    const { succeededAtMs, rttMs = 0, lossRatio, bytesPerSecond = 0 } = history
    const isFresh = succeededAtMs !== undefined && nowMs - succeededAtMs < SCORE_HALF_LIFE_MS
    const doublings = Math.log2(Math.max(1, bytesPerSecond / slowBytesPerSecond))
    return (
      base +
      (isFresh ? pointsForSuccess : 0) -
      decayed(history, nowMs) * pointsPerFailure -
      Math.min(slowestMs, rttMs) * pointsPerMs -
      Math.min(1, lossRatio) * pointsForLoss +
      Math.min(10, doublings) * pointsPerDoubling
    )
  }

  /** Everything that is remembered holds for another network. */
  clear(): void {
    this.#paths.clear()
  }

  #touch(path: string, nowMs: number): PathHistory {
    const history = this.#paths.get(path) ?? {
      failures: 0,
      failedAtMs: nowMs,
      succeededAtMs: undefined,
      rttMs: undefined,
      lossRatio: 0,
      bytesPerSecond: undefined,
    }
    this.#paths.delete(path)
    this.#paths.set(path, history)
    if (this.#paths.size > MAX_SCORED_PATHS) {
      for (const oldest of this.#paths.keys()) {
        this.#paths.delete(oldest)
        break
      }
    }
    return history
  }
}

function decayed({ failures, failedAtMs }: PathHistory, nowMs: number): number {
  return failures * 0.5 ** ((nowMs - failedAtMs) / SCORE_HALF_LIFE_MS)
}

function smooth(before: number | undefined, now: number): number {
  return before === undefined ? now : before + (now - before) / 8
}
