/**
 * Checks Ed25519 signatures in batches, off the main thread and a few at a time.
 *
 * The platform checks a signature on a thread of its own pool (in Node that of libuv, which
 * also reads files), so no worker is needed: on an AMD EPYC under Node 24 that takes 150 to 175 µs of
 * CPU time, as with workers, which would cost copies besides, and 140 on the main thread, which
 * would do nothing else meanwhile. But what is handed to that pool waits in one row with the
 * reads of files: behind 500 signatures at once a file comes 20 ms late on four cores, 40 on two.
 */
import { verifyEd25519Async } from '@vudo/identity'
import type { SignatureCheck } from '@vudo/meadowcap'
import { DEFAULT_RUNNING_CHECKS, MAX_RUNNING_CHECKS } from '../limits.ts'

/** What {@link createVerifyPool} takes. */
export interface VerifyPoolInit {
  /**
   * Signatures checked at a time, 1 to 128. More than the platform has threads for this
   * gains nothing and lets reads of files wait.
   *
   * @defaultValue 4, as many as libuv has threads
   */
  readonly maxRunning?: number | undefined
  /** How one signature is checked; strict Ed25519 on another thread when left out. Never rejects. */
  readonly verifyAsync?: ((check: SignatureCheck) => Promise<boolean>) | undefined
}

/**
 * Checks signatures for everybody in the process. Batches take turns, one signature each, so
 * that a large one does not hold up the others.
 *
 * What waits is held by those who wait for it: a batch takes no copies and its array, keys,
 * messages and signatures must not change before it has settled.
 */
export interface VerifyPool {
  /** Signatures that are being checked now. */
  readonly running: number
  /** Signatures that wait for their turn. */
  readonly waiting: number
  /** Tells whether one signature is right. Never rejects. To be given to `createVerifier` as `verifyAsync`. */
  verify(check: SignatureCheck): Promise<boolean>
  /** Tells of each check whether it is right, in their order. Never rejects. */
  verifyMany(checks: readonly SignatureCheck[]): Promise<readonly boolean[]>
}

/**
 * A pool of its own. It holds no threads, so there is nothing to close.
 *
 * @throws `RangeError` when `maxRunning` is out of range.
 */
export function createVerifyPool(init: VerifyPoolInit = {}): VerifyPool {
  return new Pool(init)
}

let shared: VerifyPool | undefined

/** The pool for all stores of the process: the threads below are shared, too. */
export function sharedVerifyPool(): VerifyPool {
  shared ??= createVerifyPool()
  return shared
}

/** Checks that belong together, and where they stand. */
interface Batch {
  readonly checks: readonly SignatureCheck[]
  readonly answers: boolean[]
  /** The first check that nobody has begun. */
  begun: number
  /** Checks without an answer. */
  open: number
  readonly settle: (answers: readonly boolean[]) => void
}

class Pool implements VerifyPool {
  readonly #maxRunning: number
  readonly #verifyAsync: (check: SignatureCheck) => Promise<boolean>
  /** Batches with checks that nobody has begun; the one whose turn it is first. A set keeps the order and forgets cheaply. */
  readonly #batches = new Set<Batch>()
  #running = 0
  #waiting = 0

  constructor({
    maxRunning = DEFAULT_RUNNING_CHECKS,
    verifyAsync = verifyStrictly,
  }: VerifyPoolInit) {
    if (!Number.isInteger(maxRunning) || maxRunning < 1 || maxRunning > MAX_RUNNING_CHECKS) {
      throw new RangeError(`maxRunning is ${maxRunning}, expected 1 to ${MAX_RUNNING_CHECKS}`)
    }
    this.#maxRunning = maxRunning
    this.#verifyAsync = verifyAsync
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting
  }

  async verify(check: SignatureCheck): Promise<boolean> {
    const [answer = false] = await this.verifyMany([check])
    return answer
  }

  async verifyMany(checks: readonly SignatureCheck[]): Promise<readonly boolean[]> {
    if (checks.length === 0) return []
    return new Promise((settle) => {
      const { length } = checks
      const answers = Array.from({ length }, () => false)
      this.#batches.add({ checks, answers, begun: 0, open: length, settle })
      this.#waiting += length
      this.#fill()
    })
  }

  #fill(): void {
    for (const batch of this.#batches) {
      if (this.#running >= this.#maxRunning) return
      this.#batches.delete(batch)
      const index = batch.begun++
      // Back to the end of the row: this loop comes to it again when others had their turn.
      if (batch.begun < batch.checks.length) this.#batches.add(batch)
      this.#waiting--
      this.#running++
      void this.#check(batch, index)
    }
  }

  async #check(batch: Batch, index: number): Promise<void> {
    const check = batch.checks[index]
    batch.answers[index] = check !== undefined && (await this.#verifyAsync(check))
    this.#running--
    if (--batch.open === 0) batch.settle(batch.answers)
    this.#fill()
  }
}

async function verifyStrictly(check: SignatureCheck): Promise<boolean> {
  return verifyEd25519Async(check.publicKey, check.message, check.signature)
}
