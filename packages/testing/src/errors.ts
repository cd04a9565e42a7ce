import { VudoError } from '@vudo/transport'

/** Stable reasons why a simulation or a wait can fail. */
export type TestingErrorCode =
  /** An invariant did not hold after a step. The message has its name and what it said. */
  | 'ERR_INVARIANT_BROKEN'
  /** A node threw. Cores never throw for what a peer, a disk or a clock does; `cause` is what was thrown. */
  | 'ERR_NODE_THREW'
  /** What `run` waited for did not happen in the virtual time or the number of steps given. */
  | 'ERR_NOT_REACHED'
  /** The test's own code failed after or between runs, for example an `expect`; `cause` is what was thrown. */
  | 'ERR_RUN_FAILED'
  /** A condition did not become true, or a promise did not settle, in time. */
  | 'ERR_WAIT_TIMEOUT'

/** Where a simulation stood when it failed. */
export interface SimulationState {
  readonly seed: number
  /** Steps taken, both modes together. */
  readonly steps: number
  /** Steps of safety mode: what `stepLimit` has to be to fail in the same way. */
  readonly safetySteps: number
  readonly faults: number
  /** The last lines of the trace, oldest first. */
  readonly traceTail: readonly string[]
}

/** A failed simulation: its message has the seed, the steps, the faults, and how to repeat it. */
export class SimulationFailure extends VudoError {
  override readonly name = 'SimulationFailure'
  declare readonly code: TestingErrorCode
  /** See {@link SimulationState}. */
  readonly state: SimulationState
  /** What failed, without the numbers. */
  readonly what: string

  constructor(
    code: TestingErrorCode,
    what: string,
    options: { readonly state: SimulationState; readonly cause?: unknown },
  ) {
    const { state, cause } = options
    super(code, failureText(what, state), {
      ...(cause === undefined ? {} : { cause }),
      hint: repeatText(state),
    })
    this.state = state
    this.what = what
  }
}

/** What `waitFor` and `withTimeout` throw. */
export class WaitTimeoutError extends VudoError {
  override readonly name = 'WaitTimeoutError'
  declare readonly code: 'ERR_WAIT_TIMEOUT'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_WAIT_TIMEOUT', message, {
      ...options,
      hint: 'raise timeoutMs when the machine is slow, else look at what should have happened',
    })
  }
}

function failureText(what: string, state: SimulationState): string {
  return [
    `seed ${state.seed}, steps ${state.safetySteps}, faults ${state.faults}: ${what}`,
    repeatText(state),
    'the last steps:',
    ...state.traceTail.map((line) => `  ${line}`),
  ].join('\n')
}

function repeatText({ seed, safetySteps }: SimulationState): string {
  return `repeat it with simulate({ seeds: [${seed}], stepLimit: ${safetySteps}, run })`
}
