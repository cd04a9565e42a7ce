import { MAX_U64 } from '../limits.ts'
import type { Cursor } from './cursor.ts'

/** `base + difference`. @throws `MeadowcapError` `ERR_WILLOW_ENCODING` when that is no U64. */
export function addTime(cursor: Cursor, base: bigint, difference: bigint): bigint {
  const sum = base + difference
  if (sum > MAX_U64) throw cursor.error('a timestamp is greater than 2^64 - 1')
  return sum
}

/** `base - difference`. @throws `MeadowcapError` `ERR_WILLOW_ENCODING` when that is no U64. */
export function subtractTime(cursor: Cursor, base: bigint, difference: bigint): bigint {
  if (difference > base) throw cursor.error('a timestamp is less than 0')
  return base - difference
}

/** A base and the way from it to a timestamp. */
export interface TimeStep {
  /** Whether it counts from the start of the reference, or from its end. */
  readonly fromStart: boolean
  /** Absolute. */
  readonly difference: bigint
}

/**
 * Which bound of a reference is nearer to `time`.
 *
 * @param end - `undefined` when the reference is open: then only its start will do.
 * @param tieToStart - What equal distances choose; the encodings differ in it.
 */
export function nearerBound(
  time: bigint,
  reference: { readonly start: bigint; readonly end: bigint | undefined },
  tieToStart: boolean,
): TimeStep {
  const fromStart = distance(time, reference.start)
  if (reference.end === undefined) return { fromStart: true, difference: fromStart }
  const fromEnd = distance(time, reference.end)
  const isStart = tieToStart ? fromStart <= fromEnd : fromStart < fromEnd
  return { fromStart: isStart, difference: isStart ? fromStart : fromEnd }
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a
}
