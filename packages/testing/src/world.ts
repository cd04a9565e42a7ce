import { createEventQueue, type EventQueue } from './event-queue.ts'
import { SimulationFailure, type SimulationState, type TestingErrorCode } from './errors.ts'
import { defaultFaults, noFaults, type FaultCounts, type Faults, type RangeMs } from './faults.ts'
import { createRandom, type Random } from './random.ts'
import { createTrace, type Trace } from './trace.ts'

/** What every part of one simulation shares: time, randomness, the trace and the counters. */
export class World {
  readonly seed: number
  readonly trace: Trace = createTrace()
  /** One generator per concern, so that a new draw in one does not shift the others. */
  readonly random: Readonly<Record<'network' | 'crash' | 'partition' | 'disk' | 'load', Random>>
  readonly #root: Random
  readonly #queue: EventQueue = createEventQueue()
  readonly #counts = { cut: 0, refusal: 0, crash: 0, partition: 0 }
  faults: Faults
  nowMs = 0
  steps = 0
  safetySteps = 0
  isCalm = false

  constructor(seed: number, faults: Partial<Faults>) {
    this.seed = seed
    this.faults = { ...defaultFaults, ...faults }
    this.#root = createRandom(seed)
    this.random = {
      network: this.#root.fork(),
      crash: this.#root.fork(),
      partition: this.#root.fork(),
      disk: this.#root.fork(),
      load: this.#root.fork(),
    }
  }

  get counts(): FaultCounts {
    return { ...this.#counts }
  }

  get faultCount(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0)
  }

  get nextAtMs(): number | undefined {
    return this.#queue.nextAtMs
  }

  get state(): SimulationState {
    const { seed, steps, safetySteps, faultCount } = this
    return { seed, steps, safetySteps, faults: faultCount, traceTail: this.trace.tail() }
  }

  fork(): Random {
    return this.#root.fork()
  }

  note(line: string): void {
    this.trace.note(`${this.nowMs} ms ${line}`)
  }

  count(kind: keyof FaultCounts): void {
    this.#counts[kind]++
  }

  after(inMs: number, event: () => void): void {
    this.at(this.nowMs + inMs, event)
  }

  at(atMs: number, event: () => void): void {
    this.#queue.add(atMs, event)
  }

  /** Moves on to the earliest event and lets it happen; false when there is none. */
  step(): boolean {
    const next = this.#queue.take()
    if (!next) return false
    this.nowMs = next.atMs
    this.steps++
    if (!this.isCalm) this.safetySteps++
    next.event()
    return true
  }

  draw(random: Random, [least, most]: RangeMs): number {
    return least + random.int(most - least + 1)
  }

  networkDelay(): number {
    return this.draw(this.random.network, this.faults.delayMs)
  }

  stopFaults(): void {
    this.isCalm = true
    this.faults = { ...this.faults, ...noFaults }
  }

  failure(code: TestingErrorCode, what: string, cause?: unknown): SimulationFailure {
    return new SimulationFailure(code, what, { state: this.state, cause })
  }
}
