import type { PeerId } from '@vudo/transport'
import { MAX_AUTHORS, MAX_SEQUENCE_AHEAD_MS, SEQUENCE_WINDOW_MS } from './limits.ts'

/** What is known of one author's numbers. */
interface Known {
  /** The highest number so far. */
  highest: bigint
  /** Numbers up to this one are too old. */
  floor: bigint
  /** When `floor` rises to what `highest` was then. */
  readonly pending: { floor: bigint; dueMs: number }
}

const nanosecondsPerMillisecond = 1_000_000n

/** A thousand messages. */
const nearby = 1_000n

/**
 * Refuses replays after the ids have been forgotten: an author's numbers grow, so what was
 * overtaken for {@link SEQUENCE_WINDOW_MS} or longer is old, whoever sends it again. Ids are
 * remembered for twice that time, so there is no gap between the two.
 */
export class AuthorWindow {
  readonly #known = new Map<PeerId, Known>()

  /** Authors remembered now. */
  get size(): number {
    return this.#known.size
  }

  /**
   * Tells whether a message with this number may be new, and remembers it.
   *
   * @param nowMs - A clock that never goes back.
   * @param wallMs - Milliseconds since 1970: numbers begin with the time at which the
   *   author's process started, and one that is far ahead would lock the author out.
   */
  accept(author: PeerId, sequence: bigint, nowMs: number, wallMs: number): boolean {
    const known = this.#known.get(author)
    // Most numbers are near the last one, and need no comparison with the clock.
    const isNear = known !== undefined && sequence <= known.highest + nearby
    if (!isNear && sequence > latestAt(wallMs)) return false
    if (known === undefined) {
      this.#remember(author, sequence, nowMs)
      return true
    }
    raiseFloor(known, nowMs)
    if (sequence <= known.floor) return false
    if (sequence > known.highest) known.highest = sequence
    // The order of the map is the order of hearing: its first entry is the one to forget.
    this.#known.delete(author)
    this.#known.set(author, known)
    return true
  }

  #remember(author: PeerId, sequence: bigint, nowMs: number): void {
    const pending = { floor: sequence, dueMs: nowMs + SEQUENCE_WINDOW_MS }
    this.#known.set(author, { highest: sequence, floor: -1n, pending })
    if (this.#known.size <= MAX_AUTHORS) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

function latestAt(wallMs: number): bigint {
  return BigInt(Math.floor(wallMs) + MAX_SEQUENCE_AHEAD_MS) * nanosecondsPerMillisecond
}

function raiseFloor(known: Known, nowMs: number): void {
  const { pending } = known
  if (nowMs < pending.dueMs) return
  const isSilent = nowMs >= pending.dueMs + SEQUENCE_WINDOW_MS
  known.floor = isSilent ? known.highest : pending.floor
  pending.floor = known.highest
  pending.dueMs = isSilent ? nowMs + SEQUENCE_WINDOW_MS : pending.dueMs + SEQUENCE_WINDOW_MS
}
