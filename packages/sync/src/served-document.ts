import * as Automerge from '@automerge/automerge'
import { deriveActor, deriveNonce } from './authorship.ts'
import { isAckOf, sameHeads } from './document-heads.ts'
import type { AnyDocument, DocumentState } from './document-state.ts'
import type { Engine } from './engine.ts'
import { SyncError } from './errors.ts'
import { sendError } from './link-errors.ts'
import type {
  DocumentBegin,
  DocumentEdits,
  DocumentNews,
  DocumentReset,
  DocumentStanding,
  NewsEvent,
  RawChange,
  SentError,
} from './link-messages.ts'
import { assertWritable, headerOf, tooLarge } from './local-edits.ts'
import type { ChangeOrigin } from './replica-effects.ts'
import type { Replica } from './replica.ts'
import type { DocumentHandle } from './sync-types.ts'

/** A document that a client of a link has open: what the client has of it, and what it is to be told. */
export class ServedDocument {
  readonly handle: DocumentHandle<Record<string, unknown>>
  readonly state: DocumentState
  readonly #engine: Engine
  readonly #nonce: Uint8Array
  /** The client has everything of the log before this number. */
  #next: number
  /** What the client had when it was told last. */
  #told: readonly string[]
  #epoch = 0
  #refused: SentError | undefined
  readonly #events = new Map<string, NewsEvent>()
  readonly #toldAuthors = new Map<string, string>()
  #isTaking = false

  /** @param runId - 16 random bytes of the link. */
  constructor(
    engine: Engine,
    handle: DocumentHandle<Record<string, unknown>>,
    { state, runId }: { readonly state: DocumentState; readonly runId: Uint8Array },
  ) {
    this.handle = handle
    this.state = state
    this.#engine = engine
    this.#nonce = deriveNonce(runId, state.context.life)
    this.#next = state.logEnd
    this.#told = state.heads
  }

  get id(): string {
    return this.state.id
  }

  /** All of it, with which the client begins. */
  begin(): DocumentBegin {
    const { saved, epoch } = this.#whole()
    return { saved, epoch, nonce: this.#nonce, standing: this.#standing() }
  }

  #whole(): { readonly saved: Uint8Array; readonly epoch: number } {
    const saved = this.#engine.call(() => Automerge.save(this.state.open))
    this.#hasAll()
    return { saved, epoch: this.#epoch }
  }

  #hasAll(): void {
    this.#next = this.state.logEnd
    this.#told = this.state.heads
  }

  get #isCurrent(): boolean {
    return sameHeads(this.#told, this.state.heads)
  }

  /** Takes edits of the client. @returns false when they were refused: the client is to be told. */
  take({ epoch, changes }: DocumentEdits): boolean {
    // Made before the client learnt that others, on which they build, were refused.
    if (epoch !== this.#epoch) return true
    const wasCurrent = this.#isCurrent
    this.#isTaking = true
    try {
      this.#engine.call((replica) => this.#apply(replica, changes))
      if (wasCurrent) this.#hasAll()
      return true
    } catch (error) {
      this.#refuse(error)
      return false
    } finally {
      this.#isTaking = false
    }
  }

  /** The client has to begin anew. */
  #refuse(error: unknown): void {
    this.#epoch += 1
    this.#refused = sendError(error)
  }

  #apply(replica: Replica, changes: readonly RawChange[]): void {
    replica.assertWorking()
    replica.assertRoom()
    assertWritable(replica, this.state)
    // At once: it is open for as long as it is served.
    replica.withDocument(this.state, () => this.#applyTo(replica, changes))
  }

