import { concatBytes } from '@vudo/wire'
import { isCostlyDocument } from './apply-batch.ts'
import { sameHeads } from './document-heads.ts'
import { DocumentState, type DocumentContext } from './document-state.ts'
import { MAX_IDLE_BYTES, MAX_IDLE_DOCUMENTS, MAX_LOGS } from './limits.ts'
import { appended, none } from './shared-empty.ts'
import type { StoredDocument } from './stored-keys.ts'

/** What was read of a document. */
export interface ReadDocument {
  readonly id: string
  readonly chunks: readonly Uint8Array[]
  readonly proofs: readonly Uint8Array[]
}

/** Somebody who waits for what the store holds of a document. */
export interface StoredReader {
  /** It came when the read under way was older than what is durable, and waits for the next one. */
  isLate: boolean
  readonly task: (read: ReadDocument) => void
}

/** What open documents need of others. */
export interface DocumentHooks {
  /** Asks for the chunks of a document; {@link OpenDocuments.documentRead} takes them. */
  readonly read: (id: string) => void
  /** Called when a part of a document was damaged, or not what was claimed. */
  readonly onDamage: (state: DocumentState, reason: string) => void
  /** Has a document opened by the vetting thread; {@link OpenDocuments.vetted} takes the verdict. */
  readonly vet: (state: DocumentState, saved: Uint8Array) => void
  /** Tells whether the authors of a document that was stored unopened have proven it. */
  readonly isProven: (state: DocumentState, saved: Uint8Array) => boolean
}

const damagedHere = 'damaged on this device; asking the peers for what is missing'
const notAsClaimed = 'not what its sender claimed; asking the peers for another copy'

/**
 * All documents of a replica, and which of them are open: those that somebody pins, and
 * of the others the last used ones, within a bound.
 */
export class OpenDocuments {
  readonly #context: DocumentContext
  readonly #hooks: DocumentHooks
  readonly #stateById = new Map<string, DocumentState>()
  /** How often documents were removed, which is seldom: their actors are not used again. */
  readonly #lives = new Map<string, number>()
  /** Open documents nobody holds, least recently used first. */
  readonly #idle = new Set<DocumentState>()
  /** Documents whose last changes are remembered, least recently used first. */
  readonly #logged = new Set<DocumentState>()

  constructor(context: DocumentContext, hooks: DocumentHooks) {
    this.#context = context
    this.#hooks = hooks
  }

  /** Takes a document from the index of the store. */
  restore(id: string, stored: StoredDocument): void {
    this.#stateById.set(id, new DocumentState(id, this.#context, stored))
  }

  /** The document with this id: an empty one when it was unknown. */
  obtain(id: string): DocumentState {
    const known = this.#stateById.get(id)
    if (known) return known
    const life = this.#lives.get(id)
    const context = life === undefined ? this.#context : { ...this.#context, life }
    const state = new DocumentState(id, context)
    this.#stateById.set(id, state)
    return state
  }

  get(id: string): DocumentState | undefined {
    return this.#stateById.get(id)
  }

  values(): Iterable<DocumentState> {
    return this.#stateById.values()
  }

  /** Runs `task` when the document is open: now, or after it was read. */
  whenOpen(state: DocumentState, task: () => void): void {
    if (state.isVetting || (!state.doc && state.isHeld && this.#vetFirst(state, state.held))) {
      state.waiting = appended(state.waiting, task)
      return
    }
    if (!state.doc && state.isHeld) {
      const { held } = state
      this.#settleClaims(state, held, state.loadHeld())
    } else if (!state.doc && state.stored.chunkCount === 0) state.load([], [])
    if (state.doc) {
      this.#idle.delete(state)
      if (!state.catchUp()) this.#hooks.onDamage(state, notAsClaimed)
      task()
      if (state.pins === 0 && this.#stateById.get(state.id) === state) this.#idle.add(state)
      return
    }
    state.waiting = appended(state.waiting, task)
    this.#read(state)
  }

  /** Runs `task` with what the store holds of a document that is not open, without opening it: whatever is durable now, at least. */
  whenRead(state: DocumentState, task: (read: ReadDocument) => void): void {
    const isLate = state.readSince !== undefined && !sameHeads(state.readSince, state.durableHeads)
    state.readers = appended(state.readers, { isLate, task })
    this.#read(state)
  }

  #read(state: DocumentState): void {
    if (state.readSince) return
    state.readSince = state.durableHeads
    this.#hooks.read(state.id)
  }

  /** What nobody here has opened before, and may cost too much to open, is opened elsewhere first. */
  #vetFirst(state: DocumentState, saved: Uint8Array): boolean {
    state.isCostly ??= isCostlyDocument(saved)
    if (!state.isCostly) return false
    state.isVetting = true
    this.#hooks.vet(state, saved)
    return true
  }

