/** DEFLATE (RFC 1951) in plain JavaScript, for browsers: their `DecompressionStream` gives no answer in one turn. */
import { deflateSync } from 'fflate'
import { inflate } from './inflate.ts'
import type { DeflateInit, InflateInit } from './zlib.ts'

/** As in `zlib.ts`; the bytes differ from those of Node, and inflate to the same. */
export function deflateRaw(
  bytes: Uint8Array,
  { dictionary, isLive = false }: DeflateInit = {},
): Uint8Array {
  const known = dictionary?.length ? { dictionary } : {}
  return deflateSync(bytes, { ...known, ...(isLive ? { mem: 4 } : {}) })
}

/** As in `zlib.ts`. */
export function inflateRaw(bytes: Uint8Array, init: InflateInit): Uint8Array {
  return inflate(bytes, init)
}
