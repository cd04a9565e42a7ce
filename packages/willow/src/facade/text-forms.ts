import { createPath, ID_BYTES, parsePath, type Path } from '@vudo/meadowcap'
import { hexToBytes, isWireError } from '@vudo/wire'

/** A path as people write it: `'patients/p-118'`, `['patients', 'p-118']`, or a ready one. */
export type PathLike = string | Path | readonly (string | Uint8Array)[]

/** A key or id: 64 characters of lower-case hex, or its 32 bytes. */
export type IdLike = string | Uint8Array

/**
 * The path that was meant.
 *
 * @throws `MeadowcapError` as `parsePath` and `createPath`.
 */
export function pathOf(path: PathLike): Path {
  if (typeof path === 'string') return parsePath(path)
  return 'sortKey' in path ? path : createPath(path)
}

/**
 * The 32 bytes of an id.
 *
 * @throws `TypeError` when it is none; the message names `what` and never quotes it.
 */
export function idBytes(id: IdLike, what: string): Uint8Array {
  const bytes = typeof id === 'string' ? bytesOfHex(id) : id
  if (bytes instanceof Uint8Array && bytes.length === ID_BYTES) return bytes
  throw new TypeError(`${what} is no id: expected 64 characters of lower-case hex, or 32 bytes`)
}

function bytesOfHex(text: string): Uint8Array | undefined {
  if (text.length !== 2 * ID_BYTES) return undefined
  try {
    return hexToBytes(text)
  } catch (error) {
    if (isWireError(error)) return undefined
    throw error
  }
}
