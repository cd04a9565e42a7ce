/** DEFLATE (RFC 1951) in plain JavaScript, for browsers: their `DecompressionStream` gives no answer in one turn. */
import { deflate } from './deflater.ts'
import { inflate } from './inflate.ts'
import type { DeflateInit, InflateInit } from './zlib.ts'

/** As in `zlib.ts`; the bytes differ from those of Node, and inflate to the same. Few bytes take little memory by themselves. */
export function deflateRaw(bytes: Uint8Array, { dictionary }: DeflateInit = {}): Uint8Array {
  return deflate(bytes, dictionary)
}

/** As in `zlib.ts`. */
export function inflateRaw(bytes: Uint8Array, init: InflateInit): Uint8Array {
  return inflate(bytes, init)
}
