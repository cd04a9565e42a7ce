import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { TransportError, type PeerId } from '@vudo/transport'
import { parseTcpAddress } from './tcp-address.ts'
import { createTcpLink, type TcpLink } from './tcp-link.ts'
import { provenPeer, type TlsIdentity } from './tls-identity.ts'

/** Whom to dial, and as whom. */
export interface DialTcpInit {
  /** As `parseTcpAddress` reads it. */
  readonly address: string
  readonly identity: TlsIdentity
  readonly self: PeerId
  readonly expected?: PeerId | undefined
  /** Gives up; the socket is gone then. */
  readonly signal: AbortSignal
}

/**
 * Opens a link. It settles at the far end's first byte and not at the end of our
 * handshake: TLS 1.3 lets a client finish before the server has looked at its key.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, `ERR_DIAL_FAILED` (no connection),
 *   `ERR_HANDSHAKE_FAILED` (a connection, but no peer), `ERR_PEER_SELF`, `ERR_PEER_MISMATCH`.
 */
export async function dialTcp(init: DialTcpInit): Promise<TcpLink> {
  const { address, identity, self, expected, signal } = init
  const { host, port } = parseTcpAddress(address)
  signal.throwIfAborted()
  const socket = connect({ host, port, ...identity.client })
  const abort = (): unknown => socket.destroy()
  signal.addEventListener('abort', abort, { once: true })
  try {
    await secured(socket, address)
    socket.setNoDelay(true)
    const peerId = provenPeer(socket, { self, expected })
    const path = { transport: 'tcp', relayed: false, address, outbound: true }
    const link = createTcpLink({ socket, peerId, path })
    await link.ready
    return link
  } catch (error) {
    socket.destroy()
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Settles when our side of the handshake is done. */
async function secured(socket: TLSSocket, address: string): Promise<void> {
  let isConnected = false
  socket.once('connect', () => {
    isConnected = true
  })
  // A socket reports more than one error at times, and the second one has no listener.
  socket.on('error', () => undefined)
  const over = new AbortController()
  socket.once('close', () => over.abort())
  try {
    await once(socket, 'secureConnect', { signal: over.signal })
  } catch (cause) {
    // Who is turned away at once may see the reset before the connection.
    isConnected ||= codeOf(cause) === 'ECONNRESET'
    throw isConnected ? handshakeFailed(address, cause) : unreachable(address, cause)
  }
}

function handshakeFailed(address: string, cause: unknown): TransportError {
  return new TransportError('ERR_HANDSHAKE_FAILED', `${address} did not finish the handshake`, {
    cause,
    hint: 'check that a peer listens there and not another service; it may also be full and turn everybody away',
  })
}

function unreachable(address: string, cause: unknown): TransportError {
  const code = codeOf(cause)
  return new TransportError('ERR_DIAL_FAILED', `${address} could not be reached: ${code}`, {
    cause,
    hint: hints[code] ?? 'check the address and that this machine is connected to that network',
  })
}

const hints: Readonly<Record<string, string | undefined>> = {
  ECONNREFUSED: 'nobody listens on that port: start the peer, or ask for its present port',
  ENOTFOUND: 'the name does not exist: check its spelling, or use the IP address',
  EAI_AGAIN: 'the name could not be looked up: check the network, or use the IP address',
  EMFILE: 'this process has too many open files: raise the limit, or close connections',
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
