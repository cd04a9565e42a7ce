import { MAX_COMPONENT_BYTES, MAX_PATH_BYTES } from '../limits.ts'
import { extendPath, pathPrefix, type Path } from './path.ts'

/**
 * The least path that is greater than `path` and all its extensions: the open end
 * of the range of everything below `path`.
 *
 * @returns `undefined` when there is none, as for the empty path.
 */
export function prefixSuccessor(path: Path): Path | undefined {
  let total = path.totalBytes
  for (let index = path.length - 1; index >= 0; index--) {
    const component = path.components[index] ?? new Uint8Array(0)
    const before = (): Path => pathPrefix(path, index)
    if (component.length < MAX_COMPONENT_BYTES && total < MAX_PATH_BYTES) {
      const longer = new Uint8Array(component.length + 1)
      longer.set(component)
      return extendPath(before(), [longer])
    }
    // No room for another byte: then the next greater component of at most this length.
    const incremented = increment(component)
    if (incremented !== undefined) return extendPath(before(), [incremented])
    total -= component.length
  }
  return undefined
}

function increment(component: Uint8Array): Uint8Array | undefined {
  let length = component.length
  while (length > 0 && component[length - 1] === 0xff) length--
  if (length === 0) return undefined
  const next = component.slice(0, length)
  next[length - 1] = (next[length - 1] ?? 0) + 1
  return next
}
