import { isVudoError, VudoError } from '@vudo/transport'
import { SyncError, type SyncErrorCode } from './errors.ts'
import type { SentError } from './link-messages.ts'

/* Errors between threads: a structured clone keeps the message and loses name, code and hint. */

/** As deep as causes are told. */
const MAX_CAUSES = 8

/** What crosses of an error; of anything else that was thrown, its text. */
export function sendError(error: unknown, depth = 0): SentError {
  if (!(error instanceof Error)) return plain('Error', String(error))
  const { name, message, stack, cause } = error
  const isOurs = isVudoError(error)
  const hasCause = cause !== undefined && depth < MAX_CAUSES
  return {
    name,
    message,
    code: isOurs ? error.code : undefined,
    hint: isOurs ? error.hint : undefined,
    stack,
    cause: hasCause ? sendError(cause, depth + 1) : undefined,
  }
}

function plain(name: string, message: string): SentError {
  return { name, message, code: undefined, hint: undefined, stack: undefined, cause: undefined }
}

/** The error again, recognizable by name and code. Its stack is that of the other thread. */
export function receiveError(sent: SentError): Error {
  const error = rebuild(sent)
  if (sent.stack !== undefined) error.stack = sent.stack
  return error
}

function rebuild({ name, message, code, hint, cause }: SentError): Error {
  const options = cause ? { cause: receiveError(cause), hint } : { hint }
  if (code === undefined) {
    if (name === 'RangeError') return new RangeError(message, options)
    if (name === 'TypeError') return new TypeError(message, options)
    return Object.assign(new Error(message, options), { name })
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a SyncError made it
  if (name === 'SyncError') return new SyncError(code as SyncErrorCode, message, options)
  return new FarError(name, { code, message }, options)
}

/** An error of another family: it is recognized by its name, as all of ours. */
class FarError extends VudoError {
  override readonly name: string

  constructor(
    name: string,
    { code, message }: { readonly code: string; readonly message: string },
    options: { readonly cause?: unknown; readonly hint: string | undefined },
  ) {
    super(code, message, options)
    this.name = name
  }
}
