/**
 * Varints, length-prefixed frames and bounded strict CBOR: how every protocol here
 * writes and reads bytes. Works in Node and in browsers.
 *
 * @packageDocumentation
 */
export { base32ToBytes, bytesToBase32 } from './base32.ts'
export { createByteReader, type ByteReader } from './byte-reader.ts'
export { createByteWriter, type ByteWriter } from './byte-writer.ts'
export { bytesEqual, compareBytes, concatBytes } from './bytes.ts'
export { decodeCbor, encodeCbor, type DecodeCborOptions } from './cbor.ts'
export { isWireError, WireError, type WireErrorCode } from './errors.ts'
export {
  createFrameDecoder,
  encodeFrameHeader,
  type FrameDecoder,
  type FrameDecoderInit,
} from './frames.ts'
export { bytesToHex, hexToBytes } from './hex.ts'
export * from './limits.ts'
export { encodeVarint, varintLength, writeVarint } from './varint.ts'
