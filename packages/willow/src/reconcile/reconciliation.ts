import { createCursor, isMeadowcapError, type Range3d } from '@vudo/meadowcap'
import { bytesEqual } from '@vudo/wire'
import { isWillowError } from '../errors.ts'
import {
  MAX_BATCH_ENTRIES,
  MAX_RANGE_IDS,
  MAX_RECONCILE_BYTES,
  MESSAGE_ENTRY_BYTES,
  RECONCILE_MESSAGE_BYTES,
} from '../limits.ts'
import type { HeldEntry, RangePart } from '../store/store.ts'
import { Dialogue, isOfNothing, limit, type Question } from './dialogue.ts'
import { EntryReader, EntryWriter, sizeOfEntry, type ReceivedEntry } from './entry-stream.ts'
import { bitsOf } from './id-bits.ts'
import type {
  ReconcileEffect,
  ReconcileInput,
  StoreAnswer,
  StoreRequest,
} from './reconcile-effects.ts'
import { idOfHeld, ItemReader, ItemWriter } from './reconcile-wire.ts'
import { piecesOf, SplitPolicy, type SplitSettings } from './split-policy.ts'

/** What a reconciliation is made of. */
export interface ReconciliationInit extends SplitSettings {
  /** 32 bytes. */
  readonly namespaceId: Uint8Array
  /** What is compared: both ends name the same, and both may read all of it. */
  readonly range: Range3d
  /** Of two ends one: it begins. */
  readonly isInitiator: boolean
  /**
   * Of the initiator: where in the fingerprints the ids begin, 0 to 24. At random, so that two
   * entries whose ids are the same are told apart the next time.
   *
   * @defaultValue 0
   */
  readonly idOffset?: number | undefined
  /**
   * Of this direction of the channel.
   *
   * @defaultValue a new one: the channel carries no other entries.
   */
  readonly entryWriter?: EntryWriter | undefined
  /** Of the other direction, likewise. */
  readonly entryReader?: EntryReader | undefined
}

/** One end of a reconciliation. */
export interface Reconciler {
  /** Takes what happened; says what is to be done, in order. Nothing more once it is done or has failed. */
  handle(input: ReconcileInput): readonly ReconcileEffect[]
}

/**
 * One end of a reconciliation, without a store or a channel: whoever calls it answers its requests.
 *
 * @throws `RangeError` when parts or threshold are out of range.
 */
export function createReconciliation(init: ReconciliationInit): Reconciler {
  return new Reconciliation(init)
}

/** Where the answer to the first question stands. */
type Task =
  | { readonly type: 'begin' }
  | { readonly type: 'summarise-root' }
  | { readonly type: 'summarise' }
  | { readonly type: 'split' }
  | { readonly type: 'ids' }
  | { readonly type: 'entries'; readonly seen: Set<string> }
  | { readonly type: 'insert' }

/**
 * Range-based set reconciliation in three dimensions (Willow, "RBSR"; Meyer 2023): after it
 * both ends hold the join of what both held. Nothing is waited for here, no clock is read, and
 * a fault of the peer is an effect.
 *
 * The initiator sends the fingerprint of the range. Whoever is asked about a range answers:
 *
 * - `equal`: the fingerprints are the same.
 * - `part`s: it has more entries than the threshold. It cuts the range by the number of its
 *   own entries and asks about each part.
 * - `ids`: it names the few that it has, and asks for the others. The answer to that are
 *   entries, and the ids of those that are wanted in return.
 * - entries: the asker has none at all, so it needs them all.
 *
 * Questions are answered in the order in which they were asked, so an answer need not name its
 * range. Ids instead of the specification's entries save nearly all the bytes of entries that
 * both have, for one leg more.
 *
 * Each answer comes from the store as it is then; entries that come in meanwhile in a range that
 * was answered already are for the session to forward. Entries that the store rejects change
 * neither its fingerprints nor an answer, so they end nothing and repeat nothing.
 *
 * Invariants: parts tile the range that was asked, so ranges only become smaller; the depth, the
 * open ranges, all ranges and all bytes are bounded.
 */
export class Reconciliation implements Reconciler {
  readonly #init: ReconciliationInit
  readonly #splitting: SplitPolicy
  readonly #writer: ItemWriter
  readonly #reader: ItemReader
  readonly #dialogue: Dialogue
  #inserts: ReceivedEntry[] = []
  #roots: Range3d[] = []
  #task: Task | undefined
  #isPaused = false
  #isEnded = false
  #idOffset = 0
  #receivedBytes = 0
  #effects: ReconcileEffect[] = []

