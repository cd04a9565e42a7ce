import * as Automerge from '@automerge/automerge'
import type { PeerId } from '@vudo/transport'
import { isSuccession } from './catalogue.ts'
import type { CatalogueRecord } from './catalogue-record.ts'
import { versionVectorOf } from './document-history.ts'
import { beginningOf, carryOver } from './epochs.ts'
import { addBeginning } from './local-edits.ts'
import { sameHeads } from './document-heads.ts'
import type { DocumentState } from './document-state.ts'
import { MAX_HEADS, MAX_REMEMBERED_ACTORS } from './limits.ts'
import type { AnnouncedDocument } from './peer-state.ts'
import type { ChangeOrigin } from './replica-effects.ts'
import type { Replica } from './replica.ts'
import {
  encodeMark,
  encodeReach,
  markKey,
  reachKey,
  type DocumentMark,
  type StoredIndex,
} from './stored-keys.ts'

/**
 * What the records that retired a document say of what is here of it: `covered`, all of it;
 * `edited`, not all; `unknown`, they name changes that are not here.
 */
export type RetiredContent = 'covered' | 'edited' | 'unknown'

/**
 * Documents that lie under no path any more, because a record deleted them or named a successor.
 *
 * The record names the heads that its author knew. What is in their history is deleted; what is not
 * stays where it is, is told as `document:deleted-with-edits`, and can be taken back. No clock is
 * asked: an edit that the author of the deletion did not know of is outside, whenever it was made.
 *
 * The bytes go from this disk when nothing is outside, nobody has the document open, and every peer
 * that was ever met has stored the record, or when the application insists. What stays is a mark:
 * the heads, and how far each actor had come, so that an old copy that somebody brings later is
 * known to be old.
 */
export class RetiredDocuments {
  readonly #replica: Replica
  /** Documents that some record retired, whether it counts or not. */
  readonly #named = new Set<string>()
  /** Those of them that may have bytes here. */
  readonly #kept = new Set<string>()
  readonly #marks: Map<string, DocumentMark>
  readonly #reachByPeer: Map<PeerId, number>
  /** Documents whose bytes go without waiting for the peers. */
  readonly #forced = new Set<string>()
  /** Documents whose edits are all in a successor, at these heads. */
  readonly #carried = new Map<string, readonly string[]>()
  /** Who waits for a successor to have its content, by its id. */
  readonly #awaited = new Map<string, (() => void)[]>()
  /** Those whose edits could not be carried there, until something happens. */
  readonly #tried = new Map<string, readonly string[]>()
  /** What was found at these heads. */
  readonly #found = new Map<string, { heads: readonly string[]; content: RetiredContent }>()
  /** Something has happened that may let bytes go. */
  #isDue = false

  constructor(replica: Replica, index: StoredIndex) {
    this.#replica = replica
    this.#marks = new Map(index.marks)
    this.#reachByPeer = new Map(index.reachByPeer)
  }

  /** Notes what a record retires. */
  sawRecord(record: CatalogueRecord): void {
    const id = this.#retiredBy(record)
    if (id !== undefined) this.#note(id)
    // Another successor may win.
    if (isSuccession(record)) this.#note(record.documentId)
  }

