/**
 * What a command and the running node say to each other: frames of `@vudo/wire`, one
 * CBOR map each. A command sends requests; each is answered by any number of items
 * and then by one end. Both ends are processes of the same user on the same machine.
 */
import { isVudoError, VudoError } from '@vudo/transport'
import { concatBytes, decodeCbor, encodeCbor, encodeFrameHeader } from '@vudo/wire'
import { CliError } from '../errors.ts'
import { MAX_CONTROL_MESSAGE_BYTES } from '../limits.ts'

/** Asks for one thing. */
export interface Request {
  readonly id: number
  /** Name of the operation, one of the node's. */
  readonly op: string
  readonly args: Readonly<Record<string, unknown>>
}

/** One part of an answer. */
export type Response =
  /** One item of a stream. */
  | { readonly id: number; readonly item: unknown }
  /** The end: it worked. */
  | { readonly id: number; readonly result: unknown }
  /** The end: it did not. */
  | { readonly id: number; readonly error: ErrorMessage }

/** An error on its way to another process. */
export interface ErrorMessage {
  readonly code: string
  readonly message: string
  readonly hint: string
}

/**
 * A request or response as one frame.
 *
 * @throws `CliError` `ERR_INPUT_INVALID` above {@link MAX_CONTROL_MESSAGE_BYTES}, and for a
 *   value that CBOR cannot carry: half a surrogate pair, an integer beyond 2^53, a function.
 */
export function encodeMessage(message: Request | Response): Uint8Array {
  const body = encodeBody(message)
  if (body.byteLength > MAX_CONTROL_MESSAGE_BYTES) throw tooLarge(body.byteLength)
  return concatBytes(encodeFrameHeader(body.byteLength), body)
}

function encodeBody(message: Request | Response): Uint8Array {
  try {
    return encodeCbor(message)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('ERR_INPUT_INVALID', `the value cannot be sent: ${why}`, {
      cause,
      hint: 'texts have to be well-formed Unicode, and numbers finite',
    })
  }
}

/**
 * A request from a frame's body.
 *
 * @throws `WireError` `ERR_DECODE`, `CliError` `ERR_CONTROL_PROTOCOL`.
 */
export function decodeRequest(body: Uint8Array): Request {
  const value = decodeCbor(body, { maxBytes: MAX_CONTROL_MESSAGE_BYTES })
  if (!isMap(value) || !isId(value['id']) || typeof value['op'] !== 'string') throw garbled()
  return { id: value['id'], op: value['op'], args: isMap(value['args']) ? value['args'] : {} }
}

/**
 * A response from a frame's body.
 *
 * @throws `WireError` `ERR_DECODE`, `CliError` `ERR_CONTROL_PROTOCOL`.
 */
export function decodeResponse(body: Uint8Array): Response {
  const value = decodeCbor(body, { maxBytes: MAX_CONTROL_MESSAGE_BYTES })
  if (!isMap(value) || !isId(value['id'])) throw garbled()
  const id = value['id']
  if ('item' in value) return { id, item: value['item'] }
  if ('result' in value) return { id, result: value['result'] }
  return { id, error: decodeError(value['error']) }
}

function decodeError(value: unknown): ErrorMessage {
  if (!isMap(value)) throw garbled()
  const { code, message, hint } = value
  if (typeof code !== 'string' || typeof message !== 'string' || typeof hint !== 'string') {
    throw garbled()
  }
  return { code, message, hint }
}

/** An error as it travels; what is not one of ours keeps its message only. */
export function errorToMessage(error: unknown): ErrorMessage {
  // Messages quote what was asked for, and CBOR refuses half a surrogate pair.
  if (isVudoError(error)) {
    const { code, message, hint = '' } = error
    return { code, message: message.toWellFormed(), hint: hint.toWellFormed() }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'ERR_INTERNAL', message: message.toWellFormed(), hint: '' }
}

/** The same error at the other end. */
export function errorFromMessage({ code, message, hint }: ErrorMessage): VudoError {
  return new VudoError(code, message, { hint: hint === '' ? undefined : hint })
}

/** Tells whether `value` is a map with text keys, as CBOR gives it. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  )
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function tooLarge(bytes: number): CliError {
  return new CliError(
    'ERR_INPUT_INVALID',
    `a message of ${bytes} bytes does not fit the control socket, which takes ${MAX_CONTROL_MESSAGE_BYTES}`,
    { hint: 'split the document, or list a narrower prefix' },
  )
}

function garbled(): CliError {
  return new CliError(
    'ERR_CONTROL_PROTOCOL',
    'the other end of the control socket sent something else than a control message',
    {
      hint: 'use the same version of vudo for the node and for the command',
    },
  )
}
