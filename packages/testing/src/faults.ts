/** A range of virtual milliseconds, both ends included; each draw is a whole number. */
export type RangeMs = readonly [least: number, most: number]

/** What goes wrong by itself in safety mode, and how slow everything is. Chances are from 0 to 1. */
export interface Faults {
  /** How long a message, an answer to `connect` or the news of a closed connection travels. */
  readonly delayMs: RangeMs
  /** How long the disk takes between `syncDisk` and `diskSynced`. */
  readonly diskSyncDelayMs: RangeMs
  /** Chance per step that one open connection is cut. */
  readonly cutRate: number
  /** Chance per `connect` that it fails although the far end is up. */
  readonly refusalRate: number
  /** Chance per step that some node, and per effect that the acting node, loses power at that moment. */
  readonly crashRate: number
  /** How long a node that lost power by itself stays down. */
  readonly downMs: RangeMs
  /** Chance per step that the nodes are split into two groups. */
  readonly partitionRate: number
  /** How long such a split lasts. */
  readonly partitionMs: RangeMs
}

/** What went wrong, by kind. */
export interface FaultCounts {
  /** Connections cut, by hand, at random, or by a partition. */
  readonly cut: number
  /** Connects that failed by chance. */
  readonly refusal: number
  /** Nodes that lost power. */
  readonly crash: number
  /** Splits of the network. */
  readonly partition: number
}

/** The faults where none are given: a handful of each kind per thousand steps. */
export const defaultFaults: Faults = {
  delayMs: [1, 50],
  diskSyncDelayMs: [1, 30],
  cutRate: 0.01,
  refusalRate: 0.02,
  crashRate: 0.002,
  downMs: [10, 500],
  partitionRate: 0.002,
  partitionMs: [50, 2_000],
}

/** Nothing goes wrong by itself; delays stay. For scenarios whose faults are made by hand. */
export const noFaults: Pick<Faults, 'cutRate' | 'refusalRate' | 'crashRate' | 'partitionRate'> = {
  cutRate: 0,
  refusalRate: 0,
  crashRate: 0,
  partitionRate: 0,
}
