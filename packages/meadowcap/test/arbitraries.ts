import fc from 'fast-check'
import {
  createArea,
  createEntry,
  createPath,
  MAX_U64,
  pathRanges,
  subspaceRanges,
  timeRanges,
  type Area,
  type Entry,
  type Path,
  type Range,
  type Range3d,
  type RangeKind,
} from '@vudo/meadowcap'

/** An id or digest that is told apart by one byte: collisions are what finds mistakes. */
export function idOf(value: number): Uint8Array {
  return new Uint8Array(32).fill(value)
}

/** Two subspaces, and the greatest id. */
export const tinyId: fc.Arbitrary<Uint8Array> = fc.constantFrom(0, 1, 0xff).map(idOf)

/** Paths of up to three components over few and awkward components. */
export const tinyPath: fc.Arbitrary<Path> = fc
  .array(fc.constantFrom('', 'a', 'b', '\0', 'a\0', 'ab'), { maxLength: 3 })
  .map(createPath)

/** Paths of any bytes. */
export const anyPath: fc.Arbitrary<Path> = fc
  .array(fc.uint8Array({ maxLength: 20 }), { maxLength: 15 })
  .map(createPath)

/** Numbers at which the width of a compact code changes, and any other. */
export const u64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 70n }),
  fc.constantFrom(251n, 252n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n),
  fc.constantFrom(MAX_U64 - 1n, MAX_U64),
  fc.bigInt({ min: 0n, max: MAX_U64 }),
)

/** Entries of one namespace that overwrite and prune each other all the time. */
export const tinyEntry: fc.Arbitrary<Entry> = fc
  .record({
    namespaceId: fc.constant(idOf(7)),
    subspaceId: fc.constantFrom(0, 1).map(idOf),
    path: fc.array(fc.constantFrom('a', 'b'), { maxLength: 3 }).map(createPath),
    timestamp: fc.bigInt({ min: 0n, max: 2n }),
    payloadLength: fc.bigInt({ min: 0n, max: 1n }),
    payloadDigest: fc.constantFrom(0, 1, 2).map(idOf),
  })
  .map(createEntry)

/** Entries of any ids, paths and numbers. */
export const anyEntry: fc.Arbitrary<Entry> = fc
  .record({
    namespaceId: tinyId,
    subspaceId: tinyId,
    path: fc.oneof(tinyPath, anyPath),
    timestamp: u64,
    payloadLength: u64,
    payloadDigest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  })
  .map(createEntry)

function rangeOver<Value>(
  kind: RangeKind<Value>,
  values: fc.Arbitrary<Value>,
): fc.Arbitrary<Range<Value>> {
  return fc.tuple(values, values, fc.boolean()).map(([a, b, isOpen]) => {
    const order = kind.compare(a, b)
    if (order === 0) return kind.create(a)
    const [start, end] = order < 0 ? [a, b] : [b, a]
    return isOpen ? kind.create(start) : kind.create(start, end)
  })
}

/** Ranges over the given timestamps. */
export function timeRangeOver(times: fc.Arbitrary<bigint>): fc.Arbitrary<Range<bigint>> {
  return rangeOver(timeRanges, times)
}

export const anyRange3d: fc.Arbitrary<Range3d> = fc.record({
  subspaces: rangeOver(subspaceRanges, tinyId),
  paths: rangeOver(pathRanges, fc.oneof(tinyPath, anyPath)),
  times: rangeOver(timeRanges, u64),
})

export function areaOver(times: fc.Arbitrary<bigint>): fc.Arbitrary<Area> {
  return fc
    .record({
      subspaceId: fc.option(tinyId, { nil: undefined }),
      path: tinyPath,
      times: timeRangeOver(times),
    })
    .map(createArea)
}

export const tinyArea: fc.Arbitrary<Area> = areaOver(fc.bigInt({ min: 0n, max: 4n }))
export const anyArea: fc.Arbitrary<Area> = areaOver(u64)
