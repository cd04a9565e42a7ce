/** DEFLATE (RFC 1951) by Node's own zlib. `zlib.browser.ts` is the same for browsers; `#zlib` stands for the one that fits. */
import { deflateRawSync, inflateRawSync } from 'node:zlib'

/** How {@link deflateRaw} works. */
export interface DeflateInit {
  /** What both ends know before. @defaultValue none */
  readonly dictionary?: Uint8Array | undefined
  /** For few bytes many times: less memory is cleared. @defaultValue false */
  readonly isLive?: boolean | undefined
}

/** Within what {@link inflateRaw} stays. */
export interface InflateInit {
  /** At least 1. */
  readonly maxBytes: number
  /** The one that they were deflated with. @defaultValue none */
  readonly dictionary?: Uint8Array | undefined
}

/** @returns a buffer that belongs to the caller. */
export function deflateRaw(
  bytes: Uint8Array,
  { dictionary, isLive = false }: DeflateInit = {},
): Uint8Array {
  const known = dictionary?.length ? { dictionary } : {}
  const few = isLive ? { level: 6, memLevel: 5, windowBits: 15 } : {}
  return plain(deflateRawSync(bytes, { ...known, ...few }))
}

/**
 * Inflates no further than it may.
 *
 * @returns a buffer that belongs to the caller.
 * @throws `Error` for damaged bytes, and when they make more than `maxBytes`.
 */
export function inflateRaw(bytes: Uint8Array, { maxBytes, dictionary }: InflateInit): Uint8Array {
  const known = dictionary?.length ? { dictionary } : {}
  return plain(inflateRawSync(bytes, { maxOutputLength: maxBytes, ...known }))
}

function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length)
}
