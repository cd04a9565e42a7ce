import { isSyncError } from '@vudo/sync'
import { encodeMessage } from './cbor-message.ts'
import { AutomergeRepoError } from './errors.ts'
import { MAX_EPHEMERAL_BYTES, MAX_EPHEMERAL_SOURCES, PUSH_DELAY_MS } from './limits.ts'
import { RepoDocuments, type RepoDocument, type RepoDocumentsInit } from './repo-documents.ts'
import { idOf, toRepoMessage, type Fields, type RepoMessage } from './repo-messages.ts'

/** A message that is not stored, as a peer of the dialect sent it. */
export interface EphemeralMessage {
  /** An `automerge:` URL. */
  readonly documentId: string
  /** Who sent it first, as that Repo calls itself; nobody has proven it. */
  readonly senderId: string
  /** What its application wrote, in CBOR. */
  readonly data: Uint8Array
  /** Counts up within the sender's session. */
  readonly count: number
  readonly sessionId: string
}

/** What a peer of the dialect is made of. */
export interface RepoPeerInit extends RepoDocumentsInit {
  /** How we call ourselves, and how the peer called itself when it joined. */
  readonly ownId: string
  readonly peerId: string
  /** True for a server, which passes on what others have sent. */
  readonly isRelay: boolean
  readonly send: (bytes: Uint8Array) => void
  readonly onEphemeral: (message: EphemeralMessage) => void
  /** The peer has answered for a document. */
  readonly onAnswer?: ((documentId: string) => void) | undefined
  /** Something went wrong between two messages of the peer. */
  readonly onFailed: (error: unknown) => void
}

/**
 * One peer that speaks automerge-repo's messages, after it has joined: its documents are
 * brought to the same state here and there, by Automerge's sync protocol.
 */
export class RepoPeer {
  readonly #init: RepoPeerInit
  readonly #documents: RepoDocuments
  /** Sender and session to its last count: an ephemeral message counts up, or was here before. */
  readonly #counts = new Map<string, number>()
  readonly #due = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  /** Everything that waits for the disk happens one after the other. */
  #last: Promise<unknown> = Promise.resolve()
  readonly #stops: readonly (() => void)[]
  #isClosed = false

