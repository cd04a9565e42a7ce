/** The server: listens, counts, sweeps, drains. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAccess, type AccessRules, type Refusal } from './access.ts'
import { createAddressBook } from './address-book.ts'
import { memoryBackPlane, type BackPlane, type BackPlaneEvents } from './back-plane.ts'
import { RELAY_ID_BYTES } from './bus-messages.ts'
import type { House, RelayConnection } from './connection.ts'
import { createRelayCore, type RelayCore, type RelayCounts } from './core.ts'
import { createDoors, type Doors } from './doors.ts'
import { RelayError } from './errors.ts'
import { completeLimits } from './limit-ranges.ts'
import {
  LISTEN_BACKLOG,
  MAX_HTTP_HEAD_BYTES,
  SWEEP_INTERVAL_MS,
  type RelayLimits,
} from './limits.ts'
import { createMetricsServer } from './metrics.ts'
import { createOwnHosts } from './own-hosts.ts'
import { Upgrades } from './upgrades.ts'
import { denials } from './wire.ts'

/** What `startRelay` takes; every field may be left out. */
export interface RelayInit {
  /** IP address to accept on. @defaultValue `'127.0.0.1'`: this machine only. */
  readonly host?: string | undefined
  /** 0 takes any free port. @defaultValue 0 */
  readonly port?: number | undefined
  /**
   * By which hosts clients dial it, with the port unless it is 80 or 443.
   *
   * @defaultValue `localhost` and the addresses of this machine's interfaces, at its port
   */
  readonly names?: readonly string[] | undefined
  /** Certificate chain and key, PEM. @defaultValue none: WebSocket without TLS, for use behind a proxy or on one machine. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** @defaultValue whoever proves a key may come */
  readonly access?: AccessRules | undefined
  /** @defaultValue {@link DEFAULT_LIMITS} */
  readonly limits?: Partial<RelayLimits> | undefined
  /** Connects to the other relays of one operator. @defaultValue none: one relay */
  readonly connectBackPlane?: ((events: BackPlaneEvents) => Promise<BackPlane>) | undefined
  /** Where `/metrics` is served. @defaultValue nowhere */
  readonly metrics?: { readonly host?: string; readonly port: number } | undefined
  /** Proxies in front whose `X-Forwarded-For` is believed. @defaultValue 0 */
  readonly trustedProxies?: number | undefined
  /** False refuses iroh nodes, which come to `/relay` and know no topics: any two of them reach each other. @defaultValue true */
  readonly servesIroh?: boolean | undefined
  /** Takes what happens. @defaultValue nothing is logged */
  readonly log?: RelayLog | undefined
  /** Logs keys and addresses, too. @defaultValue false */
  readonly logsNames?: boolean | undefined
}

/** Where a relay logs: pino fits. */
export interface RelayLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** A running relay. */
export interface Relay {
  /** `ws://…` or `wss://…` as clients on this machine dial it. */
  readonly url: string
  readonly port: number
  /** `http://…/metrics`; `undefined` when it is not served. */
  readonly metricsUrl: string | undefined
  readonly connectionCount: number
  readonly halfOpenCount: number
  readonly counts: Readonly<RelayCounts>
  /** Tells the clients, lets go of them over `drainMs`, and closes. */
  drain(): Promise<void>
  /** Ends at once. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a relay.
 *
 * @throws `RelayError` `ERR_RELAY_CONFIG`, `ERR_RELAY_LISTEN`, `ERR_RELAY_BACK_PLANE`.
 */
export async function startRelay(init: RelayInit = {}): Promise<Relay> {
  const limits = completeLimits(init.limits)
  const late: { core?: RelayCore } = {}
  const bus =
    (await init.connectBackPlane?.({
      onMessage: (bytes) => late.core?.onBusMessage(bytes),
      onGap: () => late.core?.onGap(),
    })) ?? memoryBackPlane
  let server: RelayServer | undefined
  try {
    server = new RelayServer(init, limits, bus)
    late.core = server.core
    await server.listen()
    return server
  } catch (error) {
    await (server ?? bus).close()
    throw error instanceof RelayError ? error : configError(error)
  }
}

/** What Node says of a certificate that is none, or of a port above 65,535. */
function configError(cause: unknown): RelayError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new RelayError('ERR_RELAY_CONFIG', `the relay cannot start: ${message}`, {
    cause,
    hint: 'look at the certificate, its key (both PEM) and the ports',
  })
}

