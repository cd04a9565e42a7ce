import { createByteWriter } from '@vudo/wire'
import { isStoredWhole, refuse, serve } from './batch-server.ts'
import { dictionaryOf } from './page-takes.ts'
import { deflateWith } from './deflate.ts'
import { sameHeads } from './document-heads.ts'
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
  #writer = createByteWriter()
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
      if (this.#fits(state, entry.heads) && isWhole(state, read)) this.#write(place, read)
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

  #write(place: number, { chunks: [saved = new Uint8Array()], proofs }: ReadDocument): void {
    this.#writer.varint(place).varint(proofs.length)
    for (const proof of proofs) this.#writer.bytes(proof)
    this.#writer.prefixed(saved)
    this.#bytes += saved.length + proofs.reduce((sum, { length }) => sum + length, 0)
    if (this.#bytes >= BUNDLE_BYTES) this.#flush()
  }

  #flushIfDone(): void {
    if (this.#isSealed && this.#reading === 0 && this.#bytes > 0) this.#flush()
  }

  #flush(): void {
    const bytes = this.#writer.finish()
    this.#bytes = 0
    const deflated = deflateWith(bytes, dictionaryOf(this.#page.entries))
    const [number, inflatedBytes] = [this.#number, bytes.length]
    this.#exchange.send(this.#peer, { type: 'documents', number, inflatedBytes, deflated })
  }
}

function isWhole(state: DocumentState, { chunks, proofs }: ReadDocument): boolean {
  const isOne = chunks.length === 1 && chunks[0]?.length === state.stored.snapshotBytes
  return isOne && proofs.length <= MAX_BUNDLED_PROOFS
}
