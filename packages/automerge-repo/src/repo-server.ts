import { createEventHub, type EventHub } from '@vudo/events'
import type { Database } from '@vudo/sync'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'
import { encodeMessage } from './cbor-message.ts'
import { AutomergeRepoError } from './errors.ts'
import {
  JOIN_TIMEOUT_MS,
  MAX_LIST_ENTRIES,
  MAX_REPO_MESSAGE_BYTES,
  MAX_REPO_PEERS,
  MAX_SERVED_BYTES,
} from './limits.ts'
import type { RepoPeerRights } from './repo-documents.ts'
import { idOf, malformed, type Fields } from './repo-messages.ts'
import { RepoPeer, type EphemeralMessage } from './repo-peer.ts'
import { RepoSocket } from './repo-socket.ts'
import { SharedBytes } from './shared-bytes.ts'

/** The version of automerge-repo's WebSocket protocol that is spoken here. */
export const REPO_PROTOCOL_VERSION = '1'

/** What {@link createAutomergeRepoServer} takes. */
export interface AutomergeRepoServerInit {
  /** What is served; it stays the caller's, open until the server is closed. */
  readonly database: Database
  /** 0 to 65,535; 0 takes a free one. @defaultValue 0; not used with `server` */
  readonly port?: number | undefined
  /** The address to listen on. @defaultValue `'127.0.0.1'`, this machine only */
  readonly host?: string | undefined
  /** A server that listens, or will: its upgrade requests are taken, and it stays the caller's. @defaultValue one of its own */
  readonly server?: Server | undefined
  /**
   * Who a request comes from, by its headers, its address or its URL: look at `Origin` when
   * browsers can reach the server. `undefined` refuses it, with status 401.
   *
   * @defaultValue everybody: reads as nobody, writes
   */
  readonly authenticate?: ((request: IncomingMessage) => RepoPeerRights | undefined) | undefined
  /**
   * A path: documents that peers begin go below it, under their ids.
   *
   * @defaultValue none: documents that are not here yet are unavailable
   */
  readonly newDocuments?: string | undefined
  /** Peers at a time; further ones are refused, with status 503. @defaultValue 256 */
  readonly maxPeers?: number | undefined
}

/** What a server or a follower of the dialect tells, by name. */
export interface AutomergeRepoEvents {
  /** A peer has joined. `peerId` is what it calls itself; nobody has proven it. */
  'peer:connected': { readonly peerId: string }
  /** It is gone. */
  'peer:disconnected': { readonly peerId: string }
  /** A peer did what it must not, or was too slow; its connection is ended. */
  'peer:fault': { readonly peerId: string | undefined; readonly error: unknown }
  /** Something that is not stored came for a document; it was passed on to the others that follow it. */
  ephemeral: EphemeralMessage
}

/** Serves documents to stock automerge-repo clients. */
export interface AutomergeRepoServer extends AsyncDisposable {
  /** Where it listens, such as `ws://127.0.0.1:8080`. With a `server` of the caller: what that one listens on. */
  readonly url: string
  /** Peers that have joined. */
  readonly peerCount: number
  readonly events: EventHub<AutomergeRepoEvents>
  /** Ends all connections and stops listening; settles when everything is released. Idempotent. */
  close(): Promise<void>
}

/**
 * A WebSocket server for unmodified automerge-repo clients: they find the documents of the
 * database by their `automerge:` URLs, and their changes enter under this device's author.
 *
 * Settles when it listens.
 *
 * @throws `AutomergeRepoError` `ERR_REPO_LISTEN`.
 */
export async function createAutomergeRepoServer(
  init: AutomergeRepoServerInit,
): Promise<AutomergeRepoServer> {
  const http = init.server ?? createServer((_request, response) => response.writeHead(426).end())
  const server = new DialectServer(init, http)
  try {
    if (!init.server) {
      http.listen(init.port ?? 0, init.host ?? '127.0.0.1')
      await once(http, 'listening')
    }
  } catch (cause) {
    await server.close()
    throw new AutomergeRepoError('ERR_REPO_LISTEN', `cannot listen on port ${init.port ?? 0}`, {
      cause,
      hint: 'give another port, or 0 for a free one, and an address of this machine as `host`',
    })
  }
  return server
}

interface ServedPeer {
  readonly socket: RepoSocket
  peer: RepoPeer | undefined
  peerId: string | undefined
}

