import { readStoredProof } from './authorship.ts'
import { isStoredWhole, refuse, serve } from './batch-server.ts'
import { dictionaryOf } from './page-takes.ts'
import { deflateWith } from './deflate.ts'
import { sameHeads } from './document-heads.ts'
import { encodeDocuments, type WholeDocument } from './documents-wire.ts'
import type { DocumentState } from './document-state.ts'
import { SyncError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { BUNDLE_BYTES, MAX_BUNDLED_DOCUMENT_BYTES, MAX_BUNDLED_PROOFS } from './limits.ts'
import type { ReadDocument } from './open-documents.ts'
import type { OutgoingPage, PeerState } from './peer-state.ts'
import type { SyncMessage } from './wire.ts'

/* Documents that a peer takes as they are stored: read, gathered and sent without being opened. */

/** Serves documents of a page to a peer that has nothing of them. */
export function handleTake(
  exchange: Exchange,
  peer: PeerState,
  { number, places }: SyncMessage & { type: 'take' },
): void {
  const page = peer.pagesInFlight.get(number)
  if (!page || page.isTaken) {
    throw new SyncError('ERR_SYNC_PROTOCOL', `page ${number} is not open, or taken already`)
  }
  page.isTaken = true
  const bundle = new Bundle(exchange, peer, number, page)
  for (const place of places) bundle.add(place)
  bundle.seal()
}

/** Documents of one page on their way into messages. */
class Bundle {
  readonly #exchange: Exchange
  readonly #peer: PeerState
  readonly #number: number
  readonly #page: OutgoingPage
  #documents: WholeDocument[] = []
  #bytes = 0
  #reading = 0
  #isSealed = false

  constructor(exchange: Exchange, peer: PeerState, number: number, page: OutgoingPage) {
    this.#exchange = exchange
    this.#peer = peer
    this.#number = number
    this.#page = page
  }

  /** Adds the document of one place of the page, now or when it has been read. */
  add(place: number): void {
    const entry = this.#page.entries[place]
    if (!entry) throw new SyncError('ERR_SYNC_PROTOCOL', `place ${place} of a page is no document`)
    const { replica } = this.#exchange
    const { id } = entry
    const state = replica.knownDocument(id)
    if (!state || !replica.catalogue.knows(id)) return this.#refuse(id, 'absent')
    if (!this.#exchange.mayRead(this.#peer, id)) return this.#refuse(id, 'not-allowed')
    if (!this.#fits(state, entry.heads)) return this.#later(id)
    this.#reading += 1
    replica.withStored(state, (read) => {
      this.#reading -= 1
      if (!this.#exchange.isPresent(this.#peer)) return
      const document = this.#fits(state, entry.heads) ? wholeOf(state, read) : undefined
      if (document) this.#write({ ...document, entry }, read)
      else this.#later(id)
      this.#flushIfDone()
    })
  }

  /** No more are added. */
  seal(): void {
    this.#isSealed = true
    this.#flushIfDone()
  }

  #fits(state: DocumentState, heads: readonly string[]): boolean {
    const isSmall = state.stored.snapshotBytes <= MAX_BUNDLED_DOCUMENT_BYTES
    return isSmall && isStoredWhole(state) && sameHeads(state.stored.heads, heads)
  }

  #refuse(id: string, reason: 'absent' | 'not-allowed'): void {
    refuse(this.#exchange, this.#peer, id, reason)
  }

  /** By itself, in parts. */
  #later(id: string): void {
    this.#peer.requests.set(id, { heads: [], have: [], isTaken: true })
    serve(this.#exchange, this.#peer)
  }

  #write(document: WholeDocument, { proofs }: ReadDocument): void {
    this.#documents.push(document)
    // Signatures take no more together than each by itself.
    this.#bytes += proofs.reduce((sum, { length }) => sum + length, document.saved.length)
    if (this.#bytes >= BUNDLE_BYTES) this.#flush()
  }

  #flushIfDone(): void {
    if (this.#isSealed && this.#reading === 0 && this.#bytes > 0) this.#flush()
  }

  #flush(): void {
    const { entries } = this.#page
    const bytes = encodeDocuments(entries, this.#documents)
    this.#documents = []
    this.#bytes = 0
    const deflated = deflateWith(bytes, dictionaryOf(entries))
    const [number, inflatedBytes] = [this.#number, bytes.length]
    this.#exchange.send(this.#peer, { type: 'documents', number, inflatedBytes, deflated })
  }
}

/** What was read of a document, if that is all of it, in one piece and undamaged. */
function wholeOf(
  { stored }: DocumentState,
  { chunks, proofs: encoded }: ReadDocument,
): Omit<WholeDocument, 'entry'> | undefined {
  const [saved] = chunks
  const isOne = chunks.length === 1 && saved?.length === stored.snapshotBytes
  if (!isOne || encoded.length > MAX_BUNDLED_PROOFS) return undefined
  const proofs = encoded.flatMap(readStoredProof)
  return proofs.length === encoded.length ? { proofs, saved } : undefined
}
