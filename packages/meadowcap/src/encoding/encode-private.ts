/**
 * Private encodings: paths and areas relative to something that both ends know and
 * nobody else should learn (Willow "Encodings", private encodings). Relative tokens
 * use them with the entry as what is known.
 */
import { createArea, type Area } from '../data/area.ts'
import {
  arePathsRelated,
  commonPrefixLength,
  isPathPrefix,
  pathPrefix,
  type Path,
} from '../data/path.ts'
import { timeRanges } from '../data/range.ts'
import { ID_BYTES } from '../limits.ts'
import { readCompactCount, writeCompactU64 } from './compact-u64.ts'
import type { Cursor } from './cursor.ts'
import {
  checkTimeFlags,
  readTimes,
  sameSubspaces,
  timesInTimes,
  writeTimes,
} from './encode-area.ts'
import { readPathExtends, writePathExtends } from './encode-path.ts'
import type { Sink } from './sink.ts'

/** A path that both ends know, and a prefix of what is written. */
export interface PrivatePathContext {
  /** Related to the path that is written. */
  readonly privatePath: Path
  /** A prefix of the path that is written. */
  readonly reference: Path
}

/**
 * Writes `EncodePrivatePathExtendsPath`.
 *
 * @throws `RangeError` when the paths are not related as {@link PrivatePathContext} says.
 */
export function writePrivatePath(sink: Sink, path: Path, context: PrivatePathContext): void {
  const { privatePath, reference } = context
  if (!arePathsRelated(path, privatePath) || !isPathPrefix(reference, path)) {
    throw new RangeError('the path is not related to its context')
  }
  if (privatePath.length <= reference.length) {
    writePathExtends(sink, path, reference)
    return
  }
  const shared = commonPrefixLength(path, privatePath)
  writeCompactU64(sink, shared)
  if (shared === privatePath.length) writePathExtends(sink, path, privatePath)
}

/** Reads `EncodePrivatePathExtendsPath`. Throws as every reader. */
export function readPrivatePath(cursor: Cursor, context: PrivatePathContext): Path {
  const { privatePath, reference } = context
  if (privatePath.length <= reference.length) return readPathExtends(cursor, reference)
  const start = cursor.offset
  const limit = { max: privatePath.length, what: 'components of the private path' }
  const shared = readCompactCount(cursor, { tag: cursor.byte(), width: 8 }, limit)
  if (shared < reference.length) throw cursor.error('the path does not extend its reference', start)
  const path = pathPrefix(privatePath, shared)
  if (!isPathPrefix(reference, path)) throw cursor.error('the reference is not related', start)
  return shared < privatePath.length ? path : readPathExtends(cursor, privatePath)
}

/** What an area is written relative to: a private path, and an area that almost includes it. */
export interface PrivateAreaContext {
  readonly privatePath: Path
  /** Includes the area but for the subspace, which may be any in the area. */
  readonly reference: Area
}

/** Writes `EncodePrivateAreaAlmostInArea`. Throws as {@link writePrivatePath}. */
export function writePrivateArea(sink: Sink, area: Area, context: PrivateAreaContext): void {
  const { privatePath, reference } = context
  if (!timeRanges.contains(reference.times, area.times)) {
    throw new RangeError('the reference does not include the times')
  }
  const isOther = !sameSubspaces(area.subspaceId, reference.subspaceId)
  const times = timesInTimes(area.times, reference.times)
  sink.byte((isOther ? 0x80 : 0) | (area.subspaceId === undefined ? 0x40 : 0) | times.bits)
  if (isOther && area.subspaceId !== undefined) sink.bytes(area.subspaceId)
  writeTimes(sink, times)
  writePrivatePath(sink, area.path, { privatePath, reference: reference.path })
}

/** Reads `EncodePrivateAreaAlmostInArea`. Throws as every reader. */
export function readPrivateArea(cursor: Cursor, context: PrivateAreaContext): Area {
  const { privatePath, reference } = context
  const header = cursor.byte()
  // Without a bit of its own: open times keep the flag of the end at 0 in an open reference.
  const isOpen = reference.times.end === undefined && (header & 0x10) === 0
  const timesContext = { isOpen, reference: reference.times }
  checkTimeFlags(cursor, header, timesContext)
  const subspaceId = readPrivateSubspace(cursor, header, reference.subspaceId)
  const times = readTimes(cursor, header, timesContext)
  const path = readPrivatePath(cursor, { privatePath, reference: reference.path })
  return createArea({ subspaceId, path, times })
}

function readPrivateSubspace(
  cursor: Cursor,
  header: number,
  reference: Uint8Array | undefined,
): Uint8Array | undefined {
  const at = cursor.offset - 1
  const isOther = (header & 0x80) !== 0
  const isAny = (header & 0x40) !== 0
  const subspaceId = isOther && !isAny ? cursor.take(ID_BYTES) : isAny ? undefined : reference
  if (isAny !== (subspaceId === undefined) || isOther === sameSubspaces(subspaceId, reference)) {
    throw cursor.error('the flags of the subspace contradict it', at)
  }
  return subspaceId
}