  constructor(init: RepoPeerInit) {
    this.#init = init
    this.#documents = new RepoDocuments(init)
    const { events } = init.database
    const onChange = ({ documentId }: { readonly documentId: string }): void =>
      this.#pushSoon(documentId.slice('automerge:'.length))
    this.#stops = [events.on('document:changed', onChange), events.on('document:deleted', onChange)]
  }

  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => {})
    return turn
  }

  /**
   * Takes a message of the peer; settles when it was worked on.
   *
   * @throws `AutomergeRepoError` `ERR_REPO_MESSAGE`, `ERR_REPO_CHANGES`: end the connection.
   *   What the database throws when it was closed or its store failed.
   */
  async receive(fields: Fields): Promise<void> {
    const message = toRepoMessage(fields)
    const senderId = fields['senderId']
    const isOwn = senderId === this.#init.peerId
    if (!message || this.#isClosed) return
    if (message.type === 'ephemeral') {
      const isHeard = isOwn || this.#init.isRelay
      if (isHeard) this.#takeEphemeral(message, idOf(senderId, 'peer id'))
      return
    }
    // As automerge-repo's own server: whoever speaks in another name is not heard.
    if (!isOwn) return
    if (message.type === 'sync' || message.type === 'request') {
      await this.#inTurn(() => this.#takeSync(message))
    }
    if ('documentId' in message) this.#init.onAnswer?.(message.documentId)
  }

  #takeEphemeral(message: RepoMessage & { type: 'ephemeral' }, senderId: string): void {
    const { documentId, data, count, sessionId } = message
    // It waits once for each follower.
    if (data.length > MAX_EPHEMERAL_BYTES) return
    const source = `${senderId}\0${sessionId}`
    const before = this.#counts.get(source)
    if (!this.#documents.follows(documentId) || (before !== undefined && before >= count)) return
    this.#counts.delete(source)
    this.#counts.set(source, count)
    const [oldest] = this.#counts.keys()
    if (this.#counts.size > MAX_EPHEMERAL_SOURCES && oldest !== undefined) {
      this.#counts.delete(oldest)
    }
    const url = `automerge:${documentId}`
    this.#init.onEphemeral({ documentId: url, senderId, data, count, sessionId })
  }

  async #takeSync(message: RepoMessage & { type: 'sync' | 'request' }): Promise<void> {
    const { type, documentId, data } = message
    // Behind the version stands the number of heads: none means that it has nothing.
    const begins = type === 'sync' && data[1] !== 0
    const document = await this.#documents.obtain(documentId, begins)
    if (!document) return this.#say({ type: 'doc-unavailable', documentId })
    receiveSync(document, data)
    const isEmpty = document.handle.heads.length === 0 && !document.foreign.hasPeerContent
    if (type === 'request' && isEmpty) return this.#say({ type: 'doc-unavailable', documentId })
    this.#push(document)
  }

  /**
   * Offers a document to the peer, or asks for it when nothing of it is here; one that is
   * followed already is pushed when it changes.
   *
   * @returns false when nothing was sent.
   */
  offerOnce(documentId: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#isClosed || this.#documents.follows(documentId)) return false
      const document = await this.#documents.obtain(documentId, false)
      if (document) this.#push(document)
      return document !== undefined
    })
  }

  #push({ documentId, handle, foreign }: RepoDocument): void {
    const data = foreign.generate()
    if (!data) return
    const isBlank = handle.heads.length === 0 && !foreign.hasPeerContent
    this.#say({ type: isBlank ? 'request' : 'sync', documentId, data })
  }

  /** The documents that the peer follows and that changed since the last time go together. */
  #pushSoon(documentId: string): void {
    if (this.#isClosed || !this.#documents.follows(documentId)) return
    this.#due.add(documentId)
    this.#timer ??= setTimeout(() => {
      this.#inTurn(() => this.#pushDue()).catch((error: unknown) => this.#init.onFailed(error))
    }, PUSH_DELAY_MS)
  }

  async #pushDue(): Promise<void> {
    this.#timer = undefined
    for (const documentId of this.#due) {
      this.#due.delete(documentId)
      if (this.#isClosed) return
      const document = await this.#documents.obtain(documentId, false)
      if (document) this.#push(document)
    }
  }

  /** Passes on a message that is not stored, when the peer follows its document. */
  sendEphemeral({ documentId: url, senderId, data, count, sessionId }: EphemeralMessage): void {
    const documentId = url.slice('automerge:'.length)
    if (this.#isClosed || !this.#documents.follows(documentId)) return
    this.#say({ type: 'ephemeral', documentId, data, count, sessionId }, senderId)
  }

  #say(message: RepoMessage, senderId: string = this.#init.ownId): void {
    if (this.#isClosed) return
    this.#init.send(encodeMessage({ ...message, senderId, targetId: this.#init.peerId }))
  }

  /** Forgets everything of the peer; settles when its documents are closed. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const stop of this.#stops) stop()
    await this.#inTurn(() => this.#documents.close())
  }
}

function receiveSync({ foreign }: RepoDocument, data: Uint8Array): void {
  try {
    foreign.receive(data)
  } catch (error) {
    if (!isSyncError(error)) throw error
    // It may read and not write: it is answered, and its changes are left out.
    if (error.code === 'ERR_NOT_ALLOWED' || error.code === 'ERR_DOCUMENT_DELETED') return
    if (ours.has(error.code)) throw error
    throw new AutomergeRepoError('ERR_REPO_CHANGES', error.message, { cause: error })
  }
}

/** What is nobody's fault but this device's. */
const ours = new Set<string>(['ERR_DATABASE_CLOSED', 'ERR_HANDLE_CLOSED', 'ERR_SYNC_STORE'])
