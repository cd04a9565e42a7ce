import type { SimulationFailure } from './errors.ts'
import type { FaultCounts, Faults } from './faults.ts'
import { Host } from './host.ts'
import { CALM_STEP_LIMIT, DEFAULT_STEP_LIMIT, DEFAULT_WITHIN_MS } from './limits.ts'
import { Network } from './network.ts'
import type { Boot } from './node.ts'
import type { Random } from './random.ts'
import { World } from './world.ts'

/** What a simulation is made of. */
export interface SimulationInit {
  /** A whole number from 0 to 2^53 − 1. The same seed and the same code give the same run. */
  readonly seed: number
  /**
   * Steps of safety mode after which `run` returns early: how failures are shrunk.
   *
   * @defaultValue 100,000
   */
  readonly stepLimit?: number | undefined
  /**
   * What goes wrong by itself, over the default.
   *
   * @defaultValue `defaultFaults`
   */
  readonly faults?: Partial<Faults> | undefined
}

/** How long `run` goes on. */
export type RunGoal =
  /** For this much virtual time. */
  | { readonly forMs: number }
  /** Until nothing is under way any more: no message, no timer, no sync, no load. */
  | { readonly untilQuiet: true; readonly withinMs?: number | undefined }
  /** Until the condition holds, looked at after every step. `what` names it in the failure. */
  | {
      readonly until: () => boolean
      readonly what?: string | undefined
      readonly withinMs?: number | undefined
    }

/**
 * Nodes, a network that fails and disks that lose power, in virtual time, out of one
 * seed. It knows no protocol: cores are handed in as nodes.
 *
 * It begins in *safety mode*: faults happen all the time, and invariants say what must
 * hold nevertheless. `calm()` turns to *liveness mode*: no faults, everything up; now
 * the nodes have to get somewhere. Without the second, a node that does nothing passes.
 */
export interface Simulation {
  readonly seed: number
  /** Milliseconds of virtual time since the beginning. */
  readonly nowMs: number
  /** For the load of the test. Its own generator: drawing more shifts no fault. */
  readonly random: Random
  readonly faultCount: number
  readonly faultCounts: FaultCounts
  /** Steps taken so far. */
  readonly steps: number
  /** Adds a node and starts it. @throws `RangeError` when the name is taken. */
  addNode(name: string, boot: Boot): void
  /** True while the node has power. */
  isUp(name: string): boolean
  /** Runs `load` in `inMs` virtual milliseconds, for example a user's write. Dropped by `calm`. */
  schedule(inMs: number, load: () => void): void
  /** Takes the node's power; it stays down until `restart` or `calm`. */
  crash(name: string): void
  /** Starts a node again from its disk. Nothing happens when it is up. */
  restart(name: string): void
  /** Splits the network into groups of node names; nodes not named form one more group. Until `heal`. */
  partition(groups: readonly (readonly string[])[]): void
  /** Ends the split. Connections that it cut stay cut. */
  heal(): void
  /** Cuts every connection between two nodes. */
  cutConnections(a: string, b: string): void
  /** Liveness mode from here on: heals, starts what is down, drops scheduled load. */
  calm(): void
  /** Checked after every step: returns what is wrong, or `undefined`. */
  invariant(name: string, check: () => string | undefined): void
  /**
   * Lets events happen.
   *
   * In safety mode it returns early when `stepLimit` is used up, goal reached or not.
   *
   * @throws `SimulationFailure`: `ERR_INVARIANT_BROKEN`, `ERR_NODE_THREW`, or
   *   `ERR_NOT_REACHED` when the goal is not reached within `withinMs` or `CALM_STEP_LIMIT`.
   */
  run(goal: RunGoal): void
  /** A failure with this simulation's numbers, to be thrown for what a test finds out by itself. */
  failure(what: string, cause?: unknown): SimulationFailure
  /** 16 characters of hex over everything that happened; equal for equal runs. */
  traceHash(): string
}

/**
 * Makes an empty simulation.
 *
 * @throws `RangeError` for a seed or a step limit that is none.
 */
export function createSimulation(init: SimulationInit): Simulation {
  return new SeededSimulation(init)
}

class SeededSimulation implements Simulation {
  readonly #world: World
  readonly #network: Network
  readonly #stepLimit: number
  readonly #invariants: { readonly name: string; readonly check: () => string | undefined }[] = []

  constructor({ seed, stepLimit = DEFAULT_STEP_LIMIT, faults = {} }: SimulationInit) {
    if (!Number.isSafeInteger(stepLimit) || stepLimit < 0) {
      throw new RangeError(`stepLimit is ${stepLimit}, expected a whole number from 0 on`)
    }
    this.#world = new World(seed, faults)
    this.#network = new Network(this.#world)
    this.#stepLimit = stepLimit
  }

  get seed(): number {
    return this.#world.seed
  }

  get nowMs(): number {
    return this.#world.nowMs
  }

  get random(): Random {
    return this.#world.random.load
  }

