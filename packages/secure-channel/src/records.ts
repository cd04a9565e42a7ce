/**
 * Records: what travels on the pipe after the handshake. One pipe message is one
 * sealed record; its counter is not sent, the receiver tries exactly its own next
 * one. So a record that was altered, replayed, reordered, dropped, reflected or
 * taken from another session does not open, and nothing after it does.
 *
 * Pure: it seals and opens, and leaves sending, waiting and closing to `link.ts`.
 */
import { MAX_MESSAGE_BYTES, type LinkMessage } from '@vudo/transport'
import type { CipherState } from './cipher-state.ts'
import { SecureChannelError } from './errors.ts'
import {
  MAX_CONTROL_BYTES,
  MAX_FRAGMENTS,
  MAX_NOISE_MESSAGE_BYTES,
  RECORD_OVERHEAD_BYTES,
  REKEY_BYTES,
  REKEY_RECORDS,
} from './limits.ts'
import { packMessages, unpackMessages } from './packing.ts'

/** The first byte of every record. */
export const recordTypes = {
  /** The end or the whole of an application message, not empty. */
  end: 0,
  /** The beginning or middle of a message of either lane, not empty. */
  more: 1,
  /** The authenticated goodbye, empty. What was half received is dropped. */
  close: 2,
  /** The end or the whole of a control message, not empty. */
  control: 3,
  /** Two or more whole messages, see `packing.ts`. */
  packed: 4,
} as const

/** When keys change. Both ends count alike, so both must have the same numbers. */
export interface RekeyLimits {
  /** Records under one key. @defaultValue 2^20 */
  readonly rekeyRecords?: number | undefined
  /** Sealed bytes under one key. @defaultValue 2^30 */
  readonly rekeyBytes?: number | undefined
}

/**
 * The largest message of a link over a pipe, in bytes: 1 MiB, or less where the pipe is
 * so narrow that 256 records do not carry as much.
 *
 * @param pipeMaxBytes - The pipe's `maxMessageBytes`, 18 or more.
 */
export function maxLinkMessageBytes(pipeMaxBytes: number): number {
  return Math.min(MAX_MESSAGE_BYTES, MAX_FRAGMENTS * maxBodyBytes(pipeMaxBytes))
}

/** What one record carries over a pipe, in bytes: at most 65,518. */
export function maxBodyBytes(pipeMaxBytes: number): number {
  return Math.min(pipeMaxBytes, MAX_NOISE_MESSAGE_BYTES) - RECORD_OVERHEAD_BYTES
}

/** Turns messages into records, in order. */
export interface RecordSealer {
  /**
   * Seals the next record of `pending` and says how far that came: whole messages that
   * are small are packed together, a large one is cut.
   *
   * @param pending - At least one message.
   * @param offset - Bytes of the first message that went with earlier records.
   */
  seal(pending: readonly LinkMessage[], offset: number): SealedRecord
  /** The goodbye: no record may follow it. */
  sealClose(): Uint8Array
}

/** A record and what it holds. */
export interface SealedRecord {
  readonly record: Uint8Array
  /** How many messages are now complete. */
  readonly completed: number
  /** Bytes of the first incomplete message that are in this record and the ones before; 0 when nothing was cut. */
  readonly offset: number
}

/** What one record gave. */
export interface OpenedRecord {
  /** Complete messages, in order, each in a buffer of its own. */
  readonly messages: readonly LinkMessage[]
  readonly isClose: boolean
}

/** Turns records into messages. After an error it must be thrown away. */
export interface RecordOpener {
  /** @throws `SecureChannelError` whatever `record` holds. */
  open(record: Uint8Array): OpenedRecord
}

/** Makes the sending half of a channel. */
export function createRecordSealer(
  cipher: CipherState,
  bodyBytes: number,
  limits: RekeyLimits = {},
): RecordSealer {
  return new Sealer(createDirection(cipher, limits), bodyBytes)
}

/** Makes the receiving half of a channel. */
export function createRecordOpener(cipher: CipherState, limits: RekeyLimits = {}): RecordOpener {
  return new Opener(createDirection(cipher, limits))
}

/** A cipher whose key changes after so many records or bytes. */
interface Direction {
  readonly cipher: CipherState
  /** Counts a record that was sealed or opened, and changes the key when it was the last one under it. */
  count(sealedBytes: number): void
}

function createDirection(cipher: CipherState, limits: RekeyLimits): Direction {
  const { rekeyRecords = REKEY_RECORDS, rekeyBytes = REKEY_BYTES } = limits
  let records = 0
  let bytes = 0
  return {
    cipher,
    count(sealedBytes) {
      records += 1
      bytes += sealedBytes
      if (records < rekeyRecords && bytes < rekeyBytes) return
      cipher.rekey()
      records = 0
      bytes = 0
    },
  }
}

const nothing = new Uint8Array()
const typeBytes = [0, 1, 2, 3, 4].map((type) => new Uint8Array([type]))

