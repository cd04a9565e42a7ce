/** Runs one race to a peer: owns the dials and the timer. What is tried when is in `dial-race.ts`. */
import { Alarm } from './alarm.ts'
import { DialRace, type RaceInput, type RaceWay } from './dial-race.ts'

/** What a race needs. */
export interface RaceInit<Way extends RaceWay, Result> {
  /** Best first, at least one. */
  readonly ways: readonly Way[]
  /** Dials and shakes hands; must end when the signal fires. */
  readonly attempt: (way: Way, signal: AbortSignal) => Promise<Result>
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** True while a session waits: see {@link DialRace}. */
  readonly isPatient?: boolean | undefined
  /** Ends all of it, also what goes on after the race is won. */
  readonly signal: AbortSignal
}

/** A race that has begun. */
export interface RunningRace<Result> {
  /**
   * The first that stands.
   *
   * @throws what the last way threw, or the signal's reason.
   */
  readonly first: Promise<Result>
  /** Settles, never rejects, when nothing is under way any more. */
  readonly over: Promise<void>
  /** Ends it, unless it is won: then better ways may still be tried. */
  cancelUndecided(reason: unknown): void
}

/** Begins a race. */
export function startRace<Way extends RaceWay, Result>(
  init: RaceInit<Way, Result>,
): RunningRace<Result> {
  const driver = new RaceDriver(init)
  driver.start()
  return driver
}

class RaceDriver<Way extends RaceWay, Result> implements RunningRace<Result> {
  readonly first: Promise<Result>
  readonly over: Promise<void>
  readonly #init: RaceInit<Way, Result>
  readonly #race: DialRace
  readonly #dials = new Map<number, AbortController>()
  readonly #first = Promise.withResolvers<Result>()
  readonly #over = Promise.withResolvers<void>()
  readonly #results = new Map<number, Result>()
  #failure: unknown
  #isDecided = false
  readonly #alarm: Alarm
  readonly #onAbort = (): void => this.#cancel(this.#init.signal.reason)

  constructor(init: RaceInit<Way, Result>) {
    this.#init = init
    this.#alarm = new Alarm(init.now, () => this.#apply({ type: 'timer' }))
    this.#race = new DialRace(init.ways, init.isPatient)
    this.first = this.#first.promise
    this.over = this.#over.promise
  }

  start(): void {
    const { signal } = this.#init
    if (signal.aborted) return this.#onAbort()
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#apply({ type: 'start' })
  }

  cancelUndecided(reason: unknown): void {
    if (!this.#isDecided) this.#cancel(reason)
  }

  #cancel(reason: unknown): void {
    this.#decide(() => this.#first.reject(reason))
    this.#apply({ type: 'cancel' }, reason)
  }

  #apply(input: RaceInput, reason?: unknown): void {
    for (const effect of this.#race.handle(input, this.#init.now())) {
      switch (effect.type) {
        case 'dial':
          // Owned: it never rejects, and `over` waits for it.
          void this.#dial(effect.way)
          break
        case 'abandon':
          this.#dials.get(effect.way)?.abort(reason ?? abandoned)
          break
        case 'won': {
          const result = this.#results.get(effect.way)
          if (result !== undefined) this.#decide(() => this.#first.resolve(result))
          break
        }
        case 'lost':
          this.#decide(() => this.#first.reject(this.#failure))
          break
      }
    }
    this.#alarm.set(this.#init.signal.aborted ? undefined : this.#race.wakeAtMs)
    if (this.#dials.size === 0 && (this.#race.isOver || this.#init.signal.aborted)) this.#finish()
  }

  async #dial(way: number): Promise<void> {
    const { ways, attempt } = this.#init
    const controller = new AbortController()
    this.#dials.set(way, controller)
    let input: RaceInput = { type: 'failed', way }
    try {
      const one = ways[way]
      if (one === undefined) throw new RangeError(`there is no way ${way}`)
      this.#results.set(way, await attempt(one, controller.signal))
      input = { type: 'connected', way }
    } catch (error) {
      if (!controller.signal.aborted) this.#failure = error
    }
    this.#dials.delete(way)
    this.#apply(input)
  }

  #decide(settle: () => void): void {
    if (this.#isDecided) return
    this.#isDecided = true
    settle()
  }

  #finish(): void {
    this.#alarm.clear()
    this.#init.signal.removeEventListener('abort', this.#onAbort)
    this.#over.resolve()
  }
}

/** Nobody sees it: it ends a dial whose result nobody waits for. */
const abandoned = new Error('a better way stands')
