import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import {
  HANDSHAKE_TIMEOUT_MS,
  isTransportError,
  MAX_HALF_OPEN,
  TransportError,
  type PeerId,
  type TransportSettings,
} from '@vudo/transport'
import type { Accept } from '@vudo/swarm'
import { createTcpLink, type TcpLink } from './tcp-link.ts'
import { provenPeer, type TlsIdentity } from './tls-identity.ts'

/** What a listener is made of. */
export interface ListenerInit {
  readonly settings: Pick<
    TransportSettings,
    'bindAddress' | 'port' | 'isPortChosen' | 'maxConnections'
  >
  readonly identity: TlsIdentity
  readonly self: PeerId
  /** Called for everybody at the door. */
  readonly accept: Accept
  /** Called for every link that comes about. */
  readonly onLink: (link: TcpLink) => void
}

/** Accepts TCP connections, and makes links of those that `accept` opens. */
export interface Listener {
  /** Where it listens, with the real port. */
  readonly host: string
  readonly port: number
  /** Stops accepting and cuts off all who have not finished their handshake; links stay. Idempotent. */
  close(): void
}

/**
 * Begins to listen.
 *
 * @throws `TransportError` `ERR_ADDRESS_IN_USE`, or `ERR_CONFIG_INVALID` when this
 *   machine cannot listen at `bindAddress`.
 */
export async function listenTcp(init: ListenerInit): Promise<Listener> {
  const listener = new TcpListener(init)
  await listener.start()
  return listener
}

class TcpListener implements Listener {
  readonly #init: ListenerInit
  readonly #server: Server
  readonly #handshakes: Handshakes

  constructor(init: ListenerInit) {
    this.#init = init
    this.#handshakes = createHandshakes(init.identity)
    this.#server = createServer({ noDelay: true }, (socket) => this.#arrived(socket))
    // The swarm counts and decides; this only keeps the number of open files bounded.
    this.#server.maxConnections = init.settings.maxConnections + 2 * MAX_HALF_OPEN
  }

  get host(): string {
    return this.#init.settings.bindAddress
  }

  get port(): number {
    const address = this.#server.address()
    // Null after the end, text for pipes: a TCP server that listens has neither.
    return typeof address === 'object' && address ? address.port : this.#init.settings.port
  }

  async start(): Promise<void> {
    const { port, isPortChosen } = this.#init.settings
    try {
      await this.#listen(port)
    } catch (error) {
      // Nobody asked for this very port, and whoever discovers us learns the real one.
      if (isPortChosen || !isAddressInUse(error)) throw error
      await this.#listen(0)
    }
    // Accepting one connection failed (EMFILE, ECONNABORTED): it alone is lost.
    this.#server.on('error', () => undefined)
  }

  async #listen(port: number): Promise<void> {
    const host = this.#init.settings.bindAddress
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onError = (cause: Error): void => reject(listenError(cause, host, port))
    this.#server.once('error', onError)
    this.#server.listen({ host, port }, resolve)
    await promise
    this.#server.off('error', onError)
  }

  close(): void {
    // Frees the port at once; links belong to whoever has them, so it waits for none of them.
    if (this.#server.listening) this.#server.close()
    this.#handshakes.close()
  }

  #arrived(socket: Socket): void {
    // Whatever breaks here ends in 'close', which is what everything waits for.
    socket.on('error', () => undefined)
    this.#init.accept({
      remoteAddress: socket.remoteAddress,
      open: (signal) => this.#open(socket, signal),
      // A reset, so that nothing of it stays behind in the kernel either.
      refuse: () => socket.resetAndDestroy(),
    })
  }

  async #open(raw: Socket, signal: AbortSignal): Promise<TcpLink> {
    const socket = await this.#handshakes.run(raw, signal)
    try {
      const peerId = provenPeer(socket, { self: this.#init.self })
      const path = { transport: 'tcp', relayed: false, outbound: false }
      const link = createTcpLink({ socket, peerId, path })
      this.#init.onLink(link)
      return link
    } catch (error) {
      socket.destroy()
      throw error
    }
  }
}

/** Server sides of TLS handshakes under way. */
interface Handshakes {
  /** Finishes one. The socket is destroyed when it fails or the signal fires. */
  run(raw: Socket, signal: AbortSignal): Promise<TLSSocket>
  /** Cuts off all that are under way. */
  close(): void
}

/**
 * A `tls.Server` that never listens: sockets are handed to it once they are admitted.
 * A `TLSSocket` made by hand would do the same until somebody garbles a record after
 * the handshake; then it reports nothing and stays open.
 */
function createHandshakes(identity: TlsIdentity): Handshakes {
  const server = createTlsServer({ ...identity.server, handshakeTimeout: HANDSHAKE_TIMEOUT_MS })
  const securedByEnds = new Map<string, (socket: TLSSocket) => void>()
  const pending = new Set<Socket>()
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    const secured = securedByEnds.get(endsOf(socket))
    if (secured) secured(socket)
    else socket.destroy()
  })
  return {
    async run(raw, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
      const abort = (): unknown => raw.destroy()
      const gone = (): void => reject(signal.aborted ? signal.reason : handshakeFailed())
      const ends = endsOf(raw)
      signal.addEventListener('abort', abort, { once: true })
      raw.once('close', gone)
      securedByEnds.set(ends, resolve)
      pending.add(raw)
      try {
        if (signal.aborted || raw.destroyed) raw.destroy()
        else server.emit('connection', raw)
        return await promise
      } finally {
        signal.removeEventListener('abort', abort)
        raw.off('close', gone)
        securedByEnds.delete(ends)
        pending.delete(raw)
      }
    },
    close() {
      for (const raw of pending) raw.destroy()
    },
  }
}

/** Names a connection by its two ends: no two have the same at one time. */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

function handshakeFailed(): TransportError {
  return new TransportError('ERR_HANDSHAKE_FAILED', 'the far end did not finish the handshake')
}

function listenError(cause: Error, host: string, port: number): TransportError {
  const code = 'code' in cause ? String(cause.code) : 'unknown'
  if (code === 'EADDRINUSE') {
    return new TransportError('ERR_ADDRESS_IN_USE', `port ${port} of ${host} is taken`, {
      cause,
      hint: 'another instance may be running: choose another port, or 0 for any free one',
    })
  }
  return new TransportError('ERR_CONFIG_INVALID', `cannot listen at ${host}:${port}: ${code}`, {
    cause,
    hint:
      code === 'EACCES'
        ? 'ports below 1024 are reserved: choose a higher one'
        : 'bindAddress has to be an address of this machine; 0.0.0.0 means all of them',
  })
}

function isAddressInUse(error: unknown): boolean {
  return isTransportError(error) && error.code === 'ERR_ADDRESS_IN_USE'
}