  #applyTo(replica: Replica, changes: readonly RawChange[]): void {
    const { state } = this
    const headers = changes.map(({ bytes }) => headerOf(bytes))
    const added = changes.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const known = headers.filter((header) => header !== undefined)
    assertFollowing(state, known)
    const chunks = changes.map(({ bytes }) => bytes)
    const doc = this.#applied(chunks, added)
    if (known.length === changes.length) state.replaceLogged(doc, known, undefined)
    else state.replace(doc)
    this.#noteActors(changes, headers)
    replica.changed(state, 'local')
  }

  /** A document near its limit is measured before it is taken. */
  #applied(chunks: readonly Uint8Array[], added: number): AnyDocument {
    const { state } = this
    if (!state.size.mayExceed(added)) {
      const doc = applied(state.open, chunks)
      state.size.admits(doc, added)
      return doc
    }
    const copy = applied(Automerge.clone(state.open, { actor: state.actor }), chunks)
    const isWithin = state.size.admits(copy, added)
    Automerge.free(isWithin ? state.open : copy)
    if (!isWithin) throw tooLarge(this.handle.path)
    return copy
  }

  /** The actors of a client are those of our author: the last change of each is signed when somebody asks. */
  #noteActors(
    changes: readonly RawChange[],
    headers: readonly ({ readonly hash: string } | undefined)[],
  ): void {
    const { state } = this
    for (const [at, { bytes, nonce = this.#nonce }] of changes.entries()) {
      const hash = headers[at]?.hash ?? Automerge.decodeChange(bytes).hash
      state.noteOwn(deriveActor(state.ownAuthor, state.id, nonce), { hash, nonce })
    }
  }

  /** The document has changed here. @returns false when that was the client's own doing. */
  changed(event: { path: string; origin: ChangeOrigin; created: boolean }): boolean {
    if (this.#isTaking) return false
    this.#events.set(`${event.origin} ${event.created}`, event)
    return true
  }

  /** What is new to the client since it was told last. */
  news(): DocumentNews {
    const reset = this.#takeReset()
    const changes = reset ? undefined : this.#changes()
    const events = [...this.#events.values()]
    this.#events.clear()
    return { id: this.id, changes, reset, events, standing: this.#standing() }
  }

  #takeReset(): DocumentReset | undefined {
    const { state } = this
    if (!this.#refused && !state.has(this.#told)) {
      const hint = 'what is missing is asked for from the peers'
      this.#refuse(new SyncError('ERR_SYNC_STORE', 'the document was damaged', { hint }))
    }
    const error = this.#refused
    this.#refused = undefined
    return error && { error, ...this.#whole() }
  }

  #changes(): readonly Uint8Array[] | Uint8Array | undefined {
    const { state } = this
    if (this.#isCurrent) return undefined
    const logged = state.log?.since(this.#next)
    const told = this.#told
    this.#hasAll()
    if (!logged) return Automerge.saveSince(state.open, [...told])
    const own = deriveActor(state.ownAuthor, state.id, this.#nonce)
    return logged.filter(({ actor }) => actor !== own).map(({ bytes }) => bytes)
  }

  #standing(): DocumentStanding {
    const { state } = this
    const authors = state.proofs.flatMap(({ actor, author }) => {
      if (this.#toldAuthors.get(actor) === author) return []
      this.#toldAuthors.set(actor, author)
      return [[actor, author] as const]
    })
    const storers = [...state.ackByPeer].filter(([, ack]) => isAckOf(ack, state.heads))
    const stored = { heads: state.heads, peers: storers.length }
    return { authors, refusal: this.#refusal(), stored }
  }

  #refusal(): SentError | undefined {
    try {
      this.#engine.call((replica) => assertWritable(replica, this.state))
      return undefined
    } catch (error) {
      return sendError(error)
    }
  }
}

/** The client builds on what it was told, and on its own: anything else is a mistake of ours, and must not be swallowed. */
function assertFollowing(
  state: DocumentState,
  changes: readonly { readonly hash: string; readonly deps: readonly string[] }[],
): void {
  const own = new Set<string>()
  for (const { hash, deps } of changes) {
    if (!deps.every((dep) => own.has(dep) || state.has([dep]))) {
      throw new SyncError('ERR_HISTORY_UNKNOWN', 'an edit builds on what is not here any more')
    }
    own.add(hash)
  }
}

function applied(doc: AnyDocument, chunks: readonly Uint8Array[]): AnyDocument {
  return Automerge.applyChanges(doc, [...chunks])[0]
}
