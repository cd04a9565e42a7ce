import { VudoError } from '@vudo/transport'

/** Stable reasons why a conformance case fails. */
export type ConformanceErrorCode =
  /** The transport breaks the contract; the message says where, with what was expected. */
  | 'ERR_CONFORMANCE_BROKEN'
  /** Something the contract promises did not happen within `caseTimeoutMs`. */
  | 'ERR_CONFORMANCE_TIMEOUT'

/** What a case throws to its runner. */
export class ConformanceError extends VudoError {
  override readonly name = 'ConformanceError'
  declare readonly code: ConformanceErrorCode

  constructor(code: ConformanceErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, { ...options, hint: 'compare with the doc comments of @vudo/transport' })
  }
}

/** @throws `ConformanceError` `ERR_CONFORMANCE_BROKEN` unless `holds`. */
export function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new ConformanceError('ERR_CONFORMANCE_BROKEN', message)
}

/** How a promise ended: what a call rejected with, or `undefined` when it succeeded. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error ?? new Error('rejected without a reason')
  }
}

/** Checks that `promise` rejects with one of the codes. */
export async function checkCode(
  promise: Promise<unknown>,
  what: string,
  ...codes: readonly string[]
): Promise<void> {
  const error = await errorOf(promise)
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  const shown = code ?? (error instanceof Error ? error.message : typeof error)
  const seen = error === undefined ? 'it succeeded' : `it rejected with ${shown}`
  check(
    code !== undefined && codes.includes(code),
    `${what}: ${seen}, expected ${codes.join(' or ')}`,
  )
}
