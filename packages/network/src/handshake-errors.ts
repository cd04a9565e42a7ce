/** Why a connection does not get its session. */
import { NetworkError } from './errors.ts'
import { MAX_PATHS, MAX_SESSIONS_PER_PEER, MIN_SESSION_VERSION, SESSION_VERSION } from './limits.ts'

/** Both ends dialled, or the session that is named stands already. */
export function duplicate(): NetworkError {
  return new NetworkError(
    'ERR_SESSION_DUPLICATE',
    'a session with that peer stands or is on its way',
  )
}

/** The hello names no version that this node speaks. */
export function versionMismatch(min: number, max: number): NetworkError {
  return new NetworkError(
    'ERR_VERSION_MISMATCH',
    `the peer speaks versions ${min} to ${max} of the session protocol, this node ${MIN_SESSION_VERSION} to ${SESSION_VERSION}`,
    { hint: 'update the older of the two' },
  )
}

/** What a refused hello means here: only codes of the protocol are taken over. */
export function refusal(code: string): NetworkError {
  if (code === 'ERR_VERSION_MISMATCH') {
    return new NetworkError(code, 'the peer speaks another version of the session protocol', {
      peerCode: code,
      hint: 'update the older of the two',
    })
  }
  if (code === 'ERR_LIMIT' || code === 'ERR_SESSION_DUPLICATE') {
    return new NetworkError(code, `the peer refused the session: ${code}`, { peerCode: code })
  }
  return new NetworkError('ERR_SESSION_CLOSED', `the peer refused the session: ${code}`, {
    peerCode: code,
  })
}

/** A process that had the session does not know it any more. */
export function forgottenSession(): NetworkError {
  return new NetworkError('ERR_SESSION_RESET', 'the peer came back without the session', {
    hint: 'compare again on the new session',
  })
}

export function tooManyPaths(): NetworkError {
  return new NetworkError('ERR_LIMIT', `${MAX_PATHS} connections carry the session already`)
}

export function tooManySessions(maxSessions: number): NetworkError {
  return new NetworkError('ERR_LIMIT', `${maxSessions} sessions stand, no more are allowed`, {
    hint: 'raise maxConnections',
  })
}

export function tooManySessionsOfPeer(): NetworkError {
  return new NetworkError('ERR_LIMIT', `${MAX_SESSIONS_PER_PEER} sessions of one peer stand`)
}
