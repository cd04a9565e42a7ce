import { SyncError } from './errors.ts'
import { sha256 } from '@vudo/identity'
import { bytesToHex, createByteWriter, hexToBytes } from '@vudo/wire'

/** Bytes of a document id. */
export const DOCUMENT_ID_BYTES = 16

/** Bytes of the checksum in the text form. */
const CHECKSUM_BYTES = 4
const urlPrefix = 'automerge:'
const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
/** 20 bytes have at most 28 digits of base 58. */
const maxDigits = 28
const utf8 = new TextEncoder()

/** The id of the first document under `path`: everybody derives the same one, also offline. @returns 32 characters of hex. */
export function firstDocumentId(database: string, path: string): string {
  const writer = createByteWriter().bytes(utf8.encode('vudo/document-id/1\0'))
  return hashToId(writer.u8(0).text(database).text(path).finish())
}

/** The id of the document that begins after the record with this hash (hex). */
export function nextDocumentId(predecessor: string): string {
  const writer = createByteWriter().bytes(utf8.encode('vudo/document-id/1\0'))
  return hashToId(writer.u8(1).bytes(hexToBytes(predecessor)).finish())
}

/** The id of the document that begins with what the document `id` (hex) holds at `heads` (hex, sorted), without its history. */
export function successorDocumentId(id: string, heads: readonly string[]): string {
  const writer = createByteWriter().bytes(utf8.encode('vudo/document-id/1\0'))
  writer.u8(2).bytes(hexToBytes(id))
  for (const head of heads) writer.bytes(hexToBytes(head))
  return hashToId(writer.finish())
}

function hashToId(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes).subarray(0, DOCUMENT_ID_BYTES))
}

/** Told with every change of a document, and two hashes each. */
const urls = new Map<string, string>()
const KNOWN_URLS = 1_024

/**
 * The text form of a document id that automerge-repo uses: `automerge:` and the id in
 * base58check (Bitcoin's alphabet, 4 bytes of a double SHA-256 behind it).
 *
 * @param id - 16 bytes as 32 characters of hex.
 * @throws `WireError` `ERR_DECODE` when `id` is no hex.
 */
export function documentIdToUrl(id: string): string {
  const known = urls.get(id)
  if (known !== undefined) return known
  const url = encodeUrl(id)
  if (urls.size >= KNOWN_URLS) urls.clear()
  urls.set(id, url)
  return url
}

function encodeUrl(id: string): string {
  const bytes = hexToBytes(id)
  const all = new Uint8Array([...bytes, ...checksum(bytes)])
  return urlPrefix + bytesToBase58(all)
}

/**
 * The document id in an `automerge:` URL, which may come from anybody.
 *
 * @returns 16 bytes as 32 characters of hex, or `undefined` when the text is no such
 *   URL: another scheme, a character outside the alphabet, a wrong length or checksum.
 */
export function parseDocumentUrl(url: string): string | undefined {
  if (!url.startsWith(urlPrefix)) return undefined
  const bytes = base58ToBytes(url.slice(urlPrefix.length))
  if (bytes?.length !== DOCUMENT_ID_BYTES + CHECKSUM_BYTES) return undefined
  const id = bytes.subarray(0, DOCUMENT_ID_BYTES)
  const expected = bytesToHex(checksum(id))
  return bytesToHex(bytes.subarray(DOCUMENT_ID_BYTES)) === expected ? bytesToHex(id) : undefined
}

/*
 * Base58 with a checksum, as Bitcoin's addresses have it and as automerge-repo
 * takes it over (bs58check): big endian digits, each leading zero byte is a `1`,
 * the checksum is the first four bytes of a double SHA-256.
 */
function checksum(bytes: Uint8Array): Uint8Array {
  return sha256(sha256(bytes)).subarray(0, CHECKSUM_BYTES)
}

function bytesToBase58(bytes: Uint8Array): string {
  // The last digit first. Without large integers, each of which is garbage: lists have an id in every entry.
  const digits: number[] = []
  for (const byte of bytes) {
    let carry = byte
    for (let at = 0; at < digits.length; at++) {
      carry += 256 * (digits[at] ?? 0)
      digits[at] = carry % 58
      carry = Math.floor(carry / 58)
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58)
  }
  const zeros = bytes.findIndex((byte) => byte !== 0)
  const codes = digits.toReversed().map((digit) => alphabet.charCodeAt(digit))
  return '1'.repeat(zeros < 0 ? bytes.length : zeros) + String.fromCharCode(...codes)
}

function base58ToBytes(text: string): Uint8Array | undefined {
  if (text.length > maxDigits) return undefined
  let value = 0n
  for (const character of text) {
    const digit = alphabet.indexOf(character)
    if (digit < 0) return undefined
    value = value * 58n + BigInt(digit)
  }
  const hex = value === 0n ? '' : value.toString(16)
  const leading = '00'.repeat(/^1*/.exec(text)?.[0].length ?? 0)
  return hexToBytes(leading + (hex.length % 2 === 0 ? hex : `0${hex}`))
}

/** The id of an `automerge:` URL. @throws `SyncError` `ERR_PATH_INVALID`. */
export function toDocumentId(url: string): string {
  const id = parseDocumentUrl(url)
  if (id !== undefined) return id
  throw new SyncError('ERR_PATH_INVALID', 'the document id is not an automerge: URL')
}
