/**
 * Where things lie in the database, `docs/wire-formats/stored-records.md`. The first
 * byte of each key says what it is; the key of a record continues with the path of
 * its view and a zero byte, so no two views share a key and none is inside another.
 */
import { aboveLimit } from './errors.ts'
import { MAX_KEY_BYTES, MAX_VIEW_DEPTH, MAX_VIEW_NAME_BYTES } from './limits.ts'
import type { ScanRange } from './store.ts'

const recordSpace = 0x01
const quarantineSpace = 0x02
const nameSpace = 0x03
const valueSpace = 0x04
const nameFollows = 0x01
const keyFollows = 0x00

/** The database's key of the format's version. */
export const formatKey: Uint8Array = Uint8Array.of(0x00, ...new TextEncoder().encode('format'))

/** The database's key of the header of an encrypted store. */
export const headerKey: Uint8Array = Uint8Array.of(0x00, ...new TextEncoder().encode('encryption'))

/** All records in clear, those in quarantine among them. */
export const contentRange: DatabaseRange = {
  gte: Uint8Array.of(recordSpace),
  lt: Uint8Array.of(nameSpace),
}

/** All records in clear that are not in quarantine. */
export const recordRange: DatabaseRange = {
  gte: Uint8Array.of(recordSpace),
  lt: Uint8Array.of(quarantineSpace),
}

/** The names of all records of an encrypted store. */
export const nameRange: DatabaseRange = {
  gte: Uint8Array.of(nameSpace),
  lt: Uint8Array.of(valueSpace),
}

/** The names and values of all records of an encrypted store. */
export const sealedRange: DatabaseRange = {
  gte: Uint8Array.of(nameSpace),
  lt: Uint8Array.of(valueSpace + 1),
}

/** All keys in quarantine. */
export const quarantineRange: DatabaseRange = {
  gte: Uint8Array.of(quarantineSpace),
  lt: Uint8Array.of(quarantineSpace + 1),
}

/** Bounds of an iterator. */
export interface DatabaseRange {
  readonly gte?: Uint8Array
  readonly gt?: Uint8Array
  readonly lt: Uint8Array
}

/** The path of the root view. */
export const rootPath: Uint8Array = new Uint8Array()

/** The path of the view `name` inside the one at `path`. */
export function subPath(path: Uint8Array, name: string): Uint8Array {
  if (!/^[a-zA-Z0-9._-]+$/.test(name) || name.length > MAX_VIEW_NAME_BYTES) {
    throw new RangeError(
      `view is named ${JSON.stringify(name)}, expected 1 to ${MAX_VIEW_NAME_BYTES} of a-z A-Z 0-9 . _ -`,
    )
  }
  const extended = concat(
    path,
    Uint8Array.of(nameFollows, name.length),
    new TextEncoder().encode(name),
  )
  if (namesOf(extended).names.length > MAX_VIEW_DEPTH) {
    throw new RangeError(`views are nested deeper than ${MAX_VIEW_DEPTH}`)
  }
  return extended
}

/** The database's key of `key` in the view at `path`. */
export function recordKey(path: Uint8Array, key: Uint8Array): Uint8Array {
  if (!(key instanceof Uint8Array)) throw new TypeError(`key is ${typeof key}, expected bytes`)
  if (key.byteLength > MAX_KEY_BYTES)
    throw aboveLimit('bytes of a key', key.byteLength, MAX_KEY_BYTES)
  const stored = new Uint8Array(2 + path.byteLength + key.byteLength)
  stored[0] = recordSpace
  stored.set(path, 1)
  stored[1 + path.byteLength] = keyFollows
  stored.set(key, 2 + path.byteLength)
  return stored
}

/** The key in the view at `path` of the database's key `stored`, in a new buffer. */
export function keyInView(path: Uint8Array, stored: Uint8Array): Uint8Array {
  return new Uint8Array(stored.subarray(path.byteLength + 2))
}

/** Where the damaged record of the database's key `stored` goes. */
export function quarantineKey(stored: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(quarantineSpace), stored)
}

/** The database's key of an encrypted name. */
export function nameKey(sealedName: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(nameSpace), sealedName)
}

/** The encrypted name in the database's key `stored`. */
export function sealedNameOf(stored: Uint8Array): Uint8Array {
  return stored.subarray(1)
}

/** The database's key of an encrypted value. */
export function valueKey(place: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(valueSpace), place)
}

/** The views' names and the key that the database's key `stored` stands for. */
export function parseRecordKey(stored: Uint8Array): {
  readonly view: readonly string[]
  readonly key: Uint8Array
} {
  const { names, end } = namesOf(stored.subarray(1))
  return { view: names, key: new Uint8Array(stored.subarray(end + 2)) }
}

/** The bounds of `range` in the view at `path`. */
export function databaseRange(path: Uint8Array, range: ScanRange): DatabaseRange {
  if ('prefix' in range) {
    const gte = recordKey(path, range.prefix)
    return { gte, lt: successor(gte) }
  }
  const end =
    range.to === undefined ? successor(recordKey(path, rootPath)) : recordKey(path, range.to)
  return { gte: recordKey(path, range.from), lt: end }
}

/** The first key after all that begin with `prefix`, which does not consist of 0xff alone: it begins with a space. */
function successor(prefix: Uint8Array): Uint8Array {
  let length = prefix.byteLength
  while (prefix[length - 1] === 0xff) length -= 1
  const next = prefix.slice(0, length)
  next[length - 1] = (next[length - 1] ?? 0) + 1
  return next
}

/** The names at the beginning of `path`, and where they end. */
function namesOf(path: Uint8Array): { readonly names: string[]; readonly end: number } {
  const names: string[] = []
  let at = 0
  while (path[at] === nameFollows) {
    const end = at + 2 + (path[at + 1] ?? 0)
    names.push(new TextDecoder().decode(path.subarray(at + 2, end)))
    at = end
  }
  return { names, end: at }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}
