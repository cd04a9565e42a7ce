/**
 * The frames of a session, one per message of the connection below: a kind byte and
 * its fields (docs/wire-formats/session.md). A kind from 0x80 on that is not known
 * is skipped, so that later versions can add hints; any other is a breach.
 *
 * Decoding throws only `NetworkError` `ERR_SESSION_PROTOCOL`. Byte results share the
 * memory of the frame.
 */
import { MAX_RECORD_BYTES, MAX_MESSAGE_BYTES } from '@vudo/transport'
import {
  createByteReader,
  createByteWriter,
  isWireError,
  varintLength,
  writeVarint,
  type ByteReader,
  type ByteWriter,
} from '@vudo/wire'
import { NetworkError } from './errors.ts'
import {
  INSTANCE_BYTES,
  MAX_CHANNELS,
  MAX_CODE_BYTES,
  MAX_DATABASES,
  MAX_PROTOCOL_BYTES,
  MIN_FRAME_BYTES,
  MIN_SESSION_VERSION,
  NONCE_BYTES,
  PROOF_BYTES,
  SESSION_ID_BYTES,
  SESSION_VERSION,
} from './limits.ts'

/** The first byte of every frame. */
export const frameKind = {
  hello: 0x01,
  welcome: 0x02,
  refused: 0x03,
  confirm: 0x04,
  membership: 0x05,
  ping: 0x06,
  pong: 0x07,
  goodbye: 0x08,
  ask: 0x09,
  open: 0x10,
  data: 0x11,
  end: 0x12,
  reset: 0x13,
  ack: 0x14,
  dataAsking: 0x15,
} as const

/** From this kind on, unknown frames are skipped. */
const firstOptionalKind = 0x80

/** What comes first of all channels: 0 critical, 1 high, 2 normal, 3 low. */
export type PriorityNumber = 0 | 1 | 2 | 3

/** How far one end has received a channel, and how far it will. */
export interface ChannelPosition {
  readonly channel: number
  /** The sequence number it expects next. */
  readonly next: number
  /** The offset up to which it takes data, counted from the channel's beginning. */
  readonly credit: number
}

/** Where one end stands when its session is to go on. */
export interface Snapshot {
  /**
   * Higher than in every snapshot that this end took before. Two connections may be
   * under way at once; what comes late on the older one must not count.
   */
  readonly number: number
  readonly positions: readonly ChannelPosition[]
}

/** A session that the dialer wants to go on with. */
export interface ResumeOffer extends Snapshot {
  readonly sessionId: Uint8Array
}

/** What the dialer says first. */
export interface HelloFrame {
  readonly kind: typeof frameKind.hello
  readonly minVersion: number
  readonly maxVersion: number
  readonly nonce: Uint8Array
  readonly instance: Uint8Array
  /** The largest message that every one of its transports takes. */
  readonly maxFrameBytes: number
  readonly resume: ResumeOffer | undefined
  /** Its signed peer record, or nothing. */
  readonly record: Uint8Array
}

/** A hello of a version that we do not speak: the rest of it is not read. */
export interface ForeignHelloFrame {
  readonly kind: 'foreign-hello'
  readonly minVersion: number
  readonly maxVersion: number
}

/** The answer of the acceptor. */
export interface WelcomeFrame {
  readonly kind: typeof frameKind.welcome
  readonly version: number
  readonly nonce: Uint8Array
  readonly instance: Uint8Array
  readonly maxFrameBytes: number
  /** Where the acceptor stands when the session goes on; `undefined` when a new one begins. */
  readonly resumed: Snapshot | undefined
  /** Its proofs of membership when a new session begins. */
  readonly proofs: readonly Uint8Array[]
  readonly record: Uint8Array
}

/** Frames whose only content is a code. */
export interface CodeFrame {
  readonly kind: typeof frameKind.refused | typeof frameKind.goodbye
  readonly code: string
}

/** All proofs of membership that the sender shows now; replaces what it showed before. */
export interface ProofsFrame {
  readonly kind: typeof frameKind.confirm | typeof frameKind.membership
  readonly proofs: readonly Uint8Array[]
}

/** A question for a sign of life, and its answer. */
export interface TimeFrame {
  readonly kind: typeof frameKind.ping | typeof frameKind.pong
  /** The clock of whoever asked, in milliseconds. */
  readonly timestampMs: number
}

