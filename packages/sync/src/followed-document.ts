import * as Automerge from '@automerge/automerge'
import { deriveActor } from './authorship.ts'
import type { ReadableDocument } from './document-history.ts'
import { headsOf, sameHeads } from './document-heads.ts'
import { DocumentSize } from './document-size.ts'
import type { AnyDocument } from './document-state.ts'
import { discard } from './document-chunks.ts'
import { receiveError } from './link-errors.ts'
import type { EditedDocument } from './local-edits.ts'
import type {
  DocumentBegin,
  DocumentNews,
  DocumentReset,
  DocumentStanding,
  SentError,
} from './link-messages.ts'

/** A document that this thread has open, and the worker's engine keeps: an image of it that edits and follows. */
export class FollowedDocument implements ReadableDocument, EditedDocument {
  readonly id: string
  readonly ownAuthor: string
  readonly actor: string
  readonly size: DocumentSize
  /** Where it lies now. */
  path: string
  /** Open handles. */
  handles = 0
  #doc: AnyDocument | undefined
  #epoch: number
  #heads: readonly string[]
  #refusal: SentError | undefined
  #stored: DocumentStanding['stored']
  readonly #authorByActor = new Map<string, string>()

  constructor(
    { id, path }: { readonly id: string; readonly path: string },
    ownAuthor: string,
    { saved, epoch, nonce, standing }: DocumentBegin,
  ) {
    this.id = id
    this.path = path
    this.ownAuthor = ownAuthor
    this.actor = deriveActor(ownAuthor, id, nonce)
    this.size = new DocumentSize(saved.length)
    this.#epoch = epoch
    this.#doc = Automerge.load(saved, { actor: this.actor })
    this.#heads = headsOf(this.#doc)
    this.#stored = standing.stored
    this.#stand(standing)
  }

  get open(): AnyDocument {
    if (!this.#doc) throw new Error(`document ${this.id} is not followed any more`)
    return this.#doc
  }

  get isFreed(): boolean {
    return this.#doc === undefined
  }

  /** Sorted. */
  get heads(): readonly string[] {
    return this.#heads
  }

  /** Counts the refusals of edits: see `DocumentEdits`. */
  get epoch(): number {
    return this.#epoch
  }

  get proofs(): readonly { readonly actor: string; readonly author: string }[] {
    return [...this.#authorByActor].map(([actor, author]) => ({ actor, author }))
  }

  /** How many peers have stored exactly what is here, as far as the worker has told. */
  get storedBy(): number {
    return sameHeads(this.#stored.heads, this.#heads) ? this.#stored.peers : 0
  }

  /** @throws why it cannot be edited. */
  assertWritable(): void {
    if (this.#refusal) throw receiveError(this.#refusal)
  }

  /** Takes the document as it is after an edit that is on its way to the worker. */
  edited(doc: AnyDocument): void {
    this.#doc = doc
    this.#heads = headsOf(doc)
  }

  /** Another actor under which this thread edits. */
  knowOwn(actor: string): void {
    this.#authorByActor.set(actor, this.ownAuthor)
  }

  undoOwn(doc: AnyDocument): void {
    const heads = [...this.#heads]
    // A view of no heads at all would be one of everything.
    this.#doc =
      heads.length === 0
        ? Automerge.init({ actor: this.actor })
        : Automerge.clone(Automerge.view(doc, heads), { actor: this.actor })
    Automerge.free(doc)
  }

  /** Takes what the worker tells. @returns How many changes are not in the document any more. */
  take({ changes, reset, standing }: DocumentNews): number {
    const lost = reset ? this.#reset(reset) : 0
    if (changes) this.#apply(changes)
    this.#stand(standing)
    return lost
  }

  #apply(changes: readonly Uint8Array[] | Uint8Array): void {
    const { open } = this
    if (changes instanceof Uint8Array) {
      this.size.add(changes.length)
      return this.edited(Automerge.loadIncremental(open, changes))
    }
    for (const { length } of changes) this.size.add(length)
    this.edited(Automerge.applyChanges(open, [...changes])[0])
  }

  #reset({ saved, epoch }: DocumentReset): number {
    const { open } = this
    const doc = Automerge.load<Record<string, unknown>>(saved, { actor: this.actor })
    const shared = headsOf(doc).filter((head) => Automerge.hasHeads(open, [head]))
    const unshared = Automerge.getChangesMetaSince(open, shared)
    const lost = unshared.filter(({ hash }) => !Automerge.hasHeads(doc, [hash])).length
    this.#epoch = epoch
    this.size.measured(saved.length)
    this.edited(doc)
    discard(open)
    return lost
  }

  #stand({ authors, refusal, stored }: DocumentStanding): void {
    for (const [actor, author] of authors) this.#authorByActor.set(actor, author)
    this.#refusal = refusal
    this.#stored = stored
  }

  /** Nobody has it open any more. */
  free(): void {
    if (this.#doc) discard(this.#doc)
    this.#doc = undefined
  }
}