  #note(id: string): void {
    this.#named.add(id)
    this.#kept.add(id)
    this.#isDue = true
  }

  #retiredBy(record: CatalogueRecord): string | undefined {
    if (record.state === 'deleted') return record.documentId
    if (!isSuccession(record)) return undefined
    return this.#replica.catalogue.record(record.path, record.predecessor ?? '')?.documentId
  }

  /** The records that count and have retired a document, newest first; none while it lies under a path. */
  retirersOf(id: string): readonly CatalogueRecord[] {
    const { catalogue } = this.#replica
    if (!this.#named.has(id) || catalogue.isLive(id)) return []
    return catalogue
      .pathsOf(id)
      .flatMap((path) => catalogue.chain(path).filter((record) => this.#retiredBy(record) === id))
  }

  /** The record that made a successor of which another one took the place. */
  #lostOf(id: string): CatalogueRecord | undefined {
    const { catalogue } = this.#replica
    if (catalogue.isLive(id)) return undefined
    for (const path of catalogue.pathsOf(id)) {
      const chain = new Set(catalogue.chain(path).map(({ hash }) => hash))
      const isLost = (record: CatalogueRecord): boolean =>
        record.documentId === id && isSuccession(record) && !chain.has(record.hash)
      const lost = catalogue.records(path).find(isLost)
      if (lost) return lost
    }
    return undefined
  }

  /** The records that every peer must have before bytes go. */
  #causesOf(id: string): readonly CatalogueRecord[] {
    const retirers = this.retirersOf(id)
    if (retirers.length > 0) return retirers
    const path = this.#lostOf(id)?.path
    const winner = path === undefined ? undefined : this.#replica.catalogue.winner(path)
    return winner ? [winner] : []
  }

  /** A record has come: its document may be retired now, or back. */
  recordAdded(record: CatalogueRecord, origin: ChangeOrigin): void {
    this.sawRecord(record)
    // Which records count may be different now.
    this.#found.clear()
    this.#carried.clear()
    this.#tried.clear()
    const ids = this.#replica.catalogue.records(record.path).map(({ documentId }) => documentId)
    for (const id of new Set(ids)) if (this.#named.has(id)) this.#look(id, origin)
    if (record.state === 'live') this.#cameBack(record.documentId)
  }

  /** It lies under a path again. Whoever has it is asked for it. */
  #cameBack(id: string): void {
    if (this.#marks.get(id)?.reason === 'retired' && this.#replica.catalogue.isLive(id)) {
      this.recall(id)
    }
  }

  /** Its content has changed, here or by a peer who did not know, or did not care. */
  documentChanged(state: DocumentState, origin: ChangeOrigin): void {
    const { id } = state
    if (this.#awaited.size > 0) this.#begun(state)
    if (!this.#named.has(id) || this.#replica.catalogue.isLive(id)) return
    this.#tried.clear()
    this.#note(id)
    this.#look(id, origin)
  }

  #look(id: string, origin: ChangeOrigin): void {
    const [newest] = this.retirersOf(id)
    const state = this.#replica.knownDocument(id)
    if (!state || state.heads.length === 0) return
    const lost = newest ? undefined : this.#lostOf(id)
    if (lost) return this.#carryBack(state, lost)
    if (!newest) return
    this.contentOf(state, (content) => {
      if (content === 'edited') this.#edited(state, newest, origin)
    })
  }

  #edited(state: DocumentState, newest: CatalogueRecord, origin: ChangeOrigin): void {
    if (newest.state === 'live') return this.#carryOn(state, newest)
    const { path } = newest
    this.#replica.emit({ type: 'document:deleted-with-edits', id: state.id, path, origin })
  }

  // Edits to an earlier epoch.

  /** What was done to a document beyond what its successor began with goes on into that. */
  #carryOn(from: DocumentState, { documentId, covered = [] }: CatalogueRecord): void {
    const { init } = this.#replica
    // Somebody else who may will do the same.
    if (!this.#replica.mayWith(init.author.authorId, 'write', documentId)) return
    this.#carry(from, this.#replica.document(documentId), (to) => {
      if (!from.has(covered)) throw new Error('its history has gone from here')
      const beginning = beginningOf(from, covered, to.id)
      addBeginning(this.#replica, to, beginning)
      const base = beginning.map(({ hash }) => hash).toSorted()
      carryOver(this.#replica, { from, covered, to, base })
    })
  }

  /** What was done to a successor that lost goes back into its document, and from there into the one that won. */
  #carryBack(from: DocumentState, lost: CatalogueRecord): void {
    const to = this.#replica.knownDocument(this.#retiredBy(lost) ?? '')
    const { author } = this.#replica.init
    if (!to || !this.#replica.mayWith(author.authorId, 'write', to.id)) return
    this.#carry(from, to, () => {
      const base = lost.covered ?? []
      // It may still come: then this is looked at again.
      if (!to.has(base)) return 'later'
      const covered = beginningOf(to, base, from.id).map(({ hash }) => hash)
      if (!from.has(covered)) return 'later'
      carryOver(this.#replica, { from, covered, to, base })
      return undefined
    })
  }

  #carry(
    from: DocumentState,
    to: DocumentState,
    task: (to: DocumentState) => 'later' | undefined | void,
  ): void {
    const replica = this.#replica
    if (sameHeads(this.#tried.get(from.id) ?? [], from.heads)) return
    this.#tried.set(from.id, from.heads)
    replica.withDocument(from, () => {
      replica.pin(from)
      replica.withDocument(to, () => {
        try {
          if (task(to) !== 'later') this.#carried.set(from.id, from.heads)
        } catch (error) {
          this.#quarantine(from, error)
        } finally {
          replica.unpin(from)
        }
      })
    })
  }

  #quarantine({ id }: DocumentState, error: unknown): void {
    const path = this.#replica.catalogue.pathOf(id)
    const why = error instanceof Error ? error.message : String(error)
    const reason = `edits to an earlier epoch stay outside of the present one: ${why}`
    this.#replica.emit({ type: 'document:quarantined', id, path, peerId: undefined, reason })
  }

  /**
   * Runs `task` when a document is open. A successor has its initial value from the document
   * before it, and not from whoever opens it: until that is here, it waits.
   */
  whenBegun(record: CatalogueRecord, state: DocumentState, task: () => void): void {
    const isBegun = !isSuccession(record) || record.covered?.length === 0 || state.heads.length > 0
    if (isBegun) return this.#replica.withDocument(state, task)
    const tasks = this.#awaited.get(state.id) ?? []
    this.#awaited.set(state.id, [...tasks, task])
  }

  #begun(state: DocumentState): void {
    const tasks = this.#awaited.get(state.id) ?? []
    this.#awaited.delete(state.id)
    for (const task of tasks) this.#replica.withDocument(state, task)
  }

  /** Opens a retired document, and tells what its records say of it. */
  contentOf(state: DocumentState, task: (content: RetiredContent) => void): void {
    const { id } = state
    const known = this.#found.get(id)
    if (known && sameHeads(known.heads, state.heads)) return task(known.content)
    const carried = this.#carried.get(id)
    if (carried && sameHeads(carried, state.heads)) {
      return this.#replica.withDocument(state, () => task('covered'))
    }
    this.#replica.withDocument(state, () => {
      const retirers = this.retirersOf(id)
      const covered = retirers.flatMap((record) => record.covered ?? [])
      if (retirers.length === 0) return task('unknown')
      const content = contentOf(state, [...new Set(covered)], this.#marks.get(id))
      // What is unknown may become known without a change of the heads: another record.
      if (content === 'covered') this.#found.set(id, { heads: state.heads, content })
      else this.#found.delete(id)
      task(content)
    })
  }

  // Bytes that go.

  /** A peer has stored everything of this store up to an arrival, or has refused it. */
  peerReached(peer: PeerId, arrival: number): void {
    const before = this.#reachByPeer.get(peer) ?? 0
    if (arrival <= before) return
    this.#reachByPeer.set(peer, arrival)
    // Only what lets bytes go is worth a write; the rest the peer says again.
    const isAwaited = this.#waiting().some(({ arrival: at }) => at > before && at <= arrival)
    if (!isAwaited) return
    this.#replica.write({ type: 'put', key: reachKey(peer), value: encodeReach(arrival) })
    this.#isDue = true
  }

  /** A peer will not come back, or is nobody's concern: nothing waits for it. It is a known one again when it is met again. */
  forgetPeer(peer: PeerId): void {
    this.#reachByPeer.delete(peer)
    this.#replica.write({ type: 'delete', key: reachKey(peer) })
    this.#replica.forgetPosition(peer)
    this.#isDue = true
    this.sweep()
  }

  /** Does not wait for the peers with the bytes of a document. */
  force(id: string): void {
    this.#forced.add(id)
    this.#isDue = true
    this.sweep()
  }

  /** Documents with bytes that are retired, and the arrival of the last record that did it. */
  #waiting(): { readonly state: DocumentState; readonly arrival: number }[] {
    const { arrivals } = this.#replica
    const waiting: { readonly state: DocumentState; readonly arrival: number }[] = []
    for (const id of this.#kept) {
      const state = this.#replica.knownDocument(id)
      const causes = this.#causesOf(id)
      if (!state || state.stored.chunkCount === 0 || causes.length === 0) continue
      // Whoever has the record and not the last edits could not tell what is covered.
      const items = [`d${id}`, ...causes.map(({ hash }) => `r${hash}`)]
      const arrival = Math.max(...items.map((item) => arrivals.get(item) ?? Infinity))
      waiting.push({ state, arrival })
    }
    return waiting
  }

  /** Takes from the disk what may go. To be called often; it looks only when something has happened. */
  sweep(): void {
    if (!this.#isDue || this.#replica.isWriting) return
    this.#isDue = false
    const reached = this.#reachedByAll()
    for (const { state, arrival } of this.#waiting()) {
      const mayGo = arrival <= (this.#forced.has(state.id) ? this.#replica.durableArrival : reached)
      const [newest] = this.retirersOf(state.id)
      if (!newest && !this.#isCarried(state)) this.#look(state.id, 'local')
      else if (mayGo || newest?.state === 'live') {
        this.contentOf(state, (content) => {
          // A power cut may have come between the record and what follows from it.
          if (content === 'edited' && newest?.state === 'live') this.#carryOn(state, newest)
          else if (mayGo) this.#drop(state, content)
        })
      }
    }
  }

  #isCarried({ id, heads }: DocumentState): boolean {
    return sameHeads(this.#carried.get(id) ?? [], heads)
  }

  /** Nobody has a document open any more. */
  released({ id }: DocumentState): void {
    if (this.#kept.has(id)) this.#isDue = true
    this.sweep()
  }

  /** What is durable here, and at every peer that was ever met. */
  #reachedByAll(): number {
    const { positionsByPeer, exchange } = this.#replica
    const connected = [...exchange.peers.values()].map(({ peerId }) => peerId)
    const reached = [...positionsByPeer.keys(), ...connected].map(
      (peer) => this.#reachByPeer.get(peer) ?? 0,
    )
    return Math.min(this.#replica.durableArrival, ...reached)
  }

  #drop(state: DocumentState, content: RetiredContent): void {
    if (content !== 'covered' || this.#causesOf(state.id).length === 0) return
    if (state.isAtRest) this.#mark(state, 'retired')
    else this.#isDue = true
  }

  /** Takes the bytes of an open document from this device only, and asks nobody for them. */
  forget(state: DocumentState): void {
    this.#mark(state, 'forgotten')
    const { exchange } = this.#replica
    for (const peer of exchange.peers.values()) exchange.dropWant(peer, state.id)
  }

  #mark(state: DocumentState, reason: DocumentMark['reason']): void {
    const { id } = state
    const former = this.#marks.get(id)
    const newestByActor = joined(versionVectorOf(state), former?.newestByActor)
    const heads = [...new Set([...state.heads, ...(former?.heads ?? [])])].slice(0, MAX_HEADS)
    const mark = { reason, heads, newestByActor }
    this.#marks.set(id, mark)
    this.#forced.delete(id)
    this.#found.delete(id)
    this.#carried.delete(id)
    this.#kept.delete(id)
    this.#replica.removeDocument(state)
    this.#replica.write({ type: 'put', key: markKey(id), value: encodeMark(mark) })
    this.#replica.emit({ type: 'progress' })
  }

  /** Wants the bytes of a document back, from whoever has them. */
  recall(id: string): void {
    if (!this.#marks.delete(id)) return
    this.#replica.write({ type: 'delete', key: markKey(id) })
    this.#replica.exchange.compareAgain()
  }

  /** Tells whether this device was told to forget a document. */
  isForgotten(id: string): boolean {
    return this.#marks.get(id)?.reason === 'forgotten'
  }

  /** Tells whether the bytes of a document have gone from here. */
  isDropped(id: string): boolean {
    return this.#marks.has(id) && (this.#replica.knownDocument(id)?.heads.length ?? 0) === 0
  }

  /** Tells whether nothing of what a peer announces is needed: it has gone from here on purpose. */
  isGone({ id, heads }: AnnouncedDocument): boolean {
    const mark = this.#marks.get(id)
    if (!mark) return false
    return mark.reason === 'forgotten' || heads.every((head) => mark.heads.includes(head))
  }
}

function contentOf(
  { open }: DocumentState,
  covered: readonly string[],
  mark: DocumentMark | undefined,
): RetiredContent {
  if (Automerge.hasHeads(open, [...covered])) {
    // No heads at all would ask for everything, which is what is not covered then.
    return Automerge.getChangesMetaSince(open, [...covered]).length === 0 ? 'covered' : 'edited'
  }
  if (!mark || mark.newestByActor.size === 0) return 'unknown'
  const isOld = ({ actor, seq }: { actor: string; seq: number }): boolean =>
    seq <= (mark.newestByActor.get(actor) ?? 0)
  return Automerge.getChangesMetaSince(open, []).every(isOld) ? 'covered' : 'edited'
}

/** Both, or nothing when that is too much to remember. */
function joined(
  newest: Map<string, number>,
  former: ReadonlyMap<string, number> | undefined,
): ReadonlyMap<string, number> {
  for (const [actor, seq] of former ?? []) {
    newest.set(actor, Math.max(seq, newest.get(actor) ?? 0))
  }
  return newest.size > MAX_REMEMBERED_ACTORS ? new Map() : newest
}