class DialectServer implements AutomergeRepoServer {
  readonly events: EventHub<AutomergeRepoEvents> = createEventHub<AutomergeRepoEvents>()
  readonly #init: AutomergeRepoServerInit
  readonly #http: Server
  readonly #sockets: WebSocketServer
  readonly #rights = new WeakMap<IncomingMessage, RepoPeerRights>()
  readonly #ownId = newPeerId()
  readonly #served = new Set<ServedPeer>()
  readonly #held = new SharedBytes(MAX_SERVED_BYTES)
  readonly #serving = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(init: AutomergeRepoServerInit, http: Server) {
    this.#init = init
    this.#http = http
    this.#sockets = new WebSocketServer({
      server: http,
      maxPayload: MAX_REPO_MESSAGE_BYTES,
      // A small frame could stand for a large one.
      perMessageDeflate: false,
      // Who is refused here has no WebSocket, and nothing of what it sends is kept.
      verifyClient: ({ req }, answer) => {
        const refusal = this.#refusalOf(req)
        if (refusal === undefined) answer(true)
        else answer(false, refusal)
      },
    })
    this.#sockets.on('connection', (socket, request) => this.#accept(socket, request))
    // Before it listens the call rejects with it; afterwards single sockets fail, not the server.
    this.#sockets.on('error', () => {})
  }

  /** The HTTP status that refuses a request. */
  #refusalOf(request: IncomingMessage): number | undefined {
    const isFull = this.#served.size >= (this.#init.maxPeers ?? MAX_REPO_PEERS)
    if (isFull || this.#closing) return unavailable
    const rights = this.#rightsOf(request)
    if (!rights) return unauthorized
    this.#rights.set(request, rights)
    return undefined
  }

  get url(): string {
    const address = this.#sockets.address()
    if (address === null || typeof address === 'string') return ''
    const { family, port } = address
    const host = family === 'IPv6' ? `[${address.address}]` : address.address
    return `ws://${host}:${port}`
  }

  get peerCount(): number {
    return [...this.#served].filter(({ peer }) => peer !== undefined).length
  }

  #accept(socket: WebSocket, request: IncomingMessage): void {
    const rights = this.#rights.get(request)
    if (!rights) return socket.terminate()
    const serving = this.#serve(socket, rights, request)
    this.#serving.add(serving)
    void serving.finally(() => this.#serving.delete(serving))
  }

  #rightsOf(request: IncomingMessage): RepoPeerRights | undefined {
    if (!this.#init.authenticate) return {}
    try {
      return this.#init.authenticate(request)
    } catch (error) {
      // Whoever cannot be judged does not come in.
      this.events.publish('peer:fault', { peerId: undefined, error })
      return undefined
    }
  }

  async #serve(
    webSocket: WebSocket,
    rights: RepoPeerRights,
    request: IncomingMessage,
  ): Promise<void> {
    const socket = new RepoSocket(
      webSocket,
      (fields) => this.#take(served, rights, fields),
      this.#held,
    )
    socket.watch(request.socket)
    const served: ServedPeer = { socket, peer: undefined, peerId: undefined }
    this.#served.add(served)
    const timer = setTimeout(() => {
      if (!served.peer) socket.end(malformed('a peer did not join in time'))
    }, JOIN_TIMEOUT_MS)
    const error = await socket.closed
    clearTimeout(timer)
    this.#served.delete(served)
    await served.peer?.close()
    if (this.#closing) return
    const { peerId } = served
    if (error !== undefined) this.events.publish('peer:fault', { peerId, error })
    if (peerId !== undefined) this.events.publish('peer:disconnected', { peerId })
  }

  async #take(served: ServedPeer, rights: RepoPeerRights, fields: Fields): Promise<void> {
    if (served.peer) return served.peer.receive(fields)
    if (fields['type'] !== 'join') throw malformed('a peer speaks before it has joined')
    const peerId = idOf(fields['senderId'], 'peer id')
    const { socket } = served
    if (!speaksVersion(fields['supportedProtocolVersions'])) {
      const message = 'unsupported protocol version'
      const refusal = { type: 'error', senderId: this.#ownId, message, targetId: peerId }
      const error = new AutomergeRepoError('ERR_REPO_VERSION', `${peerId} speaks another version`, {
        hint: 'update the peer to one that speaks version 1, as automerge-repo 2 does',
      })
      return socket.sendLast(encodeMessage(refusal), error)
    }
    served.peerId = peerId
    served.peer = this.#createPeer(served, peerId, rights)
    socket.send(
      encodeMessage({
        type: 'peer',
        senderId: this.#ownId,
        peerMetadata: { isEphemeral: true },
        selectedProtocolVersion: REPO_PROTOCOL_VERSION,
        targetId: peerId,
      }),
    )
    this.events.publish('peer:connected', { peerId })
  }

  #createPeer(served: ServedPeer, peerId: string, rights: RepoPeerRights): RepoPeer {
    const { database, newDocuments } = this.#init
    const { socket } = served
    return new RepoPeer({
      database,
      newDocuments,
      rights,
      ownId: this.#ownId,
      peerId,
      isRelay: false,
      send: (bytes) => socket.send(bytes),
      onFailed: (error) => socket.end(error),
      onEphemeral: (message) => {
        this.events.publish('ephemeral', message)
        for (const other of this.#served) {
          if (other !== served) other.peer?.sendEphemeral(message)
        }
      },
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const { socket } of this.#served) socket.end()
    while (this.#serving.size > 0) await Promise.all(this.#serving)
    const { promise, resolve } = Promise.withResolvers<void>()
    // It was never listening when it says otherwise.
    this.#sockets.close(() => resolve())
    await promise
    if (!this.#init.server) await this.#stopListening()
    this.events.close()
  }

  /** Whoever has connected and not yet asked for anything goes as well. */
  async #stopListening(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#http.close(() => resolve())
    this.#http.closeAllConnections()
    await promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Statuses of RFC 9110 section 15. */
const unauthorized = 401
const unavailable = 503

/** How this program calls itself in the dialect: another name in each run. */
export function newPeerId(): string {
  return `vudo-${randomBytes(16).toString('hex')}`
}

function speaksVersion(versions: unknown): boolean {
  // Whoever names none speaks the first one.
  if (versions === undefined || versions === null) return true
  if (!Array.isArray(versions) || versions.length > MAX_LIST_ENTRIES) return false
  return versions.includes(REPO_PROTOCOL_VERSION)
}
