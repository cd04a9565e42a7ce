import { SyncError } from './errors.ts'
import { MAX_PATH_BYTES, MAX_PATH_SEGMENTS, MAX_SEGMENT_BYTES } from './limits.ts'

const utf8 = new TextEncoder()
const controlCharacter = /\p{Cc}/u

/**
 * The canonical form of a path: segments joined by `/`, in Unicode normal form C (UAX
 * #15), so that two devices that type the same name mean the same document.
 *
 * @param text - 1 to 32 segments of 1 to 255 bytes in UTF-8, 1,024 bytes in all; no
 *   `.` and `..`, no backslash, no control character, no slash at either end.
 * @throws `SyncError` `ERR_PATH_INVALID`; `TypeError` when `text` is no text.
 */
export function parsePath(text: string): string {
  if (typeof text !== 'string') throw new TypeError('a path is a text')
  if (!text.isWellFormed()) throw invalid(text, 'holds half of a character (a lone surrogate)')
  const path = text.normalize('NFC')
  const segments = path.split('/')
  if (segments.length > MAX_PATH_SEGMENTS) {
    throw invalid(path, `has ${segments.length} segments, expected at most ${MAX_PATH_SEGMENTS}`)
  }
  for (const segment of segments) checkSegment(path, segment)
  const bytes = utf8.encode(path).length
  if (bytes > MAX_PATH_BYTES) {
    throw invalid(path, `has ${bytes} bytes, expected at most ${MAX_PATH_BYTES}`)
  }
  return path
}

/**
 * The first segment of a path: what `collection` means in events and in the coordinator's calls.
 *
 * @param path - In canonical form, as {@link parsePath} gives it. One segment is its own collection.
 */
export function collectionOf(path: string): string {
  const slash = path.indexOf('/')
  return slash < 0 ? path : path.slice(0, slash)
}

/** Tells whether `path` is `prefix` or lies below it; an empty prefix is everything. */
export function isUnder(path: string, prefix: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
}

function checkSegment(path: string, segment: string): void {
  if (segment === '') throw invalid(path, 'has an empty segment (a slash too many)')
  if (segment === '.' || segment === '..') throw invalid(path, `has the segment "${segment}"`)
  if (segment.includes('\\')) throw invalid(path, 'holds a backslash')
  if (controlCharacter.test(segment)) throw invalid(path, 'holds a control character')
  const bytes = utf8.encode(segment).length
  if (bytes > MAX_SEGMENT_BYTES) {
    throw invalid(path, `has a segment of ${bytes} bytes, expected at most ${MAX_SEGMENT_BYTES}`)
  }
}

function invalid(path: string, what: string): SyncError {
  return new SyncError('ERR_PATH_INVALID', `path ${JSON.stringify(path.slice(0, 64))} ${what}`, {
    hint: 'use segments of 1 to 255 bytes joined by "/", for example "notes/today"',
  })
}
