import { createVerifier, type RevocationList, type Verifier } from '@vudo/meadowcap'
import { sharedVerifyPool } from './verify-pool.ts'

/** What {@link createPooledVerifier} takes. */
export interface PooledVerifierInit {
  /** What this node does not accept any more. */
  readonly revocations?: RevocationList | undefined
}

/** A verifier of Meadowcap whose batches are checked in the pool that all stores of the process share. */
export function createPooledVerifier(init: PooledVerifierInit = {}): Verifier {
  return createVerifier({ ...init, verifyAsync: (check) => sharedVerifyPool().verify(check) })
}
