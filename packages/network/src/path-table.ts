/**
 * The paths of a session: which carries what, which is in doubt, which is one too
 * many. Part of the pure core.
 *
 * The *best* path carries control frames and what is urgent; the *bulk* path carries
 * the rest: the same one, unless its transport does not like large transfers. A path
 * becomes the best when it is clearly better, or when the best is in doubt. When every
 * path is in doubt, the best stays: nothing is lost by trying.
 */
import {
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_PATHS,
  PATH_CHANGE_FACTOR,
  PATH_CHANGE_MS,
  URGENT_FRAME_PAYLOAD_BYTES,
} from './limits.ts'
import { PathState, type PathInfo, type PathLife } from './path-state.ts'

/** What came of looking after the paths. */
export interface PathNews {
  /** Paths that do not answer at all any more, and those that were one too many: to be closed. */
  readonly dropped: readonly PathState[]
  /** True when some path has just come into doubt. */
  readonly isDoubted: boolean
}

/** Every path that is not gone. */
export class PathTable {
  readonly #isSmaller: boolean
  readonly #life: PathLife
  #paths: PathState[] = []
  #lastId = 0
  #best: PathState | undefined
  #bulk: PathState | undefined

  /** @param isSmaller - True when this node's key is the smaller one: of two dials its own stands. */
  constructor(isSmaller: boolean, life: PathLife) {
    this.#isSmaller = isSmaller
    this.#life = life
  }

  get all(): readonly PathState[] {
    return this.#paths
  }

  get size(): number {
    return this.#paths.length
  }

  get isFull(): boolean {
    return this.#paths.length >= MAX_PATHS
  }

  /** Carries control frames and what is urgent. */
  get best(): PathState | undefined {
    return this.#best
  }

  /** Carries large transfers. */
  get bulk(): PathState | undefined {
    return this.#bulk
  }

  /** How large frames are: small while somebody waits, and on a path on which few large ones would be under way. */
  payloadBytes(isUrgent: boolean): number {
    if (isUrgent) return URGENT_FRAME_PAYLOAD_BYTES
    const fitting = this.#bulk?.frameBytes ?? MAX_FRAME_PAYLOAD_BYTES
    return Math.max(URGENT_FRAME_PAYLOAD_BYTES, Math.min(MAX_FRAME_PAYLOAD_BYTES, fitting))
  }

  /** True while no path is known to answer. */
  get isInDoubt(): boolean {
    return this.#paths.length > 0 && !this.#paths.some((path) => path.isUsable)
  }

  /** True when every path has left a second question unanswered: it is not one late answer. */
  get isMute(): boolean {
    return this.isInDoubt && this.#paths.every((path) => path.unanswered > 0 || path.isRetired)
  }

  get lastId(): number {
    return this.#lastId
  }