/** Opens a channel; sequence number 0. */
export interface OpenFrame {
  readonly kind: typeof frameKind.open
  readonly channel: number
  readonly protocol: string
  readonly priority: PriorityNumber
  /** The opener's proof of membership of the channel's database; empty when it belongs to none. */
  readonly proof: Uint8Array
}

/** Asks where the receiver stands: it acknowledges every channel. */
export interface AskFrame {
  readonly kind: typeof frameKind.ask
}

/** A fragment of a message. */
export interface DataFrame {
  /** `dataAsking` when it is to be acknowledged at once. */
  readonly kind: typeof frameKind.data | typeof frameKind.dataAsking
  readonly channel: number
  readonly sequence: number
  /** True when more fragments of the same message follow. */
  readonly hasMore: boolean
  readonly payload: Uint8Array
}

/** The sender sends no more on the channel. */
export interface EndFrame {
  readonly kind: typeof frameKind.end
  readonly channel: number
  readonly sequence: number
}

/** Ends a channel at once. */
export interface ResetFrame {
  readonly kind: typeof frameKind.reset
  readonly channel: number
  readonly code: string
}

/** How far a channel was received, and how far it will be. */
export interface AckFrame extends ChannelPosition {
  readonly kind: typeof frameKind.ack
}

/** Everything that can be in a message of a connection. */
export type Frame =
  | HelloFrame
  | ForeignHelloFrame
  | WelcomeFrame
  | CodeFrame
  | ProofsFrame
  | TimeFrame
  | AskFrame
  | OpenFrame
  | DataFrame
  | EndFrame
  | ResetFrame
  | AckFrame

/**
 * Reads one frame.
 *
 * @returns `undefined` for a kind that is to be skipped.
 * @throws `NetworkError` `ERR_SESSION_PROTOCOL` and nothing else, whatever the bytes are.
 */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  const reader = createByteReader(bytes)
  try {
    const kind = reader.u8()
    const decode = decoders[kind]
    if (decode !== undefined) {
      const frame = decode(reader)
      // A foreign hello is not read to its end: how it goes on is another version's matter.
      if (frame.kind !== 'foreign-hello') reader.end()
      return frame
    }
    if (kind >= firstOptionalKind) return undefined
    throw protocolError(`frame of unknown kind ${kind}`)
  } catch (error) {
    if (isWireError(error)) throw protocolError(error.message, error)
    throw error
  }
}

/** A breach of the protocol by the peer. */
export function protocolError(message: string, cause?: unknown): NetworkError {
  return new NetworkError('ERR_SESSION_PROTOCOL', message, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'the peer runs faulty or hostile software; its session was ended',
  })
}

const decoders: Readonly<Record<number, (reader: ByteReader) => Frame>> = {
  [frameKind.hello]: decodeHello,
  [frameKind.welcome]: decodeWelcome,
  [frameKind.refused]: (reader) => ({ kind: frameKind.refused, code: readCode(reader) }),
  [frameKind.confirm]: (reader) => ({ kind: frameKind.confirm, proofs: readProofs(reader) }),
  [frameKind.membership]: (reader) => ({ kind: frameKind.membership, proofs: readProofs(reader) }),
  [frameKind.ping]: (reader) => ({ kind: frameKind.ping, timestampMs: reader.varint() }),
  [frameKind.pong]: (reader) => ({ kind: frameKind.pong, timestampMs: reader.varint() }),
  [frameKind.goodbye]: (reader) => ({ kind: frameKind.goodbye, code: readCode(reader) }),
  [frameKind.open]: decodeOpen,
  [frameKind.ask]: () => ({ kind: frameKind.ask }),
  [frameKind.data]: (reader) => decodeData(reader, frameKind.data),
  [frameKind.dataAsking]: (reader) => decodeData(reader, frameKind.dataAsking),
  [frameKind.end]: (reader) => ({
    kind: frameKind.end,
    channel: reader.varint(),
    sequence: reader.varint(),
  }),
  [frameKind.reset]: (reader) => ({
    kind: frameKind.reset,
    channel: reader.varint(),
    code: readCode(reader),
  }),
  [frameKind.ack]: (reader) => ({ kind: frameKind.ack, ...readPosition(reader) }),
}

