import { compareBytes } from '@vudo/wire'
import { MeadowcapError } from '../errors.ts'
import { MAX_COMPONENT_BYTES, MAX_COMPONENTS, MAX_PATH_BYTES } from '../limits.ts'
import { pathToText } from './path-text.ts'

/**
 * Where an entry stands: a list of components, each a byte string, maybe empty
 * (Willow data model, "Path"). Immutable; equal paths need not be the same object.
 *
 * It is kept as its {@link Path.sortKey}, because comparing two byte strings is what
 * stores and reconciliation do with paths all the time. Components are cut out when
 * asked for.
 */
export interface Path {
  /**
   * The order-preserving form: in every component `00` stands as `00 ff`, every
   * component ends with `00 01`, the path ends with nothing. Bytewise order of sort
   * keys is the order of paths, and one is the beginning of another exactly when
   * the path is its prefix. At most 16,384 bytes. Shared: do not change it.
   */
  readonly sortKey: Uint8Array
  /** Components: 0 to 4,096. */
  readonly length: number
  /** Bytes of all components together: 0 to 4,096. */
  readonly totalBytes: number
  /** The components. Made on first use and shared: do not change them. */
  readonly components: readonly Uint8Array[]
  /** `/blog/idea`, as in Willow URIs: see `parsePath`. */
  toString(): string
}

/**
 * The path of `components`.
 *
 * @param components - Bytes are copied; text is written as UTF-8.
 * @throws `MeadowcapError` `ERR_PATH_LIMIT` when a limit of Willow'25 is exceeded.
 * @throws `TypeError` when a component is neither bytes nor well-formed text.
 */
export function createPath(components: Iterable<string | Uint8Array>): Path {
  return pathOfBytes(Array.from(components, componentBytes))
}

/**
 * The path whose {@link Path.sortKey} is `bytes`, which are copied.
 *
 * @throws `MeadowcapError` `ERR_WILLOW_ENCODING` when they are no path's sort key.
 */
export function pathFromSortKey(bytes: Uint8Array): Path {
  let components = 0
  let total = 0
  let inComponent = 0
  let at = 0
  while (at < bytes.length) {
    if (bytes[at] !== 0) {
      inComponent++
      at++
      continue
    }
    const mark = bytes[at + 1]
    if (mark === 0xff) inComponent++
    else if (mark === 1) {
      // The last check of this component, and the first that knows its length.
      if (inComponent > MAX_COMPONENT_BYTES) throw badSortKey(at, 'a component is too long')
      total += inComponent
      inComponent = 0
      components++
    } else throw badSortKey(at, '00 is followed by neither ff nor 01')
    at += 2
  }
  if (inComponent > 0) throw badSortKey(at, 'the last component has no end')
  if (components > MAX_COMPONENTS) throw badSortKey(at, `${components} components`)
  if (total > MAX_PATH_BYTES) throw badSortKey(at, `${total} bytes in components`)
  return new PathValue(bytes.slice(), components, total)
}

function badSortKey(byteOffset: number, reason: string): MeadowcapError {
  const message = `not the sort key of a path: ${reason}, at byte ${byteOffset}`
  return new MeadowcapError('ERR_WILLOW_ENCODING', message, { byteOffset, reason })
}

/**
 * Orders paths component by component; a path comes before its extensions.
 *
 * @returns a negative number, 0 or a positive number.
 */
export function comparePaths(a: Path, b: Path): number {
  return a === b ? 0 : compareBytes(a.sortKey, b.sortKey)
}

/** Tells whether both have the same components. */
export function pathsEqual(a: Path, b: Path): boolean {
  if (a === b) return true
  return a.sortKey.length === b.sortKey.length && compareBytes(a.sortKey, b.sortKey) === 0
}

/** Tells whether the first components of `path` are exactly `prefix`; also when both are equal. */
export function isPathPrefix(prefix: Path, path: Path): boolean {
  const a = prefix.sortKey
  const b = path.sortKey
  if (a.length > b.length) return false
  // From the end: paths that differ mostly do so in their last component.
  for (let at = a.length - 1; at >= 0; at--) if (a[at] !== b[at]) return false
  return true
}

/** Tells whether one is a prefix of the other. */
export function arePathsRelated(a: Path, b: Path): boolean {
  return a.length <= b.length ? isPathPrefix(a, b) : isPathPrefix(b, a)
}

/** How many components at the beginning of both are the same. */
export function commonPrefixLength(a: Path, b: Path): number {
  const shared = Math.min(a.sortKey.length, b.sortKey.length)
  let same = 0
  while (same < shared && a.sortKey[same] === b.sortKey[same]) same++
  return skimSortKey(a.sortKey, { end: same }).components
}

/**
 * The path of the first `count` components.
 *
 * @throws `RangeError` when there are not so many.
 */
export function pathPrefix(path: Path, count: number): Path {
  assertCount(path, count)
  if (count === path.length) return path
  const { bytes, total } = skimSortKey(path.sortKey, { components: count })
  return new PathValue(path.sortKey.subarray(0, bytes), count, total)
}

/**
 * The path without its first `skip` components.
 *
 * @throws `RangeError` when there are not so many.
 */
export function pathSuffix(path: Path, skip: number): Path {
  assertCount(path, skip)
  if (skip === 0) return path
  const { bytes, total } = skimSortKey(path.sortKey, { components: skip })
  const rest = path.sortKey.subarray(bytes)
  return new PathValue(rest, path.length - skip, path.totalBytes - total)
}

/**
 * Every prefix of `path`.
 *
 * @yields the empty path first, `path` itself last.
 */