const nowMs = (): number => performance.now()

class RelayServer implements Relay {
  readonly core: RelayCore
  readonly #init: RelayInit
  readonly #limits: RelayLimits
  readonly #bus: BackPlane
  readonly #doors: Doors
  readonly #http: Server
  readonly #metrics: Server | undefined
  readonly #upgrades: Upgrades
  /** Sockets that were let in and have not closed: several may have one key. */
  #entered = 0
  readonly #connections = new Set<RelayConnection>()
  readonly #raw = new Set<Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #refusals = new Map<number, number>()
  #house!: House
  #bound!: AddressInfo
  #sweeper: NodeJS.Timeout | undefined
  #isOpen = true
  #closing: Promise<void> | undefined

  constructor(init: RelayInit, limits: RelayLimits, bus: BackPlane) {
    this.#init = init
    this.#limits = limits
    this.#bus = bus
    this.#doors = createDoors(limits, (init.trustedProxies ?? 0) > 0)
    this.core = createRelayCore({
      limits,
      bus,
      relayId: randomBytes(RELAY_ID_BYTES),
      nowMs,
      setTimer: (ms, run) => this.#setTimer(ms, run),
    })
    this.#upgrades = new Upgrades({
      maxFrameBytes: limits.maxFrameBytes,
      servesIroh: init.servesIroh !== false,
      trustedProxies: init.trustedProxies ?? 0,
      house: () => this.#house,
      onConnection: (connection) => void this.#connections.add(connection),
    })
    this.#http = this.#createHttp()
    if (init.metrics) {
      this.#metrics = createMetricsServer(this.core, {
        connections: () => this.connectionCount,
        halfOpen: () => this.halfOpenCount,
        isBackPlaneUp: () => bus.isUp,
        refusals: this.#refusals,
      })
    }
  }

  get port(): number {
    return this.#bound.port
  }

  get url(): string {
    const { address, family } = this.#bound
    const isAny = address === '0.0.0.0' || address === '::'
    const host = isAny ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
    return `${this.#init.tls ? 'wss' : 'ws'}://${host}:${this.port}`
  }

  get metricsUrl(): string | undefined {
    const bound = this.#metrics?.address()
    if (!bound || typeof bound === 'string') return undefined
    const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
    return `http://${host}:${bound.port}/metrics`
  }

  get connectionCount(): number {
    return this.#entered
  }

  get halfOpenCount(): number {
    return this.#doors.halfOpenCount
  }

  get counts(): Readonly<RelayCounts> {
    return this.core.counts
  }

  async listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0, names = [], metrics } = this.#init
    await listenOn(this.#http, host, port)
    this.#bound = boundTo(this.#http)
    if (this.#metrics && metrics) {
      await listenOn(this.#metrics, metrics.host ?? '127.0.0.1', metrics.port)
    }
    this.#house = {
      core: this.core,
      limits: this.#limits,
      access: createAccess(this.#init.access ?? {}),
      addresses: createAddressBook(this.#limits),
      isOwnHost: createOwnHosts(names, this.port),
      nowMs,
      fullness: (address) => this.#fullness(address),
      onEntered: (connection, socketName) => {
        this.#entered += 1
        this.#doors.passed(socketName)
        this.#log('a client came', connection.key)
      },
      onRefused: ({ denial, reason }) => {
        this.#refusals.set(denial, (this.#refusals.get(denial) ?? 0) + 1)
        this.#init.log?.info({ denial, reason }, 'a client was refused')
      },
      onEnded: (connection, key) => {
        this.#connections.delete(connection)
        if (key === undefined) return
        this.#entered -= 1
        this.#log('a client left', key)
      },
    }
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
  }

  #fullness(address: string): Refusal | undefined {
    if (!this.#isOpen) return restarting
    if (this.connectionCount >= this.#limits.maxConnections) return full
    const { connections } = this.#house.addresses(address, nowMs())
    return connections >= this.#limits.maxConnectionsPerAddress ? fullAddress : undefined
  }

  #log(message: string, key: string | undefined): void {
    const names = this.#init.logsNames === true ? { key } : {}
    this.#init.log?.info({ connections: this.connectionCount, ...names }, message)
  }

  #createHttp(): Server {
    const options = {
      headersTimeout: this.#limits.halfOpenMs,
      requestTimeout: this.#limits.halfOpenMs,
      connectionsCheckingInterval: SWEEP_INTERVAL_MS,
      keepAliveTimeout: 1_000,
      maxHeaderSize: MAX_HTTP_HEAD_BYTES,
      // A frame is whole when it is written, and waits for no other.
      noDelay: true,
    }
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      this.#answer(request, response)
    const { tls } = this.#init
    const server = tls
      ? createTlsServer({ ...options, ...tls }, answer)
      : createServer(options, answer)
    server.on('connection', (socket: Socket) => this.#knock(socket))
    server.on('upgrade', (request, socket, head) => this.#upgrades.take(request, socket, head))
    // Broken TLS or HTTP: nobody to talk to.
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    server.on('clientError', (_error, socket) => socket.destroy())
    return server
  }

  #knock(socket: Socket): void {
    this.#raw.add(socket)
    socket.once('close', () => this.#raw.delete(socket))
    this.#doors.knock(socket, nowMs())
  }

  /** For load balancers and probes; says nothing about anybody. */
  #answer({ url, headers }: IncomingMessage, response: ServerResponse): void {
    const isReady = this.#isOpen && this.#bus.isUp
    if (url === '/healthz') response.writeHead(200).end('ok\n')
    else if (url === '/readyz')
      response.writeHead(isReady ? 200 : 503).end(isReady ? 'ok\n' : 'no\n')
    else if (this.#init.servesIroh !== false && isIrohProbe(url)) answerIrohProbe(headers, response)
    else response.writeHead(404).end()
  }

  #sweep(): void {
    const now = nowMs()
    this.#doors.sweep(now)
    this.core.sweep()
    for (const connection of this.#connections) {
      if (connection.key !== undefined) connection.sweep(now)
    }
  }

  #setTimer(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }

  async drain(): Promise<void> {
    if (!this.#isOpen) return this.close()
    this.#isOpen = false
    this.#init.log?.info({ connections: this.connectionCount }, 'draining')
    // Probes still get an answer, 503, and clients that come are refused; those inside stay for the moment.
    for (const connection of this.#connections) connection.announceEnd()
    const steps = Math.max(1, Math.floor(this.#limits.drainMs / drainStepMs))
    const perStep = Math.ceil(this.#connections.size / steps)
    const waiting = [...this.#connections]
    while (waiting.length > 0 && !this.#closing) {
      for (const connection of waiting.splice(0, perStep)) connection.restart()
      await sleep(drainStepMs)
    }
    // Whoever does not answer the close has had its time.
    for (let waits = 0; this.#connections.size > 0 && waits < goodbyeWaits; waits++) {
      await sleep(drainStepMs)
    }
    await this.close()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#isOpen = false
    clearInterval(this.#sweeper)
    for (const timer of this.#timers) clearTimeout(timer)
    for (const connection of this.#connections) connection.terminate()
    for (const socket of this.#raw) socket.destroy()
    await Promise.all([closed(this.#http), closed(this.#metrics), this.#bus.close()])
  }
}

const full: Refusal = { denial: denials.full, reason: 'this relay is full' }
const restarting: Refusal = { denial: denials.full, reason: 'this relay restarts' }
const fullAddress: Refusal = {
  denial: denials.full,
  reason: 'this IP address has too many connections here',
}

/** iroh nodes measure relays by the one, and look for captive portals by the other. */
function isIrohProbe(url: string | undefined): boolean {
  return url === '/ping' || url === '/generate_204'
}

function answerIrohProbe(headers: IncomingMessage['headers'], response: ServerResponse): void {
  const challenge = headers['x-iroh-challenge']
  response.setHeader('access-control-allow-origin', '*')
  if (typeof challenge === 'string' && /^[\w.-]{1,64}$/.test(challenge)) {
    response.setHeader('x-iroh-response', `response ${challenge}`)
  }
  response.writeHead(204).end()
}

const drainStepMs = 50
const goodbyeWaits = 20

async function listenOn(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, backlog: LISTEN_BACKLOG })
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new RelayError('ERR_RELAY_LISTEN', `cannot listen on ${host} port ${port}`, {
      cause,
      hint: 'choose another --port; below 1024 it takes a right of its own',
    })
  }
}

function boundTo(server: Server): AddressInfo {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the server does not listen')
  return bound
}

async function closed(server: Server | undefined): Promise<void> {
  if (!server?.listening) return
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