function decodeHello(reader: ByteReader): HelloFrame | ForeignHelloFrame {
  const minVersion = reader.u8()
  const maxVersion = reader.u8()
  if (minVersion > maxVersion) throw protocolError('hello has an empty range of versions')
  if (SESSION_VERSION < minVersion || MIN_SESSION_VERSION > maxVersion) {
    return { kind: 'foreign-hello', minVersion, maxVersion }
  }
  return {
    kind: frameKind.hello,
    minVersion,
    maxVersion,
    nonce: reader.bytes(NONCE_BYTES),
    instance: reader.bytes(INSTANCE_BYTES),
    maxFrameBytes: readMaxFrameBytes(reader),
    resume: readFlag(reader)
      ? { sessionId: reader.bytes(SESSION_ID_BYTES), ...readSnapshot(reader) }
      : undefined,
    record: reader.prefixed(MAX_RECORD_BYTES),
  }
}

function decodeWelcome(reader: ByteReader): WelcomeFrame {
  const version = reader.u8()
  if (version < MIN_SESSION_VERSION || version > SESSION_VERSION) {
    throw protocolError(`welcome of version ${version}`)
  }
  const nonce = reader.bytes(NONCE_BYTES)
  const instance = reader.bytes(INSTANCE_BYTES)
  const maxFrameBytes = readMaxFrameBytes(reader)
  const resumed = readFlag(reader) ? readSnapshot(reader) : undefined
  const proofs = resumed === undefined ? readProofs(reader) : []
  const record = reader.prefixed(MAX_RECORD_BYTES)
  return {
    kind: frameKind.welcome,
    version,
    nonce,
    instance,
    maxFrameBytes,
    resumed,
    proofs,
    record,
  }
}

function decodeOpen(reader: ByteReader): OpenFrame {
  const channel = reader.varint()
  const protocol = reader.text(MAX_PROTOCOL_BYTES)
  const priority = reader.u8()
  if (!isPriority(priority)) throw protocolError(`priority ${priority}, expected 0 to 3`)
  const proof = readFlag(reader) ? reader.bytes(PROOF_BYTES) : reader.bytes(0)
  return { kind: frameKind.open, channel, protocol, priority, proof }
}

function isPriority(value: number): value is PriorityNumber {
  return value <= 3
}

function decodeData(reader: ByteReader, kind: DataFrame['kind']): DataFrame {
  const channel = reader.varint()
  const sequence = reader.varint()
  return {
    kind,
    channel,
    sequence,
    hasMore: readFlag(reader),
    payload: reader.rest(),
  }
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8()
  if (flag > 1) throw protocolError(`flag is ${flag}, expected 0 or 1`)
  return flag === 1
}

function readMaxFrameBytes(reader: ByteReader): number {
  const value = reader.varint()
  if (value < MIN_FRAME_BYTES) {
    throw protocolError(`frames of at most ${value} bytes, expected at least ${MIN_FRAME_BYTES}`)
  }
  // Clamped before any arithmetic: larger messages exist on no transport.
  return Math.min(value, MAX_MESSAGE_BYTES)
}

function readPosition(reader: ByteReader): ChannelPosition {
  return { channel: reader.varint(), next: reader.varint(), credit: reader.varint() }
}

function readSnapshot(reader: ByteReader): Snapshot {
  const number = reader.varint()
  // One more for the control channel.
  const count = reader.varint(2 * MAX_CHANNELS + 1)
  return { number, positions: Array.from({ length: count }, () => readPosition(reader)) }
}

function readProofs(reader: ByteReader): Uint8Array[] {
  return Array.from({ length: reader.varint(MAX_DATABASES) }, () => reader.bytes(PROOF_BYTES))
}

function readCode(reader: ByteReader): string {
  const code = reader.text(MAX_CODE_BYTES)
  if (!isCode(code)) throw protocolError('code is not written as ERR_…')
  return code
}

/** Tells whether `code` may travel as an error code: `ERR_`, then capitals, digits and low lines; at most 64 bytes. */
export function isCode(code: string): boolean {
  return code.length <= MAX_CODE_BYTES && /^ERR_[A-Z0-9_]+$/.test(code)
}

/** The bytes of a hello. */
export function encodeHello(hello: Omit<HelloFrame, 'kind'>): Uint8Array {
  const writer = createByteWriter(256)
    .u8(frameKind.hello)
    .u8(hello.minVersion)
    .u8(hello.maxVersion)
    .bytes(hello.nonce)
    .bytes(hello.instance)
    .varint(hello.maxFrameBytes)
  if (hello.resume === undefined) writer.u8(0)
  else writeSnapshot(writer.u8(1).bytes(hello.resume.sessionId), hello.resume)
  return writer.prefixed(hello.record).finish()
}

