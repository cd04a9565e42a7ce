import { compareBytes } from '@vudo/wire'
import { ID_BYTES } from '../limits.ts'
import { assertU64 } from './entry.ts'
import { assertLength, LEAST_ID } from './ids.ts'
import { comparePaths, emptyPath, type Path } from './path.ts'

/**
 * From `start` on, up to and without `end`. It is never empty: `end` is greater than
 * `start` (Willow, "Grouping entries").
 */
export interface Range<Value> {
  readonly start: Value
  /** `undefined` in an open range, which has no end. */
  readonly end: Value | undefined
}

/** A range of timestamps. */
export type TimeRange = Range<bigint>

/** A range of paths. */
export type PathRange = Range<Path>

/** A range of subspace ids, each 32 bytes. */
export type SubspaceRange = Range<Uint8Array>

/** What can be asked of ranges over one kind of value. */
export interface RangeKind<Value> {
  /** The range of every value. */
  readonly full: Range<Value>
  /**
   * A frozen range.
   *
   * @throws `RangeError` when `end` is not greater than `start` or a value is out of range.
   */
  create(start: Value, end?: Value): Range<Value>
  /** Orders two values: a negative number, 0 or a positive number. */
  compare(a: Value, b: Value): number
  /** Tells whether `value` lies in `range`. */
  includes(range: Range<Value>, value: Value): boolean
  /** Tells whether all of `inner` lies in `outer`. */
  contains(outer: Range<Value>, inner: Range<Value>): boolean
  /** What lies in both; `undefined` when nothing does. */
  intersect(a: Range<Value>, b: Range<Value>): Range<Value> | undefined
  /** Tells whether both start and end at the same values. */
  equal(a: Range<Value>, b: Range<Value>): boolean
}

function rangeKind<Value>(init: {
  readonly least: Value
  readonly compare: (a: Value, b: Value) => number
  readonly assert: (value: Value) => void
}): RangeKind<Value> {
  const { least, compare, assert } = init
  const kind: RangeKind<Value> = {
    full: Object.freeze({ start: least, end: undefined }),
    compare,
    create(start, end) {
      assert(start)
      if (end !== undefined) {
        assert(end)
        if (compare(start, end) >= 0) throw new RangeError('a range ends after its start')
      }
      return Object.freeze({ start, end })
    },
    includes: (range, value) =>
      compare(range.start, value) <= 0 &&
      (range.end === undefined || compare(value, range.end) < 0),
    contains: (outer, inner) =>
      compare(outer.start, inner.start) <= 0 &&
      (outer.end === undefined || (inner.end !== undefined && compare(inner.end, outer.end) <= 0)),
    intersect(a, b) {
      const start = compare(a.start, b.start) >= 0 ? a.start : b.start
      const end = earlier(a.end, b.end, compare)
      if (end !== undefined && compare(start, end) >= 0) return undefined
      return Object.freeze({ start, end })
    },
    equal: (a, b) => kind.contains(a, b) && kind.contains(b, a),
  }
  return Object.freeze(kind)
}

function earlier<Value>(
  a: Value | undefined,
  b: Value | undefined,
  compare: (a: Value, b: Value) => number,
): Value | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  return compare(a, b) <= 0 ? a : b
}

/** Ranges of timestamps, which are U64s. */
export const timeRanges: RangeKind<bigint> = rangeKind({
  least: 0n,
  compare(a: bigint, b: bigint) {
    if (a === b) return 0
    return a < b ? -1 : 1
  },
  assert: (value) => assertU64(value, 'timestamp'),
})

/** Ranges of paths. */
export const pathRanges: RangeKind<Path> = rangeKind({
  least: emptyPath,
  compare: comparePaths,
  assert(value) {
    if (!(value.sortKey instanceof Uint8Array)) throw new TypeError('not a path')
  },
})

/** Ranges of subspace ids. */
export const subspaceRanges: RangeKind<Uint8Array> = rangeKind({
  least: LEAST_ID,
  compare: compareBytes,
  assert: (value) => assertLength(value, ID_BYTES, 'subspace id'),
})
