import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { SyncError } from './errors.ts'
import { MAX_DOCUMENT_BYTES, MAX_INFLATE_RATIO } from './limits.ts'

/** The bytes deflated (RFC 1951), or `undefined` when that gains nothing. */
export function deflateIfSmaller(bytes: Uint8Array): Uint8Array | undefined {
  const deflated = deflateRawSync(bytes)
  // A ratio that the far end would refuse is not sent either.
  if (deflated.length >= bytes.length || bytes.length > deflated.length * MAX_INFLATE_RATIO) {
    return undefined
  }
  return new Uint8Array(deflated)
}

/**
 * Inflates what a peer sent. The output is counted while it grows, so that a few
 * bytes cannot become many.
 *
 * @throws `SyncError` `ERR_DOCUMENT_TOO_LARGE` for damaged bytes and for an output beyond ratio or size alike.
 */
export function inflateBounded(bytes: Uint8Array): Uint8Array {
  const maxOutputLength = Math.max(
    1,
    Math.min(MAX_DOCUMENT_BYTES, bytes.length * MAX_INFLATE_RATIO),
  )
  try {
    return new Uint8Array(inflateRawSync(bytes, { maxOutputLength }))
  } catch (cause) {
    throw new SyncError(
      'ERR_DOCUMENT_TOO_LARGE',
      `${bytes.length} bytes do not inflate to at most ${maxOutputLength} bytes`,
      { cause },
    )
  }
}
