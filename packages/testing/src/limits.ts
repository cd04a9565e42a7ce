/** Every bound of the simulator, with its unit and reason. */

/** Steps of safety mode where `stepLimit` is left out: some seconds of real time for a quick core. */
export const DEFAULT_STEP_LIMIT = 100_000

/** Steps of liveness mode; a core that needs more is talking to itself without end. */
export const CALM_STEP_LIMIT = 1_000_000

/** Virtual milliseconds that a `run` with a goal may take where `withinMs` is left out: ten minutes. */
export const DEFAULT_WITHIN_MS = 600_000

/** Lines of the trace that are kept for the message of a failure. */
export const TRACE_TAIL_LINES = 30

/** Milliseconds that `waitFor` waits where `timeoutMs` is left out: far above what a slow machine needs. */
export const DEFAULT_WAIT_MS = 15_000

/** Milliseconds between two looks of `waitFor` at its condition. */
export const WAIT_POLL_MS = 5

/** Bytes that one direction of a pair holds for a far end that does not read; beyond it `send` stays pending. */
export const PAIR_BUFFER_BYTES = 65_536
