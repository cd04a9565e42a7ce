import type { Transport, TransportContext } from '@vudo/transport'
import type { Medium } from './medium.ts'
import type { Runtime } from './runtime.ts'

/** What a swarm may be given besides its medium. */
export interface SwarmOptions {
  /**
   * Clock, timers and randomness.
   *
   * @defaultValue the platform's.
   */
  readonly runtime?: Runtime | undefined
}

export function createSwarm(
  medium: Medium,
  context: TransportContext,
  options: SwarmOptions = {},
): Transport {
  throw new Error('being written')
}
