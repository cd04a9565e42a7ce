import { describe, expect, it } from 'vitest'
import { dialError, stackReason } from '../src/stack-error.ts'

const peerId = '1b8cefe888f3ba1e4844f72d22c12b72e8ffa175417959cffd5210b2e0f71be9'

/** As the stack writes it. */
function stackError(reason: string): Error {
  return new Error(`ConnectError::Connecting (/build/iroh-1.0.2/src/endpoint.rs:1060:20)
Caused by:
    0: ConnectingError::ConnectionError (/build/core/src/task/poll.rs:258:39)
    1: ${reason}

Stack backtrace:
   0: <anyhow::Error>::msg::<alloc::string::String>
   1: start_thread
             at ./nptl/pthread_create.c:442:8`)
}

describe('an error of the stack', () => {
  it('is told without native frames and foreign paths', () => {
    const reason = 'ConnectError::Connecting: ConnectingError::ConnectionError: timed out'
    expect(stackReason(stackError('timed out'))).toBe(reason)
  })

  it('is cut to a length that fits a log', () => {
    expect(stackReason(new Error('x'.repeat(100_000)))).toHaveLength(256)
    expect(stackReason('no error at all')).toBe('no error at all')
  })

  it.each([
    [
      'the cryptographic handshake failed: invalid peer certificate: UnknownIssuer',
      'ERR_PEER_MISMATCH',
    ],
    ["aborted by peer: peer doesn't support any known protocol", 'ERR_HANDSHAKE_FAILED'],
    ['aborted by peer: the server refused to accept a new connection', 'ERR_HANDSHAKE_FAILED'],
    ['timed out', 'ERR_DIAL_FAILED'],
  ])('"%s" becomes %s', (reason, code) => {
    const error = dialError(peerId, stackError(reason))
    expect(error).toMatchObject({ code, hint: expect.any(String) })
    expect(String(error.cause)).not.toContain('.rs')
  })
})
