/** What comes of a request to speak WebSocket: a connection of a client or of an iroh node, or a refusal in HTTP. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { createRelayConnection, type House, type RelayConnection } from './connection.ts'
import { nameOf } from './doors.ts'
import { createIrohConnection, type IrohClients } from './iroh-connection.ts'
import { irohProtocols } from './iroh-frames.ts'
import { CHALLENGE_BYTES, IROH_MAX_FRAME_BYTES } from './limits.ts'

/** What upgrading needs of the relay. */
export interface UpgradesInit {
  readonly maxFrameBytes: number
  readonly servesIroh: boolean
  /** Proxies in front whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: number
  /** Asked when a connection is made. */
  readonly house: () => House
  /** Takes every connection that is made. */
  readonly onConnection: (connection: RelayConnection) => void
}

/** Upgrades requests; keeps no connection. */
export class Upgrades {
  readonly #init: UpgradesInit
  readonly #sockets: WebSocketServer
  readonly #irohSockets: WebSocketServer
  readonly #irohClients: IrohClients = new Map()

  constructor(init: UpgradesInit) {
    this.#init = init
    this.#sockets = new WebSocketServer({
      noServer: true,
      // The library's own defaults are 100 MiB, and compression that turns 90 kB into 90 MiB.
      maxPayload: init.maxFrameBytes,
      perMessageDeflate: false,
      clientTracking: false,
    })
    this.#irohSockets = new WebSocketServer({
      noServer: true,
      maxPayload: IROH_MAX_FRAME_BYTES,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered) =>
        irohProtocols.find((protocol) => offered.has(protocol)) ?? false,
    })
  }

  /** Takes a request and its socket over. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Node has taken its own listener off: without one, a reset would end the process.
    socket.on('error', () => socket.destroy())
    const path = request.url?.replace(/\?.*/, '') ?? ''
    if (path === '/relay' && this.#init.servesIroh) {
      return this.#takeIroh(request, socket, head)
    }
    if (!/^\/(t\/[0-9a-f]{64})?$/.test(path)) {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n')
      return
    }
    const address = this.#addressOf(request)
    const socketName = nameOf(request.socket)
    this.#sockets.handleUpgrade(request, socket, head, (upgraded) => {
      const challenge = randomBytes(CHALLENGE_BYTES)
      const house = this.#init.house()
      this.#init.onConnection(
        createRelayConnection({ house, socket: upgraded, address, socketName, challenge }),
      )
    })
  }

  #takeIroh(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const offered = request.headers['sec-websocket-protocol']?.split(/,\s*/) ?? []
    if (!irohProtocols.some((protocol) => offered.includes(protocol))) {
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
      return
    }
    const address = this.#addressOf(request)
    const socketName = nameOf(request.socket)
    this.#irohSockets.handleUpgrade(request, socket, head, (upgraded) => {
      const common = { house: this.#init.house(), clients: this.#irohClients }
      this.#init.onConnection(
        createIrohConnection({ ...common, socket: upgraded, address, socketName }),
      )
    })
  }

  #addressOf(request: IncomingMessage): string {
    const direct = request.socket.remoteAddress ?? ''
    const { trustedProxies } = this.#init
    if (trustedProxies === 0) return direct
    const hops = String(request.headers['x-forwarded-for'] ?? '').split(',')
    // Each proxy appends whom it saw; what stands further left anybody may have written.
    return hops.at(-trustedProxies)?.trim().slice(0, 64) || direct
  }
}
