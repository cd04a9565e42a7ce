/**
 * Capabilities that can be handed on and narrowed: Meadowcap, with the paths,
 * entries, areas and encodings of Willow'25.
 *
 * @packageDocumentation
 */
export { authoriseEntry } from './capability/authorise.ts'
export { capabilityId, expiryOf, isExpired } from './capability/capability-id.ts'
export { Capability, type CapabilityFunctions } from './capability/capability-names.ts'
export {
  createCapabilityStore,
  type CapabilityQuery,
  type CapabilityStore,
  type CapabilityStoreInit,
} from './capability/capability-store.ts'
export {
  grantedArea,
  isCommunalNamespace,
  receiverOf,
  type AccessMode,
  type AuthorisationToken,
  type CapabilityFields,
  type CommunalCapability,
  type Delegation,
  type EnumerationCapability,
  type EnumerationDelegation,
  type McCapability,
  type OwnedCapability,
} from './capability/capability.ts'
export {
  createEnumerationCapability,
  createRootCapability,
  delegateCapability,
  delegateEnumerationCapability,
  grantCapability,
  type DelegateOptions,
  type GrantOptions,
  type RootCapabilityInit,
} from './capability/create-capability.ts'
export {
  DEFAULT_ID,
  defaultEntry,
  defaultToken,
  EMPTY_PAYLOAD_DIGEST,
} from './capability/defaults.ts'
export {
  createNamespaceKey,
  createUserKey,
  deriveCommunalNamespace,
  type NamespaceKeyInit,
} from './capability/keys.ts'
export {
  createRevocationList,
  type RevocationList,
  type RevocationListInit,
  type Revocations,
} from './capability/revocation-list.ts'
export type { SignatureCheck } from './capability/signature-checks.ts'
export type { Signer } from './capability/signer.ts'
export {
  createVerifier,
  isAuthorisedWrite,
  isValidCapability,
  isValidEnumerationCapability,
  type AuthorisedEntry,
  type Verifier,
  type VerifierInit,
  type WriteDenial,
} from './capability/verifier.ts'
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
  type EntryPlace,
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
  compactTag,
  readCompactBody,
  readCompactCount,
  readCompactU64,
  writeCompactBody,
  writeCompactU64,
  type CountLimit,
  type TagWidth,
} from './encoding/compact-u64.ts'
export {
  createCursor,
  decodePart,
  decodeWhole,
  readCanonical,
  type Codec,
  type Cursor,
  type Decoded,
  type Reader,
} from './encoding/cursor.ts'
export {
  encodeAreaInArea,
  readAreaInArea,
  readCanonicalAreaInArea,
  writeAreaInArea,
} from './encoding/encode-area.ts'
export {
  decodeCapability,
  encodeCapability,
  readCanonicalCapability,
  readCapability,
  readEnumerationCapability,
  writeCapability,
  writeEnumerationCapability,
} from './encoding/encode-capability.ts'
export {
  readEntryInRange,
  writeEntryInRange,
  type NamespaceRange,
} from './encoding/encode-entry-in-range.ts'
export {
  encodeEntry,
  readCanonicalEntry,
  readEntry,
  readEntryRelative,
  writeEntry,
  writeEntryRelative,
} from './encoding/encode-entry.ts'
export {
  encodePath,
  readCanonicalPath,
  readCanonicalPathExtends,
  readCanonicalPathRelative,
  readPath,
  readPathExtends,
  readPathRelative,
  writePath,
  writePathExtends,
  writePathRelative,
} from './encoding/encode-path.ts'
export {
  readPrivateArea,
  readPrivatePath,
  writePrivateArea,
  writePrivatePath,
  type PrivateAreaContext,
  type PrivatePathContext,
} from './encoding/encode-private.ts'
export { read3dRangeRelative, write3dRangeRelative } from './encoding/encode-range-3d.ts'
export {
  readToken,
  readTokenRelative,
  writeToken,
  writeTokenRelative,
  type TokenContext,
} from './encoding/encode-token.ts'
export { createSink, encodeWith, type Sink } from './encoding/sink.ts'
export {
  isMeadowcapError,
  MeadowcapError,
  type MeadowcapErrorCode,
  type MeadowcapErrorOptions,
} from './errors.ts'
export * from './limits.ts'
