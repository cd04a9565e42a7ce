import { constants } from 'node:crypto'
import {
  createSecureContext,
  type ConnectionOptions,
  type SecureContextOptions,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls'
import { TransportError, type PeerId } from '@vudo/transport'
import { createCertificate } from './certificate.ts'

/** The only protocol that is spoken (RFC 7301); a later version of it gets another name. */
const alpnProtocol = 'vudo/1'

/** Our side of every handshake, as `node:tls` takes it. */
export interface TlsIdentity {
  readonly server: TlsOptions
  readonly client: ConnectionOptions
}

/**
 * Makes what a node shows to others.
 *
 * @param seed - The node's 32-byte Ed25519 seed. Not kept, but OpenSSL keeps the key it makes.
 */
export function createTlsIdentity(seed: Uint8Array): TlsIdentity {
  const context: SecureContextOptions = {
    ...createCertificate(seed),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    sigalgs: 'ed25519',
    // A ticket that resumes a session would let its thief pass without the key.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
  const handshake = {
    ALPNProtocols: [alpnProtocol],
    requestCert: true,
    // There is no authority to trust: provenPeer compares keys instead.
    rejectUnauthorized: false,
  }
  return {
    server: { ...context, ...handshake },
    // Made once: a client makes a new context for every dial otherwise.
    client: { secureContext: createSecureContext(context), ...handshake },
  }
}

/** Whom a finished handshake has to have proven. */
export interface Expectation {
  /** This node. */
  readonly self: PeerId
  /** Who is meant to be there, where one peer is meant. */
  readonly expected?: PeerId | undefined
}

/**
 * Who is at the far end of a finished handshake: the key of its certificate, which
 * TLS 1.3 has proven it holds (RFC 8446 section 4.4.3).
 *
 * @throws `TransportError` `ERR_HANDSHAKE_FAILED` without a certificate, with another
 *   kind of key, or when the far end does not speak `vudo/1`; `ERR_PEER_SELF`; `ERR_PEER_MISMATCH`.
 */
export function provenPeer(socket: TLSSocket, { self, expected }: Expectation): PeerId {
  // A far end that names no protocol at all passes TLS, so this is checked here on both sides.
  if (socket.alpnProtocol !== alpnProtocol) {
    throw failed(`the far end does not speak ${alpnProtocol}`)
  }
  const key = socket.getPeerX509Certificate()?.publicKey
  if (!key) throw failed('the far end showed no certificate')
  if (key.asymmetricKeyType !== 'ed25519') {
    throw failed(`the far end has a key of type ${key.asymmetricKeyType}, expected ed25519`)
  }
  const peerId = key.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')
  if (peerId === self) {
    throw new TransportError('ERR_PEER_SELF', 'the far end holds our own key', {
      hint: 'remove our own address from the list, and give every device its own key',
    })
  }
  if (expected !== undefined && peerId !== expected) {
    throw new TransportError('ERR_PEER_MISMATCH', `found peer ${peerId}, expected ${expected}`, {
      hint: 'ask the peer for its present address',
    })
  }
  return peerId
}

function failed(message: string): TransportError {
  return new TransportError('ERR_HANDSHAKE_FAILED', message, {
    hint: 'check that the address and port belong to a peer and not to another service',
  })
}