  get wakeAtMs(): number {
    let atMs = Infinity
    for (const path of this.#paths) atMs = Math.min(atMs, path.wakeAtMs)
    return atMs
  }

  get(id: number): PathState | undefined {
    // At most eight, mostly one: faster than a map.
    for (const path of this.#paths) if (path.id === id) return path
    return undefined
  }

  /** A connection was added. It is asked at once: its round trip is worth knowing. */
  add(nowMs: number): PathState {
    this.#lastId += 1
    const path = new PathState(this.#lastId, this.#life, nowMs)
    path.ask(nowMs)
    this.#paths = [...this.#paths, path]
    this.choose(nowMs)
    return path
  }

  /** Says what kind of connection a path is. */
  describe(path: PathState, info: PathInfo, nowMs: number): void {
    path.info = info
    for (const other of this.#paths) {
      // Which of two stands is settled once the older one has shown that it is alive.
      if (other !== path && isRival(other, path)) other.ask(nowMs)
    }
    this.choose(nowMs)
  }

  remove(path: PathState, nowMs: number): void {
    this.#paths = this.#paths.filter((other) => other !== path)
    if (this.#best === path) this.#best = undefined
    if (this.#bulk === path) this.#bulk = undefined
    this.choose(nowMs)
  }

  /** Chooses anew which path carries what. */
  choose(nowMs: number): void {
    this.#best = this.#better(this.#best, this.#paths, 0, nowMs)
    const large = this.#paths.filter(({ info }) => info.isBulk)
    const isFit = large.some((path) => path.isUsable)
    const candidates = isFit ? large : this.#paths
    const present = this.#best !== undefined && candidates.includes(this.#best)
    this.#bulk = present
      ? this.#best
      : this.#better(this.#bulk, candidates, MAX_FRAME_PAYLOAD_BYTES, nowMs)
  }

  #better(
    present: PathState | undefined,
    candidates: readonly PathState[],
    bytes: number,
    nowMs: number,
  ): PathState | undefined {
    const usable = candidates.filter((path) => path.isUsable)
    const fresh = usable.length > 0 ? usable : candidates.filter((path) => !path.isRetired)
    const choice = fresh.length > 0 ? fresh : candidates
    let best = present !== undefined && choice.includes(present) ? present : undefined
    for (const path of choice) {
      if (path === best) continue
      if (best === undefined || isClearlyBetter(path, best, { bytes, nowMs })) best = path
    }
    return best
  }

  /** A path comes into doubt: those that have not been heard since are asked as well. */
  doubt(path: PathState, nowMs: number): void {
    path.doubt(nowMs)
    for (const other of this.#paths) if (other !== path) other.ask(nowMs)
    this.choose(nowMs)
  }

  /** A path has answered: settles which of two connections of the same kind stays. */
  settleRivals(nowMs: number): void {
    for (const [at, older] of this.#paths.entries()) {
      for (const newer of this.#paths.slice(at + 1)) {
        if (!isRival(older, newer) || !newer.isUsable || !isAnswered(newer, newer)) continue
        // An older one that does not answer gives way only to who dialled it himself: the far end
        // may not have noticed, and would give up the newer one.
        const isReplaced = older.isDoubtful && older.info.isOutbound === newer.info.isOutbound
        if (!isReplaced && !(older.isUsable && isAnswered(older, newer))) continue
        this.#loser(older, newer).isRetired = true
        this.choose(nowMs)
      }
    }
  }

  /** Of two in the same direction the newer stays, else the one that the smaller key dialled. */
  #loser(older: PathState, newer: PathState): PathState {
    if (older.info.isOutbound === newer.info.isOutbound) return older
    return older.info.isOutbound === this.#isSmaller ? newer : older
  }

  /** Looks after every path. */
  check(nowMs: number): PathNews {
    const dropped: PathState[] = []
    let isDoubted = false
    for (const path of this.#paths) {
      const isSpare = this.#paths.some((other) => other !== path && other.isUsable)
      const verdict = path.check(isSpare, nowMs)
      if (verdict === 'doubt') {
        isDoubted ||= !path.isDoubtful
        this.doubt(path, nowMs)
      }
      if ((verdict !== 'lost' && !path.isDrained) || path.isDropped) continue
      path.isDropped = true
      dropped.push(path)
    }
    return { dropped, isDoubted }
  }
}

/** Two connections of one transport between the same two ends. */
function isRival(a: PathState, b: PathState): boolean {
  if (a.isRetired || b.isRetired) return false
  return a.info.transport === b.info.transport && a.info.isRelayed === b.info.isRelayed
}

/** True when `path` has answered since `newer` came. */
function isAnswered(path: PathState, newer: PathState): boolean {
  return path.answeredAtMs !== undefined && path.answeredAtMs >= newer.sinceMs
}

function isClearlyBetter(
  path: PathState,
  present: PathState,
  { bytes, nowMs }: { readonly bytes: number; readonly nowMs: number },
): boolean {
  // One that was not measured takes over only from one that does not answer.
  if (path.meter.rttMs === undefined) return false
  const isMeasured =
    path.meter.bytesPerSecond !== undefined && present.meter.bytesPerSecond !== undefined
  const counted = isMeasured ? bytes : 0
  const costMs = path.costMs(counted, nowMs)
  return costMs < present.costMs(counted, nowMs) * PATH_CHANGE_FACTOR - PATH_CHANGE_MS
}