  get faultCount(): number {
    return this.#world.faultCount
  }

  get faultCounts(): FaultCounts {
    return this.#world.counts
  }

  get steps(): number {
    return this.#world.steps
  }

  addNode(name: string, boot: Boot): void {
    const { hosts } = this.#network
    if (hosts.has(name)) throw new RangeError(`the name ${name} is taken by another node`)
    const host = new Host(name, boot, { world: this.#world, network: this.#network })
    hosts.set(name, host)
    host.start()
  }

  isUp(name: string): boolean {
    return this.#host(name).life !== undefined
  }

  schedule(inMs: number, load: () => void): void {
    const isCalmLoad = this.#world.isCalm
    this.#world.after(inMs, () => {
      if (this.#world.isCalm === isCalmLoad) load()
    })
  }

  crash(name: string): void {
    this.#host(name).crash()
  }

  restart(name: string): void {
    this.#host(name).start()
  }

  partition(groups: readonly (readonly string[])[]): void {
    this.#network.split(groups)
  }

  heal(): void {
    this.#network.heal()
  }

  cutConnections(a: string, b: string): void {
    const wanted = new Set([this.#host(a).name, this.#host(b).name])
    this.#network.cut((from, to) => wanted.has(from) && wanted.has(to))
  }

  calm(): void {
    this.#world.stopFaults()
    this.#world.note('calm')
    this.#network.heal()
    for (const host of this.#network.hosts.values()) host.start()
  }

  invariant(name: string, check: () => string | undefined): void {
    this.#invariants.push({ name, check })
  }

  run(goal: RunGoal): void {
    if ('forMs' in goal) this.#runFor(goal.forMs)
    else if ('until' in goal) this.#runUntil(goal.until, goal)
    else this.#runUntil(() => this.#world.nextAtMs === undefined, { what: 'quiet', ...goal })
  }

  #runFor(forMs: number): void {
    const endMs = this.#world.nowMs + forMs
    while ((this.#world.nextAtMs ?? Infinity) <= endMs) {
      // It stops the clock as well: the rest of this time never was.
      if (this.#isUsedUp()) return
      this.#step()
    }
    this.#world.nowMs = endMs
  }

  #runUntil(
    isReached: () => boolean,
    options: { readonly what?: string | undefined; readonly withinMs?: number | undefined },
  ): void {
    const { what = 'the condition', withinMs = DEFAULT_WITHIN_MS } = options
    const endMs = this.#world.nowMs + withinMs
    while (!isReached()) {
      if (this.#isUsedUp()) return
      if ((this.#world.nextAtMs ?? Infinity) > endMs) {
        const reason = this.#world.nextAtMs === undefined ? ': nothing is under way' : ''
        throw this.#world.failure(
          'ERR_NOT_REACHED',
          `${what} was not reached within ${withinMs} ms${reason}`,
        )
      }
      this.#step()
    }
  }

  /** In safety mode an expected end, in liveness mode a failure: calm nodes that never stop talking. */
  #isUsedUp(): boolean {
    const { isCalm, steps, safetySteps } = this.#world
    if (!isCalm) return safetySteps >= this.#stepLimit
    if (steps - safetySteps < CALM_STEP_LIMIT) return false
    throw this.#world.failure('ERR_NOT_REACHED', `no end after ${CALM_STEP_LIMIT} calm steps`)
  }

  #step(): void {
    this.#world.step()
    this.#check()
    if (this.#world.isCalm) return
    this.#failByChance()
    this.#check()
  }

  #failByChance(): void {
    const { random, faults } = this.#world
    if (random.network.chance(faults.cutRate)) this.#network.cutOneByChance()
    if (random.crash.chance(faults.crashRate)) {
      const up = [...this.#network.hosts.values()].filter((host) => host.life !== undefined)
      if (up.length > 0) random.crash.pick(up).crashByChance()
    }
    if (random.partition.chance(faults.partitionRate)) this.#splitByChance()
  }

  #splitByChance(): void {
    const { random, faults } = this.#world
    const names = [...this.#network.hosts.keys()]
    const group = names.filter(() => random.partition.chance(0.5))
    if (group.length === 0 || group.length === names.length) return
    const end = this.#network.split([group])
    this.#world.after(this.#world.draw(random.partition, faults.partitionMs), end)
  }

  #check(): void {
    for (const { name, check } of this.#invariants) {
      const wrong = check()
      if (wrong !== undefined) {
        throw this.#world.failure('ERR_INVARIANT_BROKEN', `invariant "${name}" is broken: ${wrong}`)
      }
    }
  }

  failure(what: string, cause?: unknown): SimulationFailure {
    return this.#world.failure('ERR_RUN_FAILED', what, cause)
  }

  traceHash(): string {
    return this.#world.trace.hash()
  }

  #host(name: string): Host {
    const host = this.#network.hosts.get(name)
    if (!host) throw new RangeError(`no node has the name ${name}`)
    return host
  }
}
