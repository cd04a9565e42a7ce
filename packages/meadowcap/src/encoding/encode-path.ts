import { MAX_COMPONENTS, MAX_PATH_BYTES } from '../limits.ts'
import {
  commonPrefixLength,
  emptyPath,
  extendPath,
  isPathPrefix,
  pathOfBytes,
  pathPrefix,
  pathSuffix,
  type Path,
} from '../data/path.ts'
import { compactTag, readCompactCount, writeCompactBody, writeCompactU64 } from './compact-u64.ts'
import { readCanonical, type Cursor } from './cursor.ts'
import { encodeWith, type Sink } from './sink.ts'

/** Writes `encode_path`, which is also the code of `EncodePath` that we choose. */
export function writePath(sink: Sink, path: Path): void {
  const { components, totalBytes, length } = path
  sink.byte((compactTag(totalBytes, 4) << 4) | compactTag(length, 4))
  writeCompactBody(sink, totalBytes, 4)
  writeCompactBody(sink, length, 4)
  for (const [index, component] of components.entries()) {
    // The length of the last one is what is left of the total.
    if (index < length - 1) writeCompactU64(sink, component.length)
    sink.bytes(component)
  }
}

/** The bytes of `encode_path`. */
export function encodePath(path: Path): Uint8Array {
  return encodeWith((sink) => writePath(sink, path))
}

/** Reads `EncodePath`: a path by itself, with any valid tags. Throws as every reader. */
export function readPath(cursor: Cursor): Path {
  return readPathAfter(cursor, emptyPath)
}

/** Reads `encode_path`: as {@link readPath}, and only the canonical code. */
export function readCanonicalPath(cursor: Cursor): Path {
  return readCanonical(cursor, { read: readPath, write: writePath })
}

/** Writes `path_rel_path`: how many components both share, and the rest of `path`. */
export function writePathRelative(sink: Sink, path: Path, reference: Path): void {
  const shared = commonPrefixLength(path, reference)
  writeCompactU64(sink, shared)
  writePath(sink, pathSuffix(path, shared))
}

/** Reads `EncodePathRelativePath`. Throws as every reader. */
export function readPathRelative(cursor: Cursor, reference: Path): Path {
  const limit = { max: reference.length, what: 'shared components' }
  const shared = readCompactCount(cursor, { tag: cursor.byte(), width: 8 }, limit)
  return readPathAfter(cursor, pathPrefix(reference, shared))
}

/** Reads `path_rel_path`: as {@link readPathRelative}, and only the canonical code. */
export function readCanonicalPathRelative(cursor: Cursor, reference: Path): Path {
  return readCanonical(cursor, {
    read: (from) => readPathRelative(from, reference),
    write: (sink, path) => writePathRelative(sink, path, reference),
  })
}

/**
 * Writes `path_extends_path`: what follows in `path` after `prefix`.
 *
 * @throws `RangeError` when `prefix` is no prefix of `path`.
 */
export function writePathExtends(sink: Sink, path: Path, prefix: Path): void {
  if (!isPathPrefix(prefix, path)) throw new RangeError('the path does not extend the reference')
  writePath(sink, pathSuffix(path, prefix.length))
}

/** Reads `EncodePathExtendsPath`. Throws as every reader. */
export function readPathExtends(cursor: Cursor, prefix: Path): Path {
  return readPathAfter(cursor, prefix)
}

/** Reads `path_extends_path`: as {@link readPathExtends}, and only the canonical code. */
export function readCanonicalPathExtends(cursor: Cursor, prefix: Path): Path {
  return readCanonical(cursor, {
    read: (from) => readPathExtends(from, prefix),
    write: (sink, path) => writePathExtends(sink, path, prefix),
  })
}

/** Reads the path that follows after `prefix`; the limits are those of the whole. */
function readPathAfter(cursor: Cursor, prefix: Path): Path {
  const header = cursor.byte()
  const total = readCompactCount(
    cursor,
    { tag: header >> 4, width: 4 },
    { max: MAX_PATH_BYTES - prefix.totalBytes, what: 'more bytes in a path' },
  )
  const count = readCompactCount(
    cursor,
    { tag: header & 0xf, width: 4 },
    { max: MAX_COMPONENTS - prefix.length, what: 'more components in a path' },
  )
  if (count === 0) {
    if (total > 0) throw cursor.error(`no component has ${total} bytes`)
    return prefix
  }
  const rest = pathOfBytes(readComponents(cursor, count, total))
  return prefix.length === 0 ? rest : extendPath(prefix, rest)
}

function readComponents(cursor: Cursor, count: number, total: number): Uint8Array[] {
  // Every component but the last has a length of at least one byte: what is allocated is there.
  cursor.require(total + count - 1)
  const components: Uint8Array[] = []
  let left = total
  for (let index = 1; index < count; index++) {
    const limit = { max: left, what: 'bytes in a component of what is left' }
    const length = readCompactCount(cursor, { tag: cursor.byte(), width: 8 }, limit)
    components.push(cursor.view(length))
    left -= length
  }
  components.push(cursor.view(left))
  return components
}
