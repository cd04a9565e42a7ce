import { TransportError, type PeerId } from '@vudo/transport'
import { MAX_REASON_CHARACTERS } from './limits.ts'

/**
 * What went wrong, out of an error of the stack: those carry a stack of native frames,
 * and paths of the machine on which the stack was built, which help nobody here.
 */
export function stackReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const [chain = ''] = text.slice(0, 4_096).split('Stack backtrace')
  const causes = chain
    .split('\n')
    .map((line) => line.replace(/^\s*(?:\d+: )?/, '').replace(/ \([^()]*\.rs:\d+:\d+\)$/, ''))
    .filter((line) => line !== '' && line !== 'Caused by:')
  return causes.join(': ').slice(0, MAX_REASON_CHARACTERS)
}

/** An error of the stack as a cause that may be shown. */
export function stackCause(error: unknown): Error {
  return new Error(stackReason(error))
}

/** Why a dial failed, from what the stack says of it. */
export function dialError(peerId: PeerId, error: unknown): TransportError {
  const cause = stackCause(error)
  const reason = cause.message
  if (reason.includes('UnknownIssuer')) {
    return new TransportError('ERR_PEER_MISMATCH', `another peer than ${peerId} answered`, {
      cause,
      hint: 'ask the peer for its present address',
    })
  }
  if (reason.includes('known protocol')) {
    return handshakeFailed(`${peerId} does not speak /vudo/link/1`, cause)
  }
  if (reason.includes('refused to accept')) return turnedAway(cause)
  return new TransportError('ERR_DIAL_FAILED', `${peerId} could not be reached: ${reason}`, {
    cause,
    hint: 'check the address, and that the peer is running',
  })
}

/** The far end ended the connection before it was one. */
export function turnedAway(cause: Error | undefined): TransportError {
  return new TransportError('ERR_HANDSHAKE_FAILED', 'the far end turned this node away', {
    cause,
    hint: 'it may be full, or not admit this node; try again later',
  })
}

function handshakeFailed(message: string, cause: Error): TransportError {
  return new TransportError('ERR_HANDSHAKE_FAILED', message, {
    cause,
    hint: 'check that the address belongs to a peer of this application and not to another one',
  })
}
