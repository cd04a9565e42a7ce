/**
 * Which of the ways to one peer are tried when. The pure core: no sockets, no timers.
 *
 * After "Happy Eyeballs" (RFC 8305), with two changes. A relay is dialled at once beside
 * the best direct way, because it connects where nothing else does and a person should
 * not wait for a punched hole. And the race goes on after it is won: a session that
 * stands over a relay, or over a direct way that is not the best, moves to a better one
 * when that stands as well, so better ways that are under way are not given up.
 *
 * Direct ways start in the order given, best first. Each has a head start of
 * {@link HEAD_START_MS} before the next one; one that fails hands over at once.
 *
 * Invariants, held under any order of inputs:
 * - every way is dialled at most once, and each that was is failed, connected or abandoned;
 * - no more than {@link MAX_RACE_DIALS} are under way, of which at most {@link MAX_RACE_RELAYS} relays;
 * - exactly one `won` or one `lost`, unless the race is cancelled before.
 */
import { HEAD_START_MS, MAX_RACE_DIALS, MAX_RACE_RELAYS } from './limits.ts'

/** What the race has to know of a way; the number in the list is its name. */
export interface RaceWay {
  /** True when the connection would go through a third party. */
  readonly isRelay: boolean
}

/** What happens to a race. */
export type RaceInput =
  | { readonly type: 'start' }
  /** The connection could not be made, or no session came of it. */
  | { readonly type: 'failed'; readonly way: number }
  /** A session with the peer stands over this way. */
  | { readonly type: 'connected'; readonly way: number }
  | { readonly type: 'timer' }
  /** Nobody wants it any more. */
  | { readonly type: 'cancel' }

/** What the driver must do, in order. */
export type RaceEffect =
  | { readonly type: 'dial'; readonly way: number }
  /** End the dial that is under way. */
  | { readonly type: 'abandon'; readonly way: number }
  /** The first session stands. */
  | { readonly type: 'won'; readonly way: number }
  /** Every way has failed. */
  | { readonly type: 'lost' }

type WayState = 'waiting' | 'dialling' | 'connected' | 'over'

/** One race for one peer. */
export class DialRace {
  readonly #ways: readonly RaceWay[]
  readonly #states: WayState[]
  #hasStarted = false
  #isDecided = false
  #nextDirectAtMs: number | undefined
  #effects: RaceEffect[] = []

  /** @param ways - Best first; relays may stand anywhere. */
  constructor(ways: readonly RaceWay[]) {
    this.#ways = ways
    this.#states = ways.map(() => 'waiting')
  }

  /** True when nothing is under way and nothing will start any more. */
  get isOver(): boolean {
    return this.#hasStarted && !this.#has('dialling') && !this.#has('waiting')
  }

  /** When to call with `timer`; `undefined` when time changes nothing. */
  get wakeAtMs(): number | undefined {
    if (!this.#hasWaitingDirect() || this.#underWay() >= MAX_RACE_DIALS) return undefined
    return this.#nextDirectAtMs
  }

  /** Never throws; inputs that come too late change nothing. */
  handle(input: RaceInput, nowMs: number): readonly RaceEffect[] {
    this.#effects = []
    switch (input.type) {
      case 'start':
        if (!this.#hasStarted) this.#start(nowMs)
        break
      case 'timer':
        this.#startNext(nowMs, false)
        break
      case 'failed':
        this.#failed(input.way, nowMs)
        break
      case 'connected':
        this.#connected(input.way)
        break
      case 'cancel':
        this.#giveUp(() => true)
        this.#isDecided = true
        break
    }
    return this.#effects
  }

  #start(nowMs: number): void {
    this.#hasStarted = true
    this.#startRelays()
    this.#startNext(nowMs, true)
    this.#tellLost()
  }

  #startRelays(): void {
    for (const [way, { isRelay }] of this.#ways.entries()) {
      if (this.#underWay((each) => each.isRelay) >= MAX_RACE_RELAYS) return
      if (isRelay && this.#states[way] === 'waiting') this.#dial(way)
    }
  }

  /** @param isHandedOver - The one before has failed, or there was none: no head start is kept. */
  #startNext(nowMs: number, isHandedOver: boolean): void {
    const isDue =
      isHandedOver || (this.#nextDirectAtMs !== undefined && nowMs >= this.#nextDirectAtMs)
    if (!isDue || this.#underWay() >= MAX_RACE_DIALS) return
    const next = this.#ways.findIndex(
      ({ isRelay }, way) => !isRelay && this.#states[way] === 'waiting',
    )
    if (next === -1) return
    this.#dial(next)
    this.#nextDirectAtMs = nowMs + HEAD_START_MS
  }

  #failed(way: number, nowMs: number): void {
    if (this.#states[way] !== 'dialling' && this.#states[way] !== 'connected') return
    this.#states[way] = 'over'
    if (this.#ways[way]?.isRelay === true) {
      if (!this.#isDecided) this.#startRelays()
      // It may have kept a direct way from starting.
      this.#startNext(nowMs, false)
    } else this.#startNext(nowMs, true)
    this.#tellLost()
  }

  #connected(way: number): void {
    if (this.#states[way] !== 'dialling') return
    this.#states[way] = 'connected'
    if (!this.#isDecided) this.#effects.push({ type: 'won', way })
    this.#isDecided = true
    const isRelay = this.#ways[way]?.isRelay === true
    // After a relay only another relay is pointless; after a direct way whatever is worse is.
    // A relay that is under way then stays: it carries the session when the direct way dies.
    this.#giveUp((other) => {
      if (this.#ways[other]?.isRelay === true) return isRelay || this.#states[other] === 'waiting'
      return !isRelay && other > way
    })
  }

  #giveUp(isPointless: (way: number) => boolean): void {
    for (const [way, state] of this.#states.entries()) {
      if ((state !== 'waiting' && state !== 'dialling') || !isPointless(way)) continue
      this.#states[way] = 'over'
      if (state === 'dialling') this.#effects.push({ type: 'abandon', way })
    }
  }

  #tellLost(): void {
    if (this.#isDecided || this.#has('waiting') || this.#has('dialling')) return
    this.#isDecided = true
    this.#effects.push({ type: 'lost' })
  }

  #dial(way: number): void {
    this.#states[way] = 'dialling'
    this.#effects.push({ type: 'dial', way })
  }

  #has(state: WayState): boolean {
    return this.#states.includes(state)
  }

  #hasWaitingDirect(): boolean {
    return this.#ways.some(({ isRelay }, way) => !isRelay && this.#states[way] === 'waiting')
  }

  #underWay(isCounted: (way: RaceWay) => boolean = () => true): number {
    return this.#ways.filter((way, i) => this.#states[i] === 'dialling' && isCounted(way)).length
  }
}