  /** @throws `RangeError` when parts or threshold are out of range. */
  constructor(init: ReconciliationInit) {
    this.#init = init
    this.#dialogue = new Dialogue(init)
    this.#idOffset = init.idOffset ?? 0
    this.#splitting = new SplitPolicy(init)
    this.#writer = new ItemWriter(init.range, init.entryWriter ?? new EntryWriter())
    this.#reader = new ItemReader(init.range, init.entryReader ?? new EntryReader())
  }

  handle(input: ReconcileInput): readonly ReconcileEffect[] {
    if (this.#isEnded) return []
    try {
      this.#take(input)
      this.#goOn()
    } catch (error) {
      this.#fail(error)
    }
    return this.#effects.splice(0)
  }

  #take(input: ReconcileInput): void {
    switch (input.type) {
      case 'start':
        this.#task = { type: 'begin' }
        return this.#request({ type: 'summarise', range: this.#init.range })
      case 'message':
        return this.#message(input.bytes)
      case 'answer':
        return this.#answered(input.answer)
      case 'pause':
        this.#isPaused = true
        return
      case 'resume':
        this.#isPaused = false
    }
  }

  #fail(error: unknown): void {
    const isFault = isWillowError(error) || isMeadowcapError(error)
    if (!isFault) throw error
    this.#isEnded = true
    const code = isWillowError(error) ? error.code : 'ERR_WILLOW_SYNC_PROTOCOL'
    this.#effects = [{ type: 'fail', code, message: error.message }]
  }

  // What comes in.

  #message(bytes: Uint8Array): void {
    this.#receivedBytes += bytes.length
    if (this.#receivedBytes > MAX_RECONCILE_BYTES) throw limit('bytes', MAX_RECONCILE_BYTES)
    const cursor = createCursor(bytes)
    const received: ReceivedEntry[] = []
    let entryBytes = 0
    while (cursor.remaining > 0) {
      if (entryBytes >= MESSAGE_ENTRY_BYTES) throw limit('bytes of entries', MESSAGE_ENTRY_BYTES)
      const item = this.#reader.read(cursor)
      if (item.type === 'entry') {
        this.#dialogue.hearEntry(item.entry)
        entryBytes += sizeOfEntry(item.entry)
        received.push(item.entry)
      } else {
        this.#dialogue.hear(item)
        if (item.type === 'root') this.#idOffset = item.idOffset
      }
    }
    if (received.length === 0) return
    this.#inserts.push(...received)
    this.#effects.push({ type: 'received', entries: received })
  }

  // What goes out.

  #goOn(): void {
    if (this.#task !== undefined) return
    if (this.#inserts.length > 0) {
      this.#task = { type: 'insert' }
      const entries = this.#inserts.splice(0, MAX_BATCH_ENTRIES)
      return this.#request({ type: 'insert', entries })
    }
    if (this.#isPaused) return
    if (this.#unread !== undefined) {
      this.#task = { type: 'entries', seen: this.#unread }
      this.#unread = undefined
      return this.#request({ type: 'more' })
    }
    const question = this.#dialogue.next
    if (question !== undefined) return this.#begin(question)
    this.#flush()
    if (this.#dialogue.awaited !== undefined) return
    const root = this.#roots[0]
    if (root !== undefined) {
      this.#task = { type: 'summarise-root' }
      return this.#request({ type: 'summarise', range: root })
    }
    if (!this.#dialogue.hasLastRoot) return
    this.#isEnded = true
    this.#effects.push({ type: 'done' })
  }

  #begin(question: Question): void {
    const { range } = question
    if (question.type === 'fingerprint') {
      this.#task = { type: 'summarise' }
      return this.#request({ type: 'summarise', range })
    }
    this.#list(range)
  }

  #answered(answer: StoreAnswer): void {
    const task = this.#task
    this.#task = undefined
    if (task?.type === 'insert') return
    if (answer.type === 'summary') {
      const { count, fingerprint } = answer.summary
      if (task?.type === 'begin') return this.#beginRoots(count)
      if (task?.type === 'summarise-root') return this.#sendRoot(fingerprint)
      return this.#compared(count, fingerprint)
    }
    if (answer.type === 'parts') return this.#splitted(task, answer.parts)
    if (answer.type !== 'page' || task === undefined) return
    if (task.type === 'ids') return this.#named(answer)
    if (task.type === 'entries') this.#listed(task.seen, answer)
  }

  #beginRoots(count: number): void {
    const { range } = this.#init
    const pieces = piecesOf(count)
    if (pieces <= 1) {
      this.#roots = [range]
      return
    }
    this.#task = { type: 'begin' }
    this.#request({ type: 'split', range, parts: pieces })
  }

  #sendRoot(fingerprint: Uint8Array): void {
    const range = this.#roots.shift()!
    const isLast = this.#roots.length === 0
    this.#writer.root({ range, fingerprint, isLast, idOffset: this.#idOffset })
    this.#dialogue.askRoot(range, fingerprint, isLast)
  }

  #compared(count: number, fingerprint: Uint8Array): void {
    const question = this.#dialogue.next
    if (question?.type !== 'fingerprint') return
    const { range } = question
    if (bytesEqual(fingerprint, question.fingerprint)) {
      this.#dialogue.answered()
      this.#writer.equal()
      return this.#flushWhenLong()
    }
    if (isOfNothing(question.fingerprint)) return this.#list(range)
    if (count === 0) return this.#sendIds([])
    if (this.#splitting.isNamed(count, question.depth)) {
      this.#task = { type: 'ids' }
      return this.#request({ type: 'list', range })
    }
    this.#task = { type: 'split' }
    this.#request({ type: 'split', range, parts: this.#splitting.partsFor(count) })
  }

  #splitted(task: Task | undefined, parts: readonly RangePart[]): void {
    if (task?.type === 'begin') {
      this.#roots = parts.map(({ range }) => range)
      return
    }
    const question = this.#dialogue.next
    if (question?.type !== 'fingerprint') return
    if (parts.length < 2) {
      // It holds at most one entry: some went while they were counted, or the threshold is 0.
      this.#task = { type: 'ids' }
      return this.#request({ type: 'list', range: question.range })
    }
    this.#dialogue.answered()
    const depth = question.depth + 1
    for (const [at, { range, summary }] of parts.entries()) {
      const { fingerprint } = summary
      this.#writer.part(range, fingerprint, at === parts.length - 1)
      this.#dialogue.ask({ type: 'fingerprint', range, fingerprint, depth })
      this.#flushWhenLong()
    }
  }

  #named(page: StoreAnswer & { readonly type: 'page' }): void {
    const question = this.#dialogue.next
    if (question?.type !== 'fingerprint') return
    if (page.isLast && page.entries.length <= MAX_RANGE_IDS) {
      return this.#sendIds(page.entries.map((held) => idOfHeld(held, this.#idOffset)))
    }
    // Many came in since they were counted.
    this.#task = { type: 'split' }
    this.#request({ type: 'split', range: question.range, parts: this.#splitting.parts })
  }

  #sendIds(ids: readonly string[]): void {
    const { range } = this.#dialogue.answered()!
    this.#writer.ids(ids)
    this.#dialogue.ask({ type: 'ids', range, ids: new Set(ids) })
    this.#flushWhenLong()
  }

  #list(range: Range3d): void {
    this.#task = { type: 'entries', seen: new Set() }
    this.#request({ type: 'list', range })
  }

  /** The named entries that were seen in a list of which there is more: what comes in is stored before the next page. */
  #unread: Set<string> | undefined

  #listed(seen: Set<string>, page: StoreAnswer & { readonly type: 'page' }): void {
    const question = this.#dialogue.next
    if (question === undefined) return
    for (const held of page.entries) this.#offer(question, seen, held)
    if (!page.isLast) {
      this.#unread = seen
      return
    }
    this.#dialogue.answered()
    const named = question.type === 'ids' ? [...question.ids] : []
    const wanted = named.filter((id) => !seen.has(id))
    this.#writer.end(bitsOf(named, seen))
    if (wanted.length > 0) {
      this.#dialogue.ask({ type: 'wants', range: question.range, ids: new Set(wanted) })
    }
    this.#flushWhenLong()
  }

  #offer(question: Question, seen: Set<string>, held: HeldEntry): void {
    const isForAll = question.type === 'fingerprint'
    const id = isForAll ? '' : idOfHeld(held, this.#idOffset)
    const isNamed = !isForAll && question.ids.has(id)
    if (isNamed) seen.add(id)
    if (!isForAll && isNamed !== (question.type === 'wants')) return
    this.#writer.entry(held)
    this.#flushWhenLong()
  }

  #request(request: StoreRequest): void {
    this.#effects.push({ type: 'request', request })
  }

  #flushWhenLong(): void {
    const { length, entryBytes } = this.#writer
    if (length >= RECONCILE_MESSAGE_BYTES || entryBytes >= MESSAGE_ENTRY_BYTES) this.#flush()
  }

  #flush(): void {
    if (this.#writer.length === 0) return
    this.#effects.push({ type: 'send', bytes: this.#writer.take() })
  }
}
