/** Cores of nodes for tests that stand between two of them. */
import { Handshakes, type HandshakesInit } from '../src/handshake.ts'
import { deriveDatabaseKey } from '../src/membership.ts'

/** A node's handshakes with the usual times. Its process is named after the first digit of its id. */
export function createHandshakes(
  peerId: string,
  init: Partial<Pick<HandshakesInit, 'databases' | 'maxFrameBytes'>> = {},
): Handshakes {
  return new Handshakes({
    peerId,
    instance: new Uint8Array(16).fill(Number(peerId[0])),
    maxFrameBytes: 16_384,
    maxSessions: 10,
    heartbeatIntervalMs: 15_000,
    resumeWindowMs: 60_000,
    unsharedGraceMs: 10_000,
    databases: () => [deriveDatabaseKey('db', new Uint8Array(32))],
    record: () => new Uint8Array(0),
    ...init,
  })
}
