import { sha256 } from '@vudo/identity'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import {
  DIGEST_BYTES,
  FINGERPRINT_BYTES,
  MAX_RANGES,
  MAX_SENT_RANGES_BYTES,
  PATHS_PER_RANGE,
} from './limits.ts'

/*
 * Which parts of two stores are the same, without naming what is in them.
 *
 * Both order their paths and hash what lies under each. One sends the hashes of some
 * thousand ranges; the other finds the few that differ, and only what lies there is
 * announced. A range is an interval of paths and not a set of them, so it does not
 * matter what either end does not know of.
 */

/** What lies under a path, as text: the lines that are hashed. */
export interface PathContent {
  readonly path: string
  /** Every record of the path. */
  readonly records: readonly string[]
  /** Every document that a record of the path names, with its heads. */
  readonly documents: readonly string[]
}

/** One interval of paths: from behind the one before it up to `last`, that included. */
export interface RangeFingerprint {
  /** The last range goes on to the end, whatever stands here. */
  readonly last: string
  /** 5 bytes as hex. */
  readonly records: string
  /** 5 bytes as hex. */
  readonly documents: string
}

/** Numbers of ranges in which two stores differ. */
export interface Differences {
  readonly records: readonly number[]
  readonly documents: readonly number[]
}

const utf8 = new TextEncoder()

/**
 * Cuts a store into ranges of a few paths.
 *
 * @param contents - Ordered by path.
 * @param salt - The run of who sends them: whoever makes two contents with one hash has
 *   to do so anew for each run.
 */
export function rangesOf(contents: readonly PathContent[], salt: string): RangeFingerprint[] {
  let size = Math.max(PATHS_PER_RANGE, Math.ceil(contents.length / MAX_RANGES))
  while (bytesOfRanges(contents, size) > MAX_SENT_RANGES_BYTES) size *= 2
  const ranges: RangeFingerprint[] = []
  for (let at = 0; at < contents.length; at += size) {
    const part = contents.slice(at, at + size)
    ranges.push({ last: part.at(-1)?.path ?? '', ...fingerprintsOf(part, salt) })
  }
  return ranges
}

function bytesOfRanges(contents: readonly PathContent[], size: number): number {
  let bytes = 0
  for (let at = size - 1; at < contents.length; at += size) {
    // A character has at most 3 bytes in UTF-8, a length at most 2.
    bytes += 3 * (contents[at]?.path.length ?? 0) + 2 + 2 * FINGERPRINT_BYTES
  }
  return bytes
}

/** Finds the ranges of another store that this one has otherwise. Both ordered by path. */
export function differences(
  contents: readonly PathContent[],
  ranges: readonly RangeFingerprint[],
  salt: string,
): Differences {
  const records: number[] = []
  const documents: number[] = []
  for (const [number, { part }] of cut(contents, boundsOf(ranges)).entries()) {
    const own = fingerprintsOf(part, salt)
    if (own.records !== ranges[number]?.records) records.push(number)
    if (own.documents !== ranges[number]?.documents) documents.push(number)
  }
  return { records, documents }
}

/** The ends of ranges: what is kept of them to know later what lies in each. */
export function boundsOf(ranges: readonly RangeFingerprint[]): readonly string[] {
  return ranges.map(({ last }) => last)
}

/** What of a store lies in each of some ranges. */
export function cut(
  contents: readonly PathContent[],
  bounds: readonly string[],
): readonly { readonly part: readonly PathContent[] }[] {
  let at = 0
  const isWithin = (last: string): boolean => (contents[at]?.path ?? '') <= last
  return bounds.map((last, number) => {
    const from = at
    if (number === bounds.length - 1) at = contents.length
    else while (at < contents.length && isWithin(last)) at += 1
    return { part: contents.slice(from, at) }
  })
}

function fingerprintsOf(
  part: readonly PathContent[],
  salt: string,
): { readonly records: string; readonly documents: string } {
  return {
    records: fingerprint(fingerprintedText(part, 'records'), salt),
    documents: fingerprint(fingerprintedText(part, 'documents'), salt),
  }
}

/**
 * Everything of a store in one hash, without a salt: it only says whether a comparison is
 * worth its bytes.
 *
 * @returns 16 bytes as hex.
 */
export function digestOfAll(contents: readonly PathContent[]): string {
  const text = fingerprintedText(contents, 'records') + fingerprintedText(contents, 'documents')
  return bytesToHex(sha256(utf8.encode(text)).subarray(0, DIGEST_BYTES))
}

/** What is hashed of some paths: each path and its lines, every one with its line feed. */
function fingerprintedText(part: readonly PathContent[], kind: 'records' | 'documents'): string {
  return part.map((content) => [content.path, ...content[kind], ''].join('\n')).join('')
}

function fingerprint(text: string, salt: string): string {
  const hash = sha256(concatBytes(hexToBytes(salt), utf8.encode(text)))
  return bytesToHex(hash.subarray(0, FINGERPRINT_BYTES))
}
