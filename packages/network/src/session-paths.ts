/**
 * The connections of a session over its life: they come, are doubted and go, and the last
 * one may leave the session without any. Which path carries what, `path-table.ts` says; here
 * is what follows from it: what goes over another path, and what the driver is told. Part of
 * the pure core.
 */
import type { PathInfo, PathState } from './path-state.ts'
import { PathTable } from './path-table.ts'
import type { SessionEffect } from './session-io.ts'

/** What the paths need of their session. */
export interface SessionPathsInit {
  /** True when this node's key is the smaller one: of two dials its own stands. */
  readonly isSmaller: boolean
  /** True when several connections may carry the session: from version 2 on. */
  readonly isShared: boolean
  /** Silence after which a path is asked for a sign of life. */
  readonly intervalMs: number
  /** How long the session waits for a connection when it has none. */
  readonly resumeWindowMs: number
  readonly nowMs: number
  /** What is under way on a path is to go over another one. */
  readonly recall: (path: PathState) => void
  /** The last one is gone. */
  readonly onDetached: () => void
  /** Takes what the driver has to be told. */
  readonly emit: (effect: SessionEffect) => void
}

/** The paths of one session. */
export class SessionPaths {
  readonly table: PathTable
  readonly #init: SessionPathsInit
  /** The path that was told to be the best. */
  #toldBest: PathState | undefined
  #isSilenceTold = false
  #detachedAtMs: number

  constructor(init: SessionPathsInit) {
    this.#init = init
    this.#detachedAtMs = init.nowMs
    this.table = new PathTable(init.isSmaller, {
      intervalMs: init.intervalMs,
      isMetered: init.isShared,
    })
  }

  get isAttached(): boolean {
    return this.table.size > 0
  }

  /** True when one more connection may join. */
  get hasRoom(): boolean {
    return !this.#init.isShared || !this.table.isFull
  }

  /** When {@link check} has something to do, or {@link hasTimedOut} may become true. */
  get wakeAtMs(): number {
    return this.isAttached ? this.table.wakeAtMs : this.#detachedAtMs + this.#init.resumeWindowMs
  }

  /** True when no connection came for as long as the session waits for one. */
  hasTimedOut(nowMs: number): boolean {
    return !this.isAttached && nowMs >= this.#detachedAtMs + this.#init.resumeWindowMs
  }

  /** A connection comes; with a peer of version 1 it takes the place of the one before. To be followed by {@link reconsider}. */
  add(nowMs: number): void {
    if (!this.#init.isShared) for (const { id } of this.table.all) this.remove(id, nowMs)
    this.table.add(nowMs)
  }

  /** What kind of connection a path is. */
  describe(id: number, info: PathInfo, nowMs: number): void {
    const path = this.table.get(id)
    if (path === undefined) return
    this.table.describe(path, info, nowMs)
    this.reconsider(nowMs)
  }

  /** A connection is gone. */
  remove(id: number, nowMs: number): void {
    const path = this.table.get(id)
    if (path === undefined) return
    this.table.remove(path, nowMs)
    this.#init.recall(path)
    if (this.isAttached) return this.reconsider(nowMs)
    this.#detachedAtMs = nowMs
    this.#isSilenceTold = false
    this.#toldBest = undefined
    this.#init.onDetached()
  }

  /** A connection is not wanted any more. */
  retire(id: number, nowMs: number): void {
    const path = this.table.get(id)
    if (path === undefined) return
    path.isRetired = true
    this.table.choose(nowMs)
    this.reconsider(nowMs)
  }

  /** No path is believed until it answers. */
  doubtAll(nowMs: number): void {
    for (const path of this.table.all) {
      this.table.doubt(path, nowMs)
      // Anew: what was asked before a sleep was not left unanswered by the peer.
      path.askAnew(nowMs)
    }
    this.reconsider(nowMs)
  }

  /** The answer to a question came in on `path`. */
  answered(path: PathState, askedAtMs: number, nowMs: number): void {
    path.answered(askedAtMs, nowMs)
    this.table.settleRivals(nowMs)
    this.reconsider(nowMs)
  }

  /** The time has come: asks, doubts, and drops what does not answer at all. */
  check(nowMs: number): void {
    const { dropped, isDoubted } = this.table.check(nowMs)
    for (const { id, isRetired } of dropped) {
      this.#init.emit({ type: 'drop-path', path: id, isLost: !isRetired })
    }
    if (isDoubted || this.table.isInDoubt) this.reconsider(nowMs)
  }

  /** Something about the paths has changed: what is under way where no answer comes goes elsewhere. */
  reconsider(nowMs: number): void {
    const { table } = this
    table.choose(nowMs)
    const { best } = table
    if (best?.isUsable === true) {
      this.#isSilenceTold = false
      for (const path of table.all) {
        if (path.isDoubtful && path.underWayBytes > 0) this.#init.recall(path)
      }
    } else if (table.isMute && !this.#isSilenceTold) {
      this.#isSilenceTold = true
      this.#init.emit({ type: 'silent' })
    }
    if (best === undefined || best === this.#toldBest) return
    this.#toldBest = best
    this.#init.emit({ type: 'best-path', path: best.id })
  }
}
