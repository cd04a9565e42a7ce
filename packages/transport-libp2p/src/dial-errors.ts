import { isTransportError, TransportError } from '@vudo/transport'

/**
 * What a failed dial of the stack means for us. The stack has a name for each error, and
 * wraps several of them into one.
 */
export function dialError(address: string, cause: unknown): TransportError {
  if (isTransportError(cause)) return cause
  const errors = allErrors(cause)
  if (errors.some(isSelf)) return selfError()
  const code = errors.map(codeOf).find((one) => one !== undefined && one in reachHints)
  if (code !== undefined) return unreachable(address, code, cause)
  const text = errors.map(({ message }) => message).join('; ')
  if (/reservation/i.test(text)) return withoutReservation(address, cause)
  if (errors.some(isHandshake)) return handshakeFailed(address, text, cause)
  return unreachable(address, text.slice(0, 200), cause)
}

/** The far end is this node. */
export function selfError(): TransportError {
  return new TransportError('ERR_PEER_SELF', 'the far end holds our own key', {
    hint: 'remove our own address from the list, and give every device its own key',
  })
}

/** The far end proved another key. */
export function mismatchError(found: string, expected: string): TransportError {
  return new TransportError('ERR_PEER_MISMATCH', `found peer ${found}, expected ${expected}`, {
    hint: 'ask the peer for its present address',
  })
}

/** Connected, but nothing of ours at the far end. */
export function handshakeFailed(address: string, why: string, cause?: unknown): TransportError {
  return new TransportError('ERR_HANDSHAKE_FAILED', `${address} is no peer of ours: ${why}`, {
    cause,
    hint: 'check that a VUDO node of the same version listens there and not another service; it may also be full',
  })
}

function withoutReservation(address: string, cause: unknown): TransportError {
  return new TransportError('ERR_DIAL_FAILED', `the relay does not know the peer of ${address}`, {
    cause,
    hint: 'the peer has to be online and hold a place at that relay (option relays)',
  })
}

function unreachable(address: string, why: string, cause: unknown): TransportError {
  return new TransportError('ERR_DIAL_FAILED', `${address} could not be reached: ${why}`, {
    cause,
    hint: reachHints[why] ?? 'check the address and that this machine is connected to that network',
  })
}

const reachHints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens on that port: start the peer, or ask for its present port',
  ENOTFOUND: 'the name does not exist: check its spelling, or use the IP address',
  EAI_AGAIN: 'the name could not be looked up: check the network, or use the IP address',
  EHOSTUNREACH: 'this machine has no way to that address: check the network',
  ENETUNREACH: 'this machine has no way to that address: check the network',
  ETIMEDOUT: 'nobody answers there: check the address, and firewalls on the way',
  EMFILE: 'this process has too many open files: raise the limit, or close connections',
}

const handshakeErrors: ReadonlySet<string> = new Set([
  'EncryptionFailedError',
  'ConnectionInterceptedError',
  'MuxerUnavailableError',
  'UnsupportedProtocolError',
  'UnexpectedEOFError',
  'StreamClosedError',
  'StreamResetError',
  'ConnectionClosedError',
  'ECONNRESET',
])

function isHandshake(error: Error): boolean {
  return handshakeErrors.has(error.name) || handshakeErrors.has(codeOf(error) ?? '')
}

function isSelf({ name, message }: Error): boolean {
  return (name === 'InvalidPeerIdError' || name === 'DialError') && /dial self/i.test(message)
}

function codeOf(error: Error): string | undefined {
  return 'code' in error ? String(error.code) : undefined
}

/** The error, what it collects, and what is behind each, at most three deep. */
function allErrors(error: unknown, depth = 3): Error[] {
  if (!(error instanceof Error) || depth === 0) return []
  const inner: readonly unknown[] = error instanceof AggregateError ? error.errors : []
  return [error, ...[...inner, error.cause].flatMap((one) => allErrors(one, depth - 1))]
}
