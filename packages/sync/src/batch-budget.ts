import { SyncError } from './errors.ts'
import {
  FEW_INFLATED_BYTES,
  FEW_OPERATIONS,
  MAX_BATCH_OPERATIONS,
  MAX_INFLATE_RATIO,
  MAX_INFLATED_BYTES,
  MAX_OPERATIONS_PER_BYTE,
} from './limits.ts'

/**
 * What one received batch may become, however many chunks and columns it has and
 * however deep they are compressed into each other. Each level alone may be within
 * its ratio: three levels of 100 are a million, so all of them draw on one sum.
 */
export interface BatchBudget {
  /** Bytes that may still be inflated. */
  readonly inflatedLeft: number
  /** Operations that may still come. */
  readonly operationsLeft: number
  /** Operations that were counted. */
  readonly operationsTaken: number
  /** Takes bytes that were inflated. @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE` */
  takeInflated(bytes: number): void
  /** Takes operations, or changes without any. @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE` */
  takeOperations(count: number): void
  /** Takes bytes of names that one run writes out many times. @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE` */
  takeNames(bytes: number): void
}

/** The budget of a batch that came in so many bytes: its changes as they were received, before any inflating. */
export function createBatchBudget(wireBytes: number): BatchBudget {
  const inflated = new Account(
    'inflated bytes',
    wireBytes,
    limitOf(wireBytes * MAX_INFLATE_RATIO, FEW_INFLATED_BYTES, MAX_INFLATED_BYTES),
  )
  const operations = new Account(
    'operations',
    wireBytes,
    limitOf(wireBytes * MAX_OPERATIONS_PER_BYTE, FEW_OPERATIONS, MAX_BATCH_OPERATIONS),
  )
  // Names cost nothing until a document is read out; then they cost what they are long.
  const names = new Account('bytes of names', wireBytes, MAX_INFLATED_BYTES)
  return {
    get inflatedLeft() {
      return inflated.left
    },
    get operationsLeft() {
      return operations.left
    },
    get operationsTaken() {
      return operations.taken
    },
    takeInflated: (bytes) => inflated.take(bytes),
    takeOperations: (count) => operations.take(count),
    takeNames: (bytes) => names.take(bytes),
  }
}

function limitOf(byRatio: number, few: number, most: number): number {
  return Math.max(few, Math.min(most, byRatio))
}

class Account {
  readonly #what: string
  readonly #wireBytes: number
  readonly #limit: number
  left: number

  constructor(what: string, wireBytes: number, limit: number) {
    this.#what = what
    this.#wireBytes = wireBytes
    this.#limit = limit
    this.left = limit
  }

  get taken(): number {
    return this.#limit - this.left
  }

  take(count: number): void {
    if (count > this.left) throw tooMuch(this.#limit, this.#what, this.#wireBytes)
    this.left -= count
  }
}

function tooMuch(limit: number, what: string, wireBytes: number): SyncError {
  return new SyncError(
    'ERR_DOCUMENT_TOO_LARGE',
    `a batch of ${wireBytes} bytes holds more than ${limit} ${what}`,
    { hint: 'split the document, or make smaller edits' },
  )
}
