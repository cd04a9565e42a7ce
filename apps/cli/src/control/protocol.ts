/**
 * What a command and the running node say to each other: frames of `@vudo/wire`, one
 * CBOR map each. A command sends requests; each is answered by any number of items
 * and then by one end. Both ends are processes of the same user on the same machine.
 */
import { isVudoError, VudoError } from '@vudo/transport'
import { concatBytes, decodeCbor, encodeCbor, encodeFrameHeader } from '@vudo/wire'
import { CliError } from '../errors.ts'
import { MAX_CONTROL_BYTES } from '../limits.ts'

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
  | { readonly id: number; readonly error: WireError }

/** An error on its way to another process. */
export interface WireError {
  readonly code: string
  readonly message: string
  readonly hint: string
}

/** A request or response as one frame. */
export function encodeMessage(message: Request | Response): Uint8Array {
  const body = encodeCbor(message)
  return concatBytes(encodeFrameHeader(body.byteLength), body)
}

/**
 * A request from a frame's body.
 *
 * @throws `WireError` `ERR_DECODE`, `CliError` `ERR_CONTROL_PROTOCOL`.
 */
export function decodeRequest(body: Uint8Array): Request {
  const value = decodeCbor(body, { maxBytes: MAX_CONTROL_BYTES })
  if (!isMap(value) || !isId(value['id']) || typeof value['op'] !== 'string') throw garbled()
  return { id: value['id'], op: value['op'], args: isMap(value['args']) ? value['args'] : {} }
}

/**
 * A response from a frame's body.
 *
 * @throws `WireError` `ERR_DECODE`, `CliError` `ERR_CONTROL_PROTOCOL`.
 */
export function decodeResponse(body: Uint8Array): Response {
  const value = decodeCbor(body, { maxBytes: MAX_CONTROL_BYTES })
  if (!isMap(value) || !isId(value['id'])) throw garbled()
  const id = value['id']
  if ('item' in value) return { id, item: value['item'] }
  if ('result' in value) return { id, result: value['result'] }
  const error = value['error']
  if (!isMap(error)) throw garbled()
  return {
    id,
    error: {
      code: String(error['code']),
      message: String(error['message']),
      hint: String(error['hint']),
    },
  }
}

/** An error as it travels; what is not one of ours keeps its message only. */
export function errorToWire(error: unknown): WireError {
  if (isVudoError(error)) {
    return { code: error.code, message: error.message, hint: error.hint ?? '' }
  }
  return {
    code: 'ERR_INTERNAL',
    message: error instanceof Error ? error.message : String(error),
    hint: '',
  }
}

/** The same error at the other end. */
export function errorFromWire({ code, message, hint }: WireError): VudoError {
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

function garbled(): CliError {
  return new CliError(
    'ERR_CONTROL_PROTOCOL',
    'the other end of the control socket sent something else than a control message',
    {
      hint: 'use the same version of vudo for the node and for the command',
    },
  )
}
