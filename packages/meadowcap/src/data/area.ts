import { bytesEqual } from '@vudo/wire'
import { ID_BYTES } from '../limits.ts'
import type { EntryPlace } from './entry.ts'
import { assertLength, idSuccessor } from './ids.ts'
import { emptyPath, isPathPrefix, type Path } from './path.ts'
import { prefixSuccessor } from './prefix-successor.ts'
import type { Range3d } from './range-3d.ts'
import { pathRanges, subspaceRanges, timeRanges, type TimeRange } from './range.ts'

/** What people grant and ask for: everything below a path, in one subspace or any, at some times. */
export interface Area {
  /** 32 bytes; `undefined` means any subspace. */
  readonly subspaceId: Uint8Array | undefined
  /** The area holds what stands at this path and below it. */
  readonly path: Path
  readonly times: TimeRange
}

/** What {@link createArea} takes; what is left out does not restrict. */
export interface AreaInit {
  /** 32 bytes; shared, not copied. Any subspace when left out. */
  readonly subspaceId?: Uint8Array | undefined
  readonly path?: Path | undefined
  readonly times?: TimeRange | undefined
}

/** The area of every entry. */
export const fullArea: Area = createArea()

/**
 * A frozen area.
 *
 * @throws `RangeError` when the subspace id has another length or the times are empty.
 */
export function createArea(init: AreaInit = {}): Area {
  const { subspaceId, path = emptyPath, times = timeRanges.full } = init
  if (subspaceId !== undefined) assertLength(subspaceId, ID_BYTES, 'subspaceId')
  return Object.freeze({ subspaceId, path, times: timeRanges.create(times.start, times.end) })
}

/** The area of everything in one subspace. */
export function subspaceArea(subspaceId: Uint8Array): Area {
  return createArea({ subspaceId })
}

/** Tells whether `entry` lies in `area`. The namespace is not part of an area: compare it as well. */
export function areaIncludesEntry(area: Area, entry: EntryPlace): boolean {
  return (
    timeRanges.includes(area.times, entry.timestamp) &&
    (area.subspaceId === undefined || bytesEqual(area.subspaceId, entry.subspaceId)) &&
    isPathPrefix(area.path, entry.path)
  )
}

/** Tells whether all of `inner` lies in `outer`. */
export function areaIncludes(outer: Area, inner: Area): boolean {
  return (
    (outer.subspaceId === undefined || sameSubspace(outer.subspaceId, inner.subspaceId)) &&
    isPathPrefix(outer.path, inner.path) &&
    timeRanges.contains(outer.times, inner.times)
  )
}

/** Tells whether both hold the same. */
export function areasEqual(a: Area, b: Area): boolean {
  return areaIncludes(a, b) && areaIncludes(b, a)
}

/** What lies in both; `undefined` when nothing does. */
export function intersectAreas(a: Area, b: Area): Area | undefined {
  const subspaceId = a.subspaceId ?? b.subspaceId
  if (b.subspaceId !== undefined && !sameSubspace(b.subspaceId, subspaceId)) return undefined
  const path = a.path.length >= b.path.length ? a.path : b.path
  if (!isPathPrefix(a.path, path) || !isPathPrefix(b.path, path)) return undefined
  const times = timeRanges.intersect(a.times, b.times)
  return times === undefined ? undefined : Object.freeze({ subspaceId, path, times })
}

/** The box of exactly the entries of `area`. */
export function areaTo3dRange(area: Area): Range3d {
  const { subspaceId, path, times } = area
  const subspaces =
    subspaceId === undefined
      ? subspaceRanges.full
      : subspaceRanges.create(subspaceId, idSuccessor(subspaceId))
  return Object.freeze({ subspaces, paths: pathRanges.create(path, prefixSuccessor(path)), times })
}

function sameSubspace(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && bytesEqual(a, b)
}