/** The bytes of a welcome. */
export function encodeWelcome(welcome: Omit<WelcomeFrame, 'kind'>): Uint8Array {
  const writer = createByteWriter(256)
    .u8(frameKind.welcome)
    .u8(welcome.version)
    .bytes(welcome.nonce)
    .bytes(welcome.instance)
    .varint(welcome.maxFrameBytes)
  if (welcome.resumed === undefined) writeProofs(writer.u8(0), welcome.proofs)
  else writeSnapshot(writer.u8(1), welcome.resumed)
  return writer.prefixed(welcome.record).finish()
}

/** The bytes of a frame that holds only a code. */
export function encodeCode({ kind, code }: CodeFrame): Uint8Array {
  return createByteWriter().u8(kind).text(code).finish()
}

/** The bytes of a list of proofs. */
export function encodeProofs({ kind, proofs }: ProofsFrame): Uint8Array {
  const writer = createByteWriter(8 + proofs.length * PROOF_BYTES).u8(kind)
  writeProofs(writer, proofs)
  return writer.finish()
}

/** The bytes of a ping or pong. */
export function encodeTime({ kind, timestampMs }: TimeFrame): Uint8Array {
  return createByteWriter(16).u8(kind).varint(timestampMs).finish()
}

/** The bytes of a question where the receiver stands. */
export function encodeAsk(): Uint8Array {
  return Uint8Array.of(frameKind.ask)
}

/** The bytes of an opening. */
export function encodeOpen(open: Omit<OpenFrame, 'kind'>): Uint8Array {
  const writer = createByteWriter(128)
    .u8(frameKind.open)
    .varint(open.channel)
    .text(open.protocol)
    .u8(open.priority)
    .u8(open.proof.length === 0 ? 0 : 1)
  return writer.bytes(open.proof).finish()
}

/** How many bytes {@link writeData} writes. */
export function dataFrameBytes({ channel, sequence, payload }: Omit<DataFrame, 'kind'>): number {
  return 2 + varintLength(channel) + varintLength(sequence) + payload.length
}

/** The bytes of a fragment, in a new buffer. */
export function encodeData(data: Omit<DataFrame, 'kind'>, isAsking = false): Uint8Array {
  const frame = new Uint8Array(dataFrameBytes(data))
  writeData(frame, data)
  markAsking(frame, isAsking)
  return frame
}

/** Says in a written data frame whether it is to be acknowledged at once. */
export function markAsking(frame: Uint8Array, isAsking: boolean): void {
  frame[0] = isAsking ? frameKind.dataAsking : frameKind.data
}

/** Writes a fragment to the beginning of `frame`, which has room: the one copy that sending makes. */
export function writeData(frame: Uint8Array, data: Omit<DataFrame, 'kind'>): void {
  const { channel, sequence, hasMore, payload } = data
  const headBytes = dataFrameBytes(data) - payload.length
  // By hand: a writer for the head of every frame costs more than the rest of it.
  frame[0] = frameKind.data
  writeVarint(frame, 1, channel)
  writeVarint(frame, 1 + varintLength(channel), sequence)
  frame[headBytes - 1] = hasMore ? 1 : 0
  frame.set(payload, headBytes)
}

/** The bytes of the end of a channel. */
export function encodeEnd({ channel, sequence }: Omit<EndFrame, 'kind'>): Uint8Array {
  return createByteWriter(16).u8(frameKind.end).varint(channel).varint(sequence).finish()
}

/** The bytes of a reset. */
export function encodeReset({ channel, code }: Omit<ResetFrame, 'kind'>): Uint8Array {
  return createByteWriter().u8(frameKind.reset).varint(channel).text(code).finish()
}

/** The bytes of an acknowledgement. */
export function encodeAck(position: ChannelPosition): Uint8Array {
  const writer = createByteWriter(24).u8(frameKind.ack)
  writePosition(writer, position)
  return writer.finish()
}

function writePosition(writer: ByteWriter, { channel, next, credit }: ChannelPosition): void {
  writer.varint(channel).varint(next).varint(credit)
}

function writeSnapshot(writer: ByteWriter, { number, positions }: Snapshot): void {
  writer.varint(number).varint(positions.length)
  for (const position of positions) writePosition(writer, position)
}

function writeProofs(writer: ByteWriter, proofs: readonly Uint8Array[]): void {
  writer.varint(proofs.length)
  for (const proof of proofs) writer.bytes(proof)
}
