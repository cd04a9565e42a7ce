import { isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ClientOptions, WebSocket } from 'ws'
import { CLOSE_TIMEOUT_MS, MAX_FRAME_BYTES, MAX_SOCKET_BYTES } from './limits.ts'
import { openTunnel, proxyFor } from './proxy.ts'
import type { ConnectSocket, RelaySocket, SocketEvents } from './socket.ts'

/** What Node can do and browsers do by themselves. */
export interface NodeSocketInit {
  /** Certificates of authorities to trust, PEM, instead of the usual ones. */
  readonly ca?: string | readonly string[] | undefined
  /** Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Opens WebSockets by the package `ws`, which knows proxies and certificate authorities; it is loaded with the first. */
export function createNodeConnector(init: NodeSocketInit): ConnectSocket {
  return async (url, events, { signal }) => {
    const { WebSocket: NodeWebSocket } = await import('ws')
    const proxy = proxyFor(url, init.environment)
    const ca = typeof init.ca === 'object' ? [...init.ca] : init.ca
    const trust = ca === undefined ? {} : { ca }
    const tunnel = proxy === undefined ? undefined : await openTunnel(proxy, url, signal)
    signal.throwIfAborted()
    const options: ClientOptions = {
      ...trust,
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      followRedirects: false,
      ...(tunnel ? { createConnection: () => throughTunnel(tunnel, url, trust) } : {}),
    }
    return untilClosed(new NodeWebSocket(url, options), events, signal)
  }
}

function throughTunnel(
  tunnel: Socket,
  url: URL,
  trust: { readonly ca?: string | string[] },
): Socket {
  if (url.protocol !== 'wss:') return tunnel
  const host = url.hostname
  // An IP address is no server name (RFC 6066 section 3); the certificate is checked for it all the same.
  return connectTls({ socket: tunnel, host, servername: isIP(host) ? '' : host, ...trust })
}

function untilClosed(
  socket: WebSocket,
  events: SocketEvents,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      socket.terminate()
      reject(signal.reason)
    }
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    let isOpen = false
    socket.on('error', reject)
    socket.on('open', () => {
      isOpen = true
      events.onOpen(wrap(socket, events))
    })
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (!isBinary) return socket.terminate()
      events.onMessage(new Uint8Array(data.buffer, data.byteOffset, data.length))
    })
    socket.on('close', (code) => {
      signal.removeEventListener('abort', onAbort)
      if (isOpen) resolve(code)
    })
  })
}

function wrap(socket: WebSocket, events: SocketEvents): RelaySocket {
  let isFull = false
  const written = (): void => {
    if (!isFull || socket.bufferedAmount >= MAX_SOCKET_BYTES / 2) return
    isFull = false
    events.onRoom()
  }
  return {
    hasRoom() {
      isFull ||= socket.bufferedAmount >= MAX_SOCKET_BYTES
      return !isFull
    },
    send: (bytes) => socket.send(bytes, written),
    close() {
      socket.close()
      // A relay that does not answer the close does not keep us.
      const timer = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS)
      socket.once('close', () => clearTimeout(timer))
    },
  }
}
