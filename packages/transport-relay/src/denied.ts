import { isTransportError, TransportError } from '@vudo/transport'

/** What a relay's refusals mean for who runs the node; the numbers are those of the wire format. */
const hints: Readonly<Record<number, string>> = {
  1: 'the relay and this program do not agree on the proof: update both',
  2: 'dial the relay by a name it goes by, or have its operator add --name',
  3: 'ask the operator for the token and put it behind the URL: ?token=…',
  4: "ask the operator to let this node's key in",
  5: 'try later, or add a second relay',
  6: 'the operator has to look after the access service',
}

/** Refusals that only a person can change. */
const lasting: ReadonlySet<number> = new Set([1, 2, 3, 4])

/** A refusal as an error: `ERR_HANDSHAKE_FAILED`, or `ERR_LIMIT` where the relay is full. */
export function deniedError(host: string, denial: number, reason: string): TransportError {
  const code = denial === 5 ? 'ERR_LIMIT' : 'ERR_HANDSHAKE_FAILED'
  const options = { hint: hints[denial] ?? 'ask the operator of the relay' }
  const error = new TransportError(code, `the relay ${host} refused: ${reason}`, options)
  if (lasting.has(denial)) lastingErrors.add(error)
  return error
}

/** The close code of a relay that has let in another connection with the same end point. */
const replacedCode = 4_001

/** What a close code says that the wait has to heed; `undefined` for an ordinary end. */
export function closeError(host: string, code: number): TransportError | undefined {
  if (code !== replacedCode) return undefined
  const error = new TransportError(
    'ERR_CONNECTION_LOST',
    `the relay ${host} has another connection with this end point`,
    { hint: 'name each relay once, and not two of one operator that are joined' },
  )
  // Whoever came back at once would throw the other one out, and so on for ever.
  lastingErrors.add(error)
  return error
}

const lastingErrors = new WeakSet<Error>()

/** Whether trying again helps nobody. */
export function isLasting(error: Error | undefined): error is TransportError {
  if (!isTransportError(error)) return false
  return error.code === 'ERR_CONFIG_INVALID' || lastingErrors.has(error)
}