  /** Takes the verdict: what is fine is opened here as well, what is not is given up. */
  vetted(state: DocumentState, refusal: string | undefined): void {
    state.isVetting = false
    state.isCostly = false
    if (refusal !== undefined) {
      state.discard()
      state.isOverBudget = true
      this.#hooks.onDamage(state, refusal)
    }
    for (const task of state.waiting.splice(0)) this.whenOpen(state, task)
  }

  /** What was claimed of a document is looked at when it is opened. */
  #settleClaims(state: DocumentState, saved: Uint8Array, isWhole: boolean): void {
    if (isWhole && this.#hooks.isProven(state, saved)) return state.confirm()
    state.discard()
    this.#hooks.onDamage(state, notAsClaimed)
  }

  /** Gives what was read to whoever waits for it; opens the document only for those who need it open. */
  documentRead(read: ReadDocument): void {
    const state = this.#stateById.get(read.id)
    const since = state?.readSince
    if (!state || !since) return
    state.readSince = undefined
    this.#answer(state, read)
    if (state.waiting.length === 0) return
    // Reads take time, in which much may have been written and forgotten.
    if (!state.doc && isOvertaken(state, since)) return this.#read(state)
    if (!state.doc) {
      const { isClaimed } = state.stored
      if (isClaimed && this.#vetFirst(state, concatBytes(...read.chunks))) return
      const isWhole = state.load(read.chunks, read.proofs)
      if (isClaimed) this.#settleClaims(state, concatBytes(...read.chunks), isWhole)
      else if (!isWhole) this.#hooks.onDamage(state, damagedHere)
    }
    // One by one: who takes the document away has to see that others wait for it.
    for (let task = state.waiting.shift(); task; task = state.waiting.shift()) {
      this.whenOpen(state, task)
    }
  }

  #answer(state: DocumentState, read: ReadDocument): void {
    const { readers } = state
    if (readers.length === 0) return
    const late = readers.filter(({ isLate }) => isLate)
    state.readers = late.length > 0 ? late : none
    for (const { isLate, task } of readers) if (!isLate) task(read)
    if (late.length === 0) return
    for (const reader of late) reader.isLate = false
    this.#read(state)
  }

  /** Keeps an open document in memory until as many calls of {@link unpin} have followed. */
  pin(state: DocumentState): void {
    state.pins += 1
    this.#idle.delete(state)
  }

  /** The last changes of a document were logged. They are remembered of those documents only that were used last. */
  logged(state: DocumentState): void {
    this.#logged.delete(state)
    this.#logged.add(state)
    if (this.#logged.size <= MAX_LOGS) return
    for (const oldest of this.#logged) {
      if (oldest === state || this.#logged.size <= MAX_LOGS) return
      if (oldest.isDirty || oldest.pins > 0 || oldest.waiting.length > 0) continue
      // What is being written cannot be read back yet: without the log the document would seem damaged.
      if (!oldest.isDurable) continue
      this.#logged.delete(oldest)
      oldest.dropLog()
    }
  }

  /** Takes back one {@link pin}. Without any the document may be closed, and is read again when it is needed. */
  unpin(state: DocumentState): void {
    state.pins -= 1
    if (state.pins === 0 && state.doc) this.#idle.add(state)
  }

  /** Knows nothing of it any more. It must be open and unpinned, and nothing of it be written. */
  remove(state: DocumentState): void {
    this.#idle.delete(state)
    this.#stateById.delete(state.id)
    this.#lives.set(state.id, (state.context.life ?? 0) + 1)
    state.unload()
  }

  /** Closes idle documents beyond the bound. To be called when nothing is being written: what is not durable cannot be read back. */
  evict(): void {
    if (this.#idle.size === 0) return
    let bytes = 0
    for (const { stored } of this.#idle) bytes += stored.snapshotBytes + stored.laterBytes
    for (const state of this.#idle) {
      if (this.#idle.size <= MAX_IDLE_DOCUMENTS && bytes <= MAX_IDLE_BYTES) return
      if (state.isDirty || state.waiting.length > 0) continue
      bytes -= state.stored.snapshotBytes + state.stored.laterBytes
      this.#idle.delete(state)
      state.unload()
    }
  }
}

/**
 * Tells whether a write has settled that a read may not show, and that is not logged either:
 * with what was read the document would lack it.
 *
 * @param since - What was durable when the read began.
 */
function isOvertaken({ durableHeads, log }: DocumentState, since: readonly string[]): boolean {
  return !sameHeads(since, durableHeads) && log?.holdsAllSince(since) !== true
}
