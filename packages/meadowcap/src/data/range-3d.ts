import type { EntryPlace } from './entry.ts'
import {
  pathRanges,
  subspaceRanges,
  timeRanges,
  type PathRange,
  type SubspaceRange,
  type TimeRange,
} from './range.ts'

/** A box of entries of one namespace: what reconciliation compares and splits. */
export interface Range3d {
  readonly subspaces: SubspaceRange
  readonly paths: PathRange
  readonly times: TimeRange
}

/** The range of every entry: all three open, from the least values on. */
export const full3dRange: Range3d = Object.freeze({
  subspaces: subspaceRanges.full,
  paths: pathRanges.full,
  times: timeRanges.full,
})

/** Tells whether `entry` lies in `range` by subspace, path and timestamp. */
export function range3dIncludesEntry(range: Range3d, entry: EntryPlace): boolean {
  return (
    timeRanges.includes(range.times, entry.timestamp) &&
    subspaceRanges.includes(range.subspaces, entry.subspaceId) &&
    pathRanges.includes(range.paths, entry.path)
  )
}

/** Tells whether all of `inner` lies in `outer`. */
export function range3dIncludes(outer: Range3d, inner: Range3d): boolean {
  return (
    timeRanges.contains(outer.times, inner.times) &&
    subspaceRanges.contains(outer.subspaces, inner.subspaces) &&
    pathRanges.contains(outer.paths, inner.paths)
  )
}

/** What lies in both; `undefined` when nothing does. */
export function intersect3dRanges(a: Range3d, b: Range3d): Range3d | undefined {
  const subspaces = subspaceRanges.intersect(a.subspaces, b.subspaces)
  const paths = pathRanges.intersect(a.paths, b.paths)
  const times = timeRanges.intersect(a.times, b.times)
  if (subspaces === undefined || paths === undefined || times === undefined) return undefined
  return Object.freeze({ subspaces, paths, times })
}

/** Tells whether both have the same bounds. */
export function ranges3dEqual(a: Range3d, b: Range3d): boolean {
  return range3dIncludes(a, b) && range3dIncludes(b, a)
}
