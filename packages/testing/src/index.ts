/**
 * A seeded simulator for peer-to-peer protocols: virtual clock, network that fails,
 * disks that lose power. Beside it small things that tests of networks need: a pair of
 * connections in memory, and waiting with a limit.
 *
 * @packageDocumentation
 */
export type { SimulatedDisk } from './disk.ts'
export {
  SimulationFailure,
  WaitTimeoutError,
  type SimulationState,
  type TestingErrorCode,
} from './errors.ts'
export { defaultFaults, noFaults, type FaultCounts, type Faults, type RangeMs } from './faults.ts'
export * from './limits.ts'
export type { Boot, ConnectionId, NodeEnvironment, SimulatedNode } from './node.ts'
export {
  createConnectionPair,
  createPipePair,
  type ConnectionPair,
  type ConnectionPairOptions,
  type PairOptions,
} from './pair.ts'
export { createRandom, type Random } from './random.ts'
export { simulate, type SimulateOptions, type SimulateSummary } from './simulate.ts'
export {
  createSimulation,
  type RunGoal,
  type Simulation,
  type SimulationInit,
} from './simulation.ts'
export { waitFor, withTimeout, type WaitForOptions } from './waiting.ts'
