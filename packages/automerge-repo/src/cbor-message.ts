import { createByteReader, encodeCbor, isWireError, type ByteReader } from '@vudo/wire'
import { MAX_MESSAGE_DEPTH, MAX_MESSAGE_VALUES } from './limits.ts'
import { isFields, malformed, type Fields } from './repo-messages.ts'

/*
 * The dialect's messages are CBOR (RFC 8949) as `cbor-x` writes it, which is not the one
 * canonical form: lengths may be longer than they need be, and there is `undefined`. So
 * they are read here, with a bound on values and depth that holds before anything is built.
 */

const major = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const
/** RFC 8746: a byte string in a typed array, as older programs write it. */
const uint8ArrayTag = 64
const simple = {
  false: 20,
  true: 21,
  null: 22,
  undefined: 23,
  float16: 25,
  float32: 26,
  float64: 27,
}

/** A map in CBOR, which every reader takes. Fields that are `undefined` are left out. */
export function encodeMessage(fields: object): Uint8Array {
  return encodeCbor(
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
  )
}

/**
 * The map in a message. Byte strings are copies.
 *
 * @throws `AutomergeRepoError` `ERR_REPO_MESSAGE`, whatever the bytes are.
 */
export function decodeMessage(bytes: Uint8Array): Fields {
  let value: unknown
  try {
    const cursor = new Cursor(createByteReader(bytes))
    value = cursor.value(0)
    cursor.end()
  } catch (error) {
    if (!isWireError(error)) throw error
    throw malformed('a message ends too early, or goes on behind its end', error)
  }
  if (isFields(value)) return value
  throw malformed('a message is no map')
}

class Cursor {
  readonly #reader: ByteReader
  #valuesLeft = MAX_MESSAGE_VALUES

  constructor(reader: ByteReader) {
    this.#reader = reader
  }

  end(): void {
    this.#reader.end()
  }

  value(depth: number): unknown {
    if (--this.#valuesLeft < 0)
      throw malformed(`a message has more than ${MAX_MESSAGE_VALUES} values`)
    if (depth > MAX_MESSAGE_DEPTH)
      throw malformed(`a message is more than ${MAX_MESSAGE_DEPTH} deep`)
    const first = this.#reader.u8()
    const [type, info] = [first >>> 5, first & 31]
    if (type > major.tag) return this.#simple(info)
    const argument = this.#argument(info)
    switch (type) {
      case major.unsigned:
        return argument
      case major.negative:
        return -1 - argument
      case major.bytes:
        return this.#reader.bytes(argument).slice()
      case major.text:
        return textOf(this.#reader.bytes(argument))
      case major.array:
        return this.#array(argument, depth)
      case major.map:
        return this.#map(argument, depth)
      default:
        if (argument === uint8ArrayTag) return this.value(depth + 1)
        throw malformed(`a message has the tag ${argument}`)
    }
  }

  #array(length: number, depth: number): unknown[] {
    const list: unknown[] = []
    // A claim costs nothing: each value is read before there is room for it.
    for (let left = length; left > 0; left--) list.push(this.value(depth + 1))
    return list
  }

  #map(length: number, depth: number): Fields {
    const entries: [string, unknown][] = []
    for (let left = length; left > 0; left--) {
      const key = this.value(depth + 1)
      if (typeof key !== 'string' || key === '__proto__') throw malformed('a key is no text')
      entries.push([key, this.value(depth + 1)])
    }
    return Object.fromEntries(entries)
  }

  #argument(info: number): number {
    if (info < 24) return info
    if (info === 24) return this.#reader.u8()
    if (info === 25) return this.#reader.u16()
    if (info === 26) return this.#reader.u32()
    if (info === 27) return this.#reader.u32() * 2 ** 32 + this.#reader.u32()
    throw malformed('a message has an indefinite length')
  }

  #simple(info: number): unknown {
    if (info === simple.false || info === simple.true) return info === simple.true
    if (info === simple.null) return null
    if (info === simple.undefined) return undefined
    if (info < simple.float16 || info > simple.float64) throw malformed(`a simple value ${info}`)
    const bytes = this.#reader.bytes(2 ** (info - 24))
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    if (info === simple.float16) throw malformed('a number of two bytes')
    return info === simple.float32 ? view.getFloat32(0) : view.getFloat64(0)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw malformed('a text is not UTF-8', cause)
  }
}
