import { createEventHub, type EventHub } from '@vudo/events'
import { isSyncError, type Database } from '@vudo/sync'
import { WebSocket } from 'ws'
import { encodeMessage } from './cbor-message.ts'
import { AutomergeRepoError } from './errors.ts'
import {
  ANSWER_TIMEOUT_MS,
  JOIN_TIMEOUT_MS,
  MAX_OPEN_DOCUMENTS,
  MAX_REOPEN_DELAY_MS,
  MAX_REPO_MESSAGE_BYTES,
  REOPEN_DELAY_MS,
} from './limits.ts'
import { isBelow, type RepoPeerRights } from './repo-documents.ts'
import { idOf, malformed, type Fields } from './repo-messages.ts'
import { RepoPeer } from './repo-peer.ts'
import { newPeerId, REPO_PROTOCOL_VERSION, type AutomergeRepoEvents } from './repo-server.ts'
import { RepoSocket } from './repo-socket.ts'

/** What {@link followAutomergeRepo} takes. */
export interface AutomergeRepoFollowerInit {
  /** Its documents are kept in step with the server's; it stays the caller's, open until the follower is closed. */
  readonly database: Database
  /** The sync server: `ws://…` or `wss://…`. */
  readonly url: string
  /** A path: only documents at it or below; others are unavailable to the server, also when it asks by id. @defaultValue all documents */
  readonly prefix?: string | undefined
  /** What the server may do. @defaultValue reads as nobody, writes */
  readonly rights?: RepoPeerRights | undefined
}

/** Keeps documents in step with those of a sync server of automerge-repo. */
export interface AutomergeRepoFollower extends AsyncDisposable {
  /** True while the server has answered and its socket stands. */
  readonly isConnected: boolean
  readonly events: EventHub<AutomergeRepoEvents>
  /** Ends the connection; settles when everything is released. Idempotent. */
  close(): Promise<void>
}

/**
 * Follows an unmodified automerge-repo sync server: each document of the database, under the
 * `automerge:` URL that it has, is offered to the server and asked for, at once and whenever
 * it changes. A lost connection is made again, after 250 ms first and 30 s at most.
 *
 * @throws `SyntaxError` when `url` is no WebSocket URL.
 */
export function followAutomergeRepo(init: AutomergeRepoFollowerInit): AutomergeRepoFollower {
  const { protocol } = new URL(init.url)
  if (protocol !== 'ws:' && protocol !== 'wss:') {
    throw new SyntaxError(`the URL of a sync server begins with ws: or wss:, not ${protocol}`)
  }
  return new Follower(init)
}

class Follower implements AutomergeRepoFollower {
  readonly events: EventHub<AutomergeRepoEvents> = createEventHub<AutomergeRepoEvents>()
  readonly #init: AutomergeRepoFollowerInit
  readonly #ended = new AbortController()
  readonly #running: Promise<void>
  #visit: Visit | undefined

  constructor(init: AutomergeRepoFollowerInit) {
    this.#init = init
    this.#running = this.#run()
  }

  get isConnected(): boolean {
    return this.#visit?.peer !== undefined
  }

