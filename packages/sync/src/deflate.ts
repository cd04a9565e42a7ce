import { deflateRaw, inflateRaw } from '#zlib'
import { createBatchBudget, type BatchBudget } from './batch-budget.ts'
import { SyncError } from './errors.ts'
import type { DeflateInit } from './zlib.ts'

/** The bytes deflated (RFC 1951), or `undefined` when that gains nothing. */
export function deflateIfSmaller(bytes: Uint8Array): Uint8Array | undefined {
  return ifSmaller(bytes, {})
}

/** As {@link deflateIfSmaller}, for few bytes many times: most of the time of the usual settings goes into clearing memory. */
export function deflateLiveEdits(bytes: Uint8Array): Uint8Array | undefined {
  return ifSmaller(bytes, { isLive: true })
}

function ifSmaller(bytes: Uint8Array, init: DeflateInit): Uint8Array | undefined {
  const deflated = deflateRaw(bytes, init)
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
    const inflated = inflateRaw(bytes, { maxBytes: inflatedLeft })
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

/** The bytes deflated (RFC 1951), with what both ends know as dictionary. */
export function deflateWith(bytes: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  return deflateRaw(bytes, { dictionary })
}

/** Inflates to exactly so many bytes, which the caller has bounded; `undefined` for anything else. */
export function inflateExactly(
  bytes: Uint8Array,
  inflatedBytes: number,
  dictionary?: Uint8Array,
): Uint8Array | undefined {
  if (inflatedBytes < 1) return undefined
  try {
    const inflated = inflateRaw(bytes, { maxBytes: inflatedBytes, dictionary })
    return inflated.length === inflatedBytes ? inflated : undefined
  } catch {
    // A peer's bytes may be anything.
    return undefined
  }
}
