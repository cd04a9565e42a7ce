/**
 * Frames of the iroh relay protocol, versions 1 and 2 (`iroh-relay/src/protos` in
 * n0-computer/iroh): one byte of type, which is a QUIC varint, and the rest. The relay carries
 * datagrams of QUIC, which are encrypted between their ends, and may drop them.
 */
import { blake3 } from '@noble/hashes/blake3.js'
import { RelayError } from './errors.ts'

/** The subprotocols of WebSocket by which versions are agreed, best first. */
export const irohProtocols: readonly string[] = ['iroh-relay-v2', 'iroh-relay-v1']

/** Types, as far as a server reads or writes them. */
export const irohTypes = {
  serverChallenge: 0,
  clientAuth: 1,
  serverConfirmsAuth: 2,
  serverDeniesAuth: 3,
  toRelay: 4,
  toRelayBatch: 5,
  fromRelay: 6,
  fromRelayBatch: 7,
  endpointGone: 8,
  ping: 9,
  pong: 10,
  health: 11,
  restarting: 12,
  status: 13,
} as const

/** Bytes of its challenge. */
export const IROH_CHALLENGE_BYTES = 16

const keyBytes = 32
const signatureBytes = 64
const signatureContext = new TextEncoder().encode('iroh-relay handshake v1 challenge signature')

/** A client's proof. Views of the frame. */
export interface IrohAuth {
  readonly key: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Reads the first frame of a client: `1 | key (32) | 64 | signature (64)`.
 *
 * @throws `RelayError` `ERR_RELAY_PROTOCOL`.
 */
export function decodeIrohAuth(bytes: Uint8Array): IrohAuth {
  const isAuth =
    bytes[0] === irohTypes.clientAuth &&
    bytes.length === 2 + keyBytes + signatureBytes &&
    bytes[1 + keyBytes] === signatureBytes
  if (!isAuth) throw new RelayError('ERR_RELAY_PROTOCOL', 'the client sent no proof of iroh')
  return { key: bytes.subarray(1, 1 + keyBytes), signature: bytes.subarray(2 + keyBytes) }
}

/** What the signature covers: BLAKE3 in its mode for deriving keys, of the challenge. */
export function irohChallengeMessage(challenge: Uint8Array): Uint8Array {
  return blake3(challenge, { context: signatureContext })
}

/** Whether a frame is a datagram, or several, for another client. */
export function isDatagram(bytes: Uint8Array): boolean {
  const isOne = bytes[0] === irohTypes.toRelay || bytes[0] === irohTypes.toRelayBatch
  return isOne && bytes.length > 1 + keyBytes
}

/** Whom a datagram is for: 32 bytes as Latin-1. */
export function destinationOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + 1, keyBytes).toString('latin1')
}

/** Turns the sender's frame into the receiver's, in place: the source where the destination was. */
export function toRelayToFromRelay(bytes: Uint8Array, source: Uint8Array): void {
  bytes[0] = bytes[0] === irohTypes.toRelay ? irohTypes.fromRelay : irohTypes.fromRelayBatch
  bytes.set(source, 1)
}

/** Makes a frame. */
export function irohFrame(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), ...parts])
}

/** A refusal: its reason with one byte of length before it. */
export function irohDenial(reason: string): Uint8Array {
  const text = Buffer.from(reason).subarray(0, 127)
  return irohFrame(irohTypes.serverDeniesAuth, Uint8Array.of(text.length), text)
}

/** Says that the relay ends: come back in so many milliseconds, and try for so many. */
export function irohRestarting(reconnectInMs: number, tryForMs: number): Uint8Array {
  const times = Buffer.alloc(8)
  times.writeUInt32BE(reconnectInMs, 0)
  times.writeUInt32BE(tryForMs, 4)
  return irohFrame(irohTypes.restarting, times)
}
