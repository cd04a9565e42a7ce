/**
 * Several small messages in one record. Sealing and opening costs about 15 µs
 * whatever the size, so this, not the cipher, decides the speed of small messages.
 *
 * A packed body is two or more messages, each: its length as a varint, its lane as
 * one byte (0 application, 1 control), its bytes.
 */
import { MAX_MESSAGE_BYTES, type LinkMessage } from '@vudo/transport'
import { createByteReader, createByteWriter, isWireError, varintLength } from '@vudo/wire'
import { SecureChannelError } from './errors.ts'
import { MAX_CONTROL_BYTES, MAX_PACKED_MESSAGE_BYTES, MAX_PACKED_MESSAGES } from './limits.ts'

const lanes = { application: 0, control: 1 } as const

/** A body and how many messages are in it. */
export interface PackedMessages {
  readonly body: Uint8Array
  readonly count: number
}

/**
 * Packs as many of the first messages as are small and fit into `bodyBytes`.
 *
 * @returns `undefined` when that would be fewer than two.
 */
export function packMessages(
  pending: readonly LinkMessage[],
  bodyBytes: number,
): PackedMessages | undefined {
  const { count, length } = measure(pending, bodyBytes)
  if (count < 2) return undefined
  const writer = createByteWriter(length)
  for (const { isControl, bytes } of pending.slice(0, count)) {
    writer
      .varint(bytes.length)
      .u8(isControl ? lanes.control : lanes.application)
      .bytes(bytes)
  }
  return { body: writer.finish(), count }
}

function measure(
  pending: readonly LinkMessage[],
  bodyBytes: number,
): { readonly count: number; readonly length: number } {
  let length = 0
  let count = 0
  for (const { bytes } of pending) {
    const next = length + varintLength(bytes.length) + 1 + bytes.length
    const isSmall = bytes.length <= MAX_PACKED_MESSAGE_BYTES
    if (!isSmall || next > bodyBytes || count === MAX_PACKED_MESSAGES) break
    length = next
    count += 1
  }
  return { count, length }
}

/**
 * The messages of a packed body, in order. Each is a copy: a small message that the
 * application keeps must not keep 64 KiB alive.
 *
 * @throws `SecureChannelError` `ERR_CHANNEL_STATE` or `ERR_CHANNEL_TOO_LARGE`, whatever `body` holds.
 */
export function unpackMessages(body: Uint8Array): LinkMessage[] {
  try {
    return readMessages(body)
  } catch (cause) {
    if (!isWireError(cause)) throw cause
    throw new SecureChannelError('ERR_CHANNEL_STATE', 'a packed record is malformed', { cause })
  }
}

function readMessages(body: Uint8Array): LinkMessage[] {
  const reader = createByteReader(body)
  const messages: LinkMessage[] = []
  while (reader.remaining > 0) {
    if (messages.length === MAX_PACKED_MESSAGES) {
      throw new SecureChannelError(
        'ERR_CHANNEL_TOO_LARGE',
        `a packed record holds more than ${MAX_PACKED_MESSAGES} messages`,
      )
    }
    const length = reader.varint(MAX_MESSAGE_BYTES)
    const isControl = readLane(reader.u8())
    if (length === 0 || (isControl && length > MAX_CONTROL_BYTES)) {
      throw stateError(`a packed message has ${length} bytes`)
    }
    messages.push({ isControl, bytes: reader.bytes(length).slice() })
  }
  // One message has its own record type: every content has one encoding.
  if (messages.length < 2) throw stateError('a packed record holds fewer than two messages')
  return messages
}

function readLane(lane: number): boolean {
  if (lane > lanes.control) throw stateError(`lane ${lane} does not exist`)
  return lane === lanes.control
}

function stateError(message: string): SecureChannelError {
  return new SecureChannelError('ERR_CHANNEL_STATE', message)
}
