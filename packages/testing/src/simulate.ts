import { SimulationFailure } from './errors.ts'
import type { FaultCounts, Faults } from './faults.ts'
import { createSimulation, type Simulation } from './simulation.ts'

/** What `simulate` takes. */
export interface SimulateOptions {
  /** How many seeds, counted from 0, or which ones. */
  readonly seeds: number | Iterable<number>
  /** One run: adds nodes and invariants, schedules load, lets it happen. It must depend on nothing but its argument. */
  readonly run: (simulation: Simulation) => void
  /** See `SimulationInit.stepLimit`. */
  readonly stepLimit?: number | undefined
  /** See `SimulationInit.faults`. */
  readonly faults?: Partial<Faults> | undefined
}

/** What all the runs of `simulate` were together. */
export interface SimulateSummary {
  readonly runs: number
  readonly steps: number
  readonly faults: number
  readonly faultCounts: FaultCounts
}

/**
 * Runs one scenario under many seeds.
 *
 * A seed that fails is shrunk: the same seed with fewer steps of safety mode, halved
 * for as long as it still fails. Nothing is random here: a second call does the same.
 *
 * @throws `SimulationFailure` of the shortest run found, whose message begins with
 *   `seed N, steps M, faults F` and says how to repeat it.
 */
export function simulate(options: SimulateOptions): SimulateSummary {
  const { seeds } = options
  const sum = { runs: 0, steps: 0, faults: 0 }
  const counts = { cut: 0, refusal: 0, crash: 0, partition: 0 }
  for (const seed of typeof seeds === 'number' ? countTo(seeds) : seeds) {
    const { simulation, failure } = runOnce(options, seed, options.stepLimit)
    if (failure) throw shrink(options, failure)
    sum.runs++
    sum.steps += simulation.steps
    sum.faults += simulation.faultCount
    const { cut, refusal, crash, partition } = simulation.faultCounts
    counts.cut += cut
    counts.refusal += refusal
    counts.crash += crash
    counts.partition += partition
  }
  return { ...sum, faultCounts: counts }
}

function* countTo(count: number): Iterable<number> {
  for (let seed = 0; seed < count; seed++) yield seed
}

interface Outcome {
  readonly simulation: Simulation
  readonly failure: SimulationFailure | undefined
}

function runOnce(options: SimulateOptions, seed: number, stepLimit: number | undefined): Outcome {
  const simulation = createSimulation({ seed, stepLimit, faults: options.faults })
  try {
    options.run(simulation)
    return { simulation, failure: undefined }
  } catch (error) {
    return { simulation, failure: errorToFailure(simulation, error) }
  }
}

function errorToFailure(simulation: Simulation, error: unknown): SimulationFailure {
  if (error instanceof SimulationFailure) return error
  return simulation.failure(error instanceof Error ? error.message : String(error), error)
}

/**
 * Bisects the number of steps. It assumes that what fails at n steps fails at more; where
 * that is wrong the result is still a failing run, only not the shortest.
 */
function shrink(options: SimulateOptions, first: SimulationFailure): SimulationFailure {
  let shortest = first
  let passing = -1
  while (shortest.state.safetySteps - passing > 1) {
    const middle = Math.floor((passing + shortest.state.safetySteps) / 2)
    const { failure } = runOnce(options, first.state.seed, middle)
    if (failure) shortest = failure
    else passing = middle
  }
  return shortest
}
