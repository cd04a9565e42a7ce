import { isSyncError, type Database, type DocumentHandle, type ForeignSync } from '@vudo/sync'
import { MAX_FOLLOWED_DOCUMENTS, MAX_NEW_DOCUMENTS, MAX_OPEN_DOCUMENTS } from './limits.ts'

/** What a peer of the dialect may do. It proves nothing itself: whoever lets it in says so. */
export interface RepoPeerRights {
  /**
   * Whose rights it reads with: an author id (64 characters of hex), or an empty text for
   * nobody's. The database's policy is asked.
   *
   * @defaultValue nobody's
   */
  readonly author?: string | undefined
  /**
   * Whether its changes are taken, where the policy lets this device's author write: they
   * enter under that author.
   *
   * @defaultValue true
   */
  readonly writes?: boolean | undefined
}

/** What the documents of a peer are opened from. */
export interface RepoDocumentsInit {
  readonly database: Database
  readonly rights: RepoPeerRights
  /** Where documents go that the peer begins: a path. Without it they are refused. */
  readonly newDocuments: string | undefined
  /** A path: for the peer there is nothing but what lies at it or below. */
  readonly prefix?: string | undefined
}

/** True when a path lies at `prefix` or below; without one, always. */
export function isBelow(path: string, prefix: string | undefined): boolean {
  return prefix === undefined || path === prefix || path.startsWith(`${prefix}/`)
}

/** A document that a peer works on. */
export interface RepoDocument {
  readonly documentId: string
  readonly handle: DocumentHandle<object>
  readonly foreign: ForeignSync
}

/**
 * The documents of one peer of the dialect: which it follows, and the few of them that are
 * open. What closes for others' sake begins its sync anew when it is needed again, which
 * that protocol allows at any time.
 */
export class RepoDocuments {
  readonly #init: RepoDocumentsInit
  /** Least recently used first. */
  readonly #open = new Map<string, RepoDocument>()
  readonly #followed = new Set<string>()
  #begunCount = 0

  constructor(init: RepoDocumentsInit) {
    this.#init = init
  }

  /** True when the peer has asked for the document, or was offered it. */
  follows(documentId: string): boolean {
    return this.#followed.has(documentId)
  }

  /** The peer is told nothing more of the document. */
  async drop(documentId: string): Promise<void> {
    this.#followed.delete(documentId)
    const document = this.#open.get(documentId)
    this.#open.delete(documentId)
    await document?.handle.close()
  }

  /**
   * The document, open and from now on followed; `undefined` when there is none that the
   * peer may see. One call at a time.
   *
   * @param begins - The peer has content of it: an unknown one may begin.
   */
  async obtain(documentId: string, begins: boolean): Promise<RepoDocument | undefined> {
    const url = `automerge:${documentId}`
    const { database, rights, prefix } = this.#init
    const known = this.#open.get(documentId) ?? (await this.#openAnew(documentId, begins))
    if (!known) return undefined
    // Whoever asks by id does not know where it lies.
    const isOffered = isBelow(known.handle.path, prefix)
    if (!isOffered || !database.mayAccess(rights.author ?? '', 'read', url)) {
      this.#open.set(documentId, known)
      await this.drop(documentId)
      return undefined
    }
    // Out and in again: the order of the map is the order of use.
    this.#open.delete(documentId)
    this.#open.set(documentId, known)
    await this.#closeOldest()
    return known
  }

  async #openAnew(documentId: string, begins: boolean): Promise<RepoDocument | undefined> {
    const isNew = !this.#followed.has(documentId)
    if (isNew && this.#followed.size >= MAX_FOLLOWED_DOCUMENTS) return undefined
    try {
      const handle =
        (await this.#handleOf(documentId)) ?? (begins ? await this.#begin(documentId) : undefined)
      // One that is asked for before it is here is sent when it comes.
      this.#followed.add(documentId)
      if (!handle) return undefined
      const mayWrite = (): boolean => this.#init.rights.writes !== false
      return { documentId, handle, foreign: handle.foreignSync({ mayWrite }) }
    } catch (error) {
      // Deleted, or not this author's to write: for the peer it is not there.
      const isRefusal = isSyncError(error) && refusals.has(error.code)
      if (!isRefusal) throw error
      this.#followed.delete(documentId)
      return undefined
    }
  }

  #handleOf(documentId: string): Promise<DocumentHandle<object> | undefined> {
    return this.#init.database.openById(`automerge:${documentId}`)
  }

  async #begin(documentId: string): Promise<DocumentHandle<object> | undefined> {
    const { database, newDocuments, rights } = this.#init
    if (newDocuments === undefined || rights.writes === false) return undefined
    if (this.#begunCount >= MAX_NEW_DOCUMENTS) return undefined
    this.#begunCount += 1
    await database.admit(`${newDocuments}/${documentId}`, `automerge:${documentId}`)
    return this.#handleOf(documentId)
  }

  async #closeOldest(): Promise<void> {
    for (const [documentId, { handle }] of this.#open) {
      if (this.#open.size <= MAX_OPEN_DOCUMENTS) return
      this.#open.delete(documentId)
      await handle.close()
    }
  }

  /** Closes all of them; the database may be closed already. */
  async close(): Promise<void> {
    const documents = [...this.#open.values()]
    this.#open.clear()
    this.#followed.clear()
    // A store that failed has told everybody who can do something about it.
    for (const { handle } of documents) await handle.close().catch(() => {})
  }
}

const refusals = new Set<string>(['ERR_DOCUMENT_DELETED', 'ERR_NOT_ALLOWED', 'ERR_SYNC_LIMIT'])