class Sealer implements RecordSealer {
  readonly #direction: Direction
  readonly #bodyBytes: number
  #isClosed = false

  constructor(direction: Direction, bodyBytes: number) {
    this.#direction = direction
    this.#bodyBytes = bodyBytes
  }

  seal(pending: readonly LinkMessage[], offset: number): SealedRecord {
    const packed = offset === 0 ? packMessages(pending, this.#bodyBytes) : undefined
    if (packed) {
      const record = this.#sealBody(recordTypes.packed, packed.body)
      return { record, completed: packed.count, offset: 0 }
    }
    const first = pending[0]
    if (!first) throw new TypeError('nothing to seal')
    const end = offset + this.#bodyBytes
    if (first.bytes.length > end) {
      const record = this.#sealBody(recordTypes.more, first.bytes.subarray(offset, end))
      return { record, completed: 0, offset: end }
    }
    const type = first.isControl ? recordTypes.control : recordTypes.end
    return { record: this.#sealBody(type, first.bytes.subarray(offset)), completed: 1, offset: 0 }
  }

  sealClose(): Uint8Array {
    const record = this.#sealBody(recordTypes.close, nothing)
    this.#isClosed = true
    return record
  }

  #sealBody(type: number, body: Uint8Array): Uint8Array {
    if (this.#isClosed) throw closedError()
    const record = this.#direction.cipher.encrypt(nothing, [typeBytes[type] ?? nothing, body])
    this.#direction.count(record.length)
    return record
  }
}

class Opener implements RecordOpener {
  readonly #direction: Direction
  /** The beginning of a message whose end has not come. */
  #fragments: Uint8Array[] = []
  #fragmentBytes = 0
  #isClosed = false

  constructor(direction: Direction) {
    this.#direction = direction
  }

  open(record: Uint8Array): OpenedRecord {
    if (this.#isClosed) throw closedError()
    assertRecordBytes(record)
    const plain = this.#direction.cipher.decrypt(nothing, record)
    this.#direction.count(record.length)
    // Not `subarray` of a Buffer: the application gets plain bytes.
    const body = new Uint8Array(plain.buffer, plain.byteOffset + 1, plain.length - 1)
    return this.#take(plain[0], body)
  }

  #take(type: number | undefined, body: Uint8Array): OpenedRecord {
    if (type === recordTypes.close && body.length === 0) {
      this.#isClosed = true
      this.#fragments = []
      return { messages: [], isClose: true }
    }
    if (body.length === 0) throw stateError(`a record of type ${type} without a body`)
    if (type === recordTypes.more) return this.#addFragment(body)
    if (type === recordTypes.end) return this.#complete(body, false)
    if (type === recordTypes.control) return this.#complete(body, true)
    if (type === recordTypes.packed && this.#fragments.length === 0)
      return opened(unpackMessages(body))
    throw stateError(`a record of type ${type}, or out of place`)
  }

  #addFragment(body: Uint8Array): OpenedRecord {
    this.#admit(body, MAX_MESSAGE_BYTES)
    this.#fragments.push(body)
    this.#fragmentBytes += body.length
    return opened([])
  }

  #complete(body: Uint8Array, isControl: boolean): OpenedRecord {
    this.#admit(body, isControl ? MAX_CONTROL_BYTES : MAX_MESSAGE_BYTES)
    if (this.#fragments.length === 0) return opened([{ isControl, bytes: body }])
    const bytes = joined([...this.#fragments, body], this.#fragmentBytes + body.length)
    this.#fragments = []
    this.#fragmentBytes = 0
    return opened([{ isControl, bytes }])
  }

  /** Before joining: what is over the limit is never put together. */
  #admit(body: Uint8Array, maxBytes: number): void {
    const bytes = this.#fragmentBytes + body.length
    const count = this.#fragments.length + 1
    if (bytes <= maxBytes && count <= MAX_FRAGMENTS) return
    throw new SecureChannelError(
      'ERR_CHANNEL_TOO_LARGE',
      `a message of ${bytes} bytes or more in ${count} records, expected at most ${maxBytes} in ${MAX_FRAGMENTS}`,
    )
  }
}

function assertRecordBytes(record: Uint8Array): void {
  const { length } = record
  if (length >= RECORD_OVERHEAD_BYTES && length <= MAX_NOISE_MESSAGE_BYTES) return
  throw new SecureChannelError(
    length > MAX_NOISE_MESSAGE_BYTES ? 'ERR_CHANNEL_TOO_LARGE' : 'ERR_CHANNEL_AUTH',
    `record has ${length} bytes, expected ${RECORD_OVERHEAD_BYTES} to ${MAX_NOISE_MESSAGE_BYTES}`,
  )
}

function opened(messages: readonly LinkMessage[]): OpenedRecord {
  return { messages, isClose: false }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function stateError(message: string): SecureChannelError {
  return new SecureChannelError('ERR_CHANNEL_STATE', message)
}

function closedError(): SecureChannelError {
  return new SecureChannelError('ERR_CHANNEL_CLOSED', 'a record after the close')
}
