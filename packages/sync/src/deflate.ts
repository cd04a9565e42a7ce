import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { createBatchBudget, type BatchBudget } from './batch-budget.ts'
import { SyncError } from './errors.ts'

/** The bytes deflated (RFC 1951), or `undefined` when that gains nothing. */
export function deflateIfSmaller(bytes: Uint8Array): Uint8Array | undefined {
  const deflated = deflateRawSync(bytes)
  // What the far end would refuse is not sent either.
  const isTooDense = bytes.length > createBatchBudget(deflated.length).inflatedLeft
  return deflated.length >= bytes.length || isTooDense ? undefined : new Uint8Array(deflated)
}

/**
 * Inflates what a peer sent. The output is counted while it grows, against what all
 * levels of the batch share, so that a few bytes cannot become many.
 *
 * @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE` for damaged bytes and for an output beyond the budget alike.
 */
export function inflateBounded(bytes: Uint8Array, budget: BatchBudget): Uint8Array {
  const { inflatedLeft } = budget
  // The library knows no limit of 0.
  if (inflatedLeft < 1) budget.takeInflated(1)
  try {
    const inflated = inflateRawSync(bytes, { maxOutputLength: inflatedLeft })
    budget.takeInflated(inflated.length)
    return new Uint8Array(inflated)
  } catch (cause) {
    throw new SyncError(
      'ERR_DOCUMENT_TOO_LARGE',
      `${bytes.length} bytes do not inflate to at most ${inflatedLeft} bytes`,
      { cause },
    )
  }
}