  async #run(): Promise<void> {
    let delayMs = REOPEN_DELAY_MS
    while (!this.#ended.signal.aborted) {
      const visit = new Visit(this.#init, this.events)
      this.#visit = visit
      const error = await visit.run(this.#ended.signal)
      this.#visit = undefined
      if (this.#ended.signal.aborted) return
      this.events.publish('peer:fault', { peerId: visit.peerId, error })
      if (visit.peerId !== undefined) {
        this.events.publish('peer:disconnected', { peerId: visit.peerId })
        delayMs = REOPEN_DELAY_MS
      }
      await pause(delayMs, this.#ended.signal)
      delayMs = Math.min(2 * delayMs, MAX_REOPEN_DELAY_MS)
    }
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#running
    this.events.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** One connection to the server, from the join to its end. */
class Visit {
  peer: RepoPeer | undefined
  peerId: string | undefined
  readonly #init: AutomergeRepoFollowerInit
  /**
   * Another one for each connection. A server of automerge-repo that shares nothing unasked keeps
   * what it has sent to a name, also when that was lost with the connection, and never sends it
   * to that name again.
   */
  readonly #ownId = newPeerId()
  readonly #events: EventHub<AutomergeRepoEvents>
  /** Documents that the server has not answered for. */
  readonly #asked = new Set<string>()
  #wake = (): void => {}
  #offering: Promise<void> | undefined

  constructor(init: AutomergeRepoFollowerInit, events: EventHub<AutomergeRepoEvents>) {
    this.#init = init
    this.#events = events
  }

  /** Settles, never rejects, with the reason why it is over. */
  async run(signal: AbortSignal): Promise<unknown> {
    const webSocket = new WebSocket(this.#init.url, {
      maxPayload: MAX_REPO_MESSAGE_BYTES,
      perMessageDeflate: false,
    })
    const socket: RepoSocket = new RepoSocket(webSocket, (fields) => this.#take(socket, fields))
    const { prefix } = this.#init
    webSocket.on('open', () => socket.send(encodeMessage(joinOf(this.#ownId))))
    const stop = this.#init.database.events.on('document:changed', ({ path, documentId }) => {
      if (isBelow(path, prefix)) this.#offerSoon(idOfUrl(documentId), socket)
    })
    const timer = setTimeout(() => {
      if (!this.peer) socket.end(malformed('the server did not answer in time'))
    }, JOIN_TIMEOUT_MS)
    const onAbort = (): void => socket.end()
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) socket.end()
    const error = await socket.closed
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    stop()
    const { peer } = this
    this.peer = undefined
    await peer?.close()
    this.#wake()
    await this.#offering
    return error
  }

  async #take(socket: RepoSocket, fields: Fields): Promise<void> {
    if (this.peer) return this.peer.receive(fields)
    if (fields['type'] === 'error') {
      throw new AutomergeRepoError('ERR_REPO_VERSION', 'the server refused the join', {
        hint: 'update the server to one that speaks version 1, as automerge-repo 2 does',
      })
    }
    if (fields['type'] !== 'peer') return
    const peerId = idOf(fields['senderId'], 'peer id')
    this.peerId = peerId
    this.peer = this.#createPeer(socket, peerId)
    this.#events.publish('peer:connected', { peerId })
    for (const { path, documentId } of await this.#init.database.ls()) {
      if (isBelow(path, this.#init.prefix)) this.#offerSoon(idOfUrl(documentId), socket)
    }
  }

  #createPeer(socket: RepoSocket, peerId: string): RepoPeer {
    const { database, rights = {}, prefix } = this.#init
    return new RepoPeer({
      database,
      rights,
      newDocuments: undefined,
      prefix,
      ownId: this.#ownId,
      peerId,
      isRelay: true,
      send: (bytes) => socket.send(bytes),
      onFailed: (error) => socket.end(error),
      onEphemeral: (message) => this.#events.publish('ephemeral', message),
      onAnswer: (documentId) => {
        this.#asked.delete(documentId)
        this.#wake()
      },
    })
  }

  readonly #toOffer = new Set<string>()

  #offerSoon(documentId: string, socket: RepoSocket): void {
    if (!this.peer) return
    this.#toOffer.add(documentId)
    this.#offering ??= this.#offerAll(socket)
  }

  /** So many at a time as may be open: what closes before its answer comes begins anew. */
  async #offerAll(socket: RepoSocket): Promise<void> {
    try {
      for (const documentId of this.#toOffer) {
        this.#toOffer.delete(documentId)
        if (!this.peer) return
        if (this.#asked.size >= MAX_OPEN_DOCUMENTS) await this.#answered()
        if (!(await this.peer?.offerOnce(documentId))) continue
        this.#asked.add(documentId)
      }
    } catch (error) {
      // Closed under our hands, or its store failed: there is nothing to follow any more.
      if (!isSyncError(error)) throw error
      socket.end(error)
    } finally {
      this.#offering = undefined
    }
  }

  /** One has been answered, or the time is up: then the oldest does not count any more. */
  async #answered(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      const [oldest] = this.#asked
      if (oldest !== undefined) this.#asked.delete(oldest)
      resolve()
    }, ANSWER_TIMEOUT_MS)
    this.#wake = () => resolve()
    await promise
    clearTimeout(timer)
  }
}

function joinOf(senderId: string): object {
  return {
    type: 'join',
    senderId,
    peerMetadata: { isEphemeral: true },
    supportedProtocolVersions: [REPO_PROTOCOL_VERSION],
  }
}

function idOfUrl(url: string): string {
  return url.slice('automerge:'.length)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(timer)
}