export function* pathPrefixes(path: Path): Generator<Path, void, undefined> {
  let at = 0
  let total = 0
  for (let count = 0; count < path.length; count++) {
    yield new PathValue(path.sortKey.subarray(0, at), count, total)
    const next = skimSortKey(path.sortKey, { from: at, components: 1 })
    at = next.bytes
    total += next.total
  }
  yield path
}

/**
 * `path` and then `components`, or the components of another path.
 *
 * @throws `MeadowcapError` `ERR_PATH_LIMIT` when the result exceeds a limit of Willow'25.
 */
export function extendPath(path: Path, components: Iterable<string | Uint8Array> | Path): Path {
  const rest = 'sortKey' in components ? components : createPath(components)
  if (path.length === 0) return rest
  const length = path.length + rest.length
  const total = path.totalBytes + rest.totalBytes
  if (length > MAX_COMPONENTS) throw tooMany('components', length, MAX_COMPONENTS)
  if (total > MAX_PATH_BYTES) throw tooMany('bytes', total, MAX_PATH_BYTES)
  const key = new Uint8Array(path.sortKey.length + rest.sortKey.length)
  key.set(path.sortKey)
  key.set(rest.sortKey, path.sortKey.length)
  return new PathValue(key, length, total)
}

/** The path of components that may be views of something else: they are copied. */
export function pathOfBytes(components: readonly Uint8Array[]): Path {
  if (components.length === 0) return emptyPath
  if (components.length > MAX_COMPONENTS) {
    throw tooMany('components', components.length, MAX_COMPONENTS)
  }
  let total = 0
  let zeros = 0
  for (const component of components) {
    total += component.length
    // Before the bytes are looked at: a component of 1 GiB costs nothing.
    if (total > MAX_PATH_BYTES) throw tooMany('bytes', total, MAX_PATH_BYTES)
    for (const byte of component) if (byte === 0) zeros++
  }
  const key = new Uint8Array(total + zeros + 2 * components.length)
  let at = 0
  for (const component of components) {
    for (const byte of component) {
      key[at++] = byte
      if (byte === 0) key[at++] = 0xff
    }
    key[at + 1] = 1
    at += 2
  }
  return new PathValue(key, components.length, total)
}

function tooMany(what: string, actual: number, limit: number): MeadowcapError {
  const message = `path has ${actual} ${what}, at most ${limit} are allowed`
  return new MeadowcapError('ERR_PATH_LIMIT', message, { hint: 'choose a shorter path' })
}

function componentBytes(component: string | Uint8Array): Uint8Array {
  if (component instanceof Uint8Array) return component
  if (typeof component !== 'string') throw new TypeError('component is neither text nor bytes')
  if (!component.isWellFormed()) throw new TypeError('component has half a surrogate pair')
  return utf8.encode(component)
}

const utf8 = new TextEncoder()

function assertCount(path: Path, count: number): void {
  if (!Number.isInteger(count) || count < 0 || count > path.length) {
    throw new RangeError(`${count} components of a path of ${path.length}`)
  }
}

/** Where {@link skimSortKey} starts and stops; both stops together are the nearer one. */
interface Skim {
  readonly from?: number
  readonly end?: number
  readonly components?: number
}

/** Walks over whole components: how many, where the last one ended, and how many bytes they have. */
function skimSortKey(key: Uint8Array, skim: Skim): Skimmed {
  const { from = 0, end = key.length, components: wanted = Infinity } = skim
  const done = { components: 0, bytes: from, total: 0 }
  let inComponent = 0
  let at = from
  while (at < end && done.components < wanted) {
    if (key[at] !== 0) {
      inComponent++
      at++
      continue
    }
    at += 2
    if (key[at - 1] !== 1) inComponent++
    else if (at <= end) {
      done.components++
      done.bytes = at
      done.total += inComponent
      inComponent = 0
    }
  }
  return done
}

interface Skimmed {
  components: number
  bytes: number
  total: number
}

const inspectSymbol = Symbol.for('nodejs.util.inspect.custom')

class PathValue implements Path {
  readonly sortKey: Uint8Array
  readonly length: number
  readonly totalBytes: number
  #components: readonly Uint8Array[] | undefined

  constructor(sortKey: Uint8Array, length: number, totalBytes: number) {
    this.sortKey = sortKey
    this.length = length
    this.totalBytes = totalBytes
  }

  get components(): readonly Uint8Array[] {
    this.#components ??= Object.freeze(componentsOf(this.sortKey))
    return this.#components
  }

  toString(): string {
    return pathToText(this.components)
  }

  toJSON(): string {
    return this.toString()
  }

  [inspectSymbol](): string {
    return `Path(${this.toString()})`
  }
}

/** The path without components: the prefix of every path. */
export const emptyPath: Path = new PathValue(new Uint8Array(0), 0, 0)

function componentsOf(key: Uint8Array): Uint8Array[] {
  const components: Uint8Array[] = []
  let start = 0
  let zeros = 0
  for (let at = 0; at < key.length; at++) {
    if (key[at] !== 0) continue
    at++
    if (key[at] === 0xff) zeros++
    else {
      const escaped = key.subarray(start, at - 1)
      components.push(zeros === 0 ? escaped : unescaped(escaped, zeros))
      start = at + 1
      zeros = 0
    }
  }
  return components
}

function unescaped(escaped: Uint8Array, zeros: number): Uint8Array {
  const bytes = new Uint8Array(escaped.length - zeros)
  let to = 0
  for (let from = 0; from < escaped.length; from++) {
    const byte = escaped[from] ?? 0
    bytes[to++] = byte
    if (byte === 0) from++
  }
  return bytes
}
