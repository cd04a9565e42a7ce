/**
 * Capabilities that can be handed on and narrowed: Meadowcap, with the paths,
 * entries, areas and encodings of Willow'25.
 *
 * @packageDocumentation
 */
export {
  createAreaOfInterest,
  intersectAreasOfInterest,
  selectOfInterest,
  type AreaOfInterest,
  type AreaOfInterestInit,
} from './data/area-of-interest.ts'
export {
  areaIncludes,
  areaIncludesEntry,
  areasEqual,
  areaTo3dRange,
  createArea,
  fullArea,
  intersectAreas,
  subspaceArea,
  type Area,
  type AreaInit,
} from './data/area.ts'
export {
  comparePlaces,
  compareRecency,
  createEntry,
  entriesEqual,
  isNewer,
  prunes,
  type Entry,
} from './data/entry.ts'
export { compareIds, idSuccessor, LEAST_ID } from './data/ids.ts'
export { joinEntries } from './data/join.ts'
export { parsePath } from './data/parse-path.ts'
export {
  arePathsRelated,
  commonPrefixLength,
  comparePaths,
  createPath,
  emptyPath,
  extendPath,
  isPathPrefix,
  pathFromSortKey,
  pathPrefix,
  pathPrefixes,
  pathsEqual,
  pathSuffix,
  type Path,
} from './data/path.ts'
export { prefixSuccessor } from './data/prefix-successor.ts'
export {
  full3dRange,
  intersect3dRanges,
  range3dIncludes,
  range3dIncludesEntry,
  ranges3dEqual,
  type Range3d,
} from './data/range-3d.ts'
export {
  pathRanges,
  subspaceRanges,
  timeRanges,
  type PathRange,
  type Range,
  type RangeKind,
  type SubspaceRange,
  type TimeRange,
} from './data/range.ts'
export { timestampFromUnixMs, timestampToUnixMs } from './data/timestamp.ts'
export {
  isMeadowcapError,
  MeadowcapError,
  type MeadowcapErrorCode,
  type MeadowcapErrorOptions,
} from './errors.ts'
export * from './limits.ts'
