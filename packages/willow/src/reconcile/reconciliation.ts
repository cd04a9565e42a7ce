import {
  createCursor,
  isMeadowcapError,
  range3dIncludes,
  range3dIncludesEntry,
  type Range3d,
} from '@vudo/meadowcap'
import { bytesEqual } from '@vudo/wire'
import { isWillowError, willowError } from '../errors.ts'
import {
  DEFAULT_SPLIT_PARTS,
  DEFAULT_SPLIT_THRESHOLD,
  FINGERPRINT_BYTES,
  MAX_BATCH_ENTRIES,
  MAX_OPEN_RANGE_BYTES,
  MAX_OPEN_RANGES,
  MAX_RANGE_IDS,
  MAX_RECONCILE_BYTES,
  MAX_RECONCILE_DEPTH,
  MAX_RECONCILE_RANGES,
  MAX_ROOT_ENTRIES,
  MAX_SPLIT_PARTS,
  RECONCILE_MESSAGE_BYTES,
} from '../limits.ts'
import type { HeldEntry, RangePart } from '../store/store.ts'
import { EntryReader, EntryWriter, type ReceivedEntry } from './entry-stream.ts'
import { bitsOf, idsOfBits } from './id-bits.ts'
import { OpenRanges, sizeOfRange } from './open-ranges.ts'
import type {
  ReconcileEffect,
  ReconcileInput,
  StoreAnswer,
  StoreRequest,
} from './reconcile-effects.ts'
import { idOfHeld, ItemReader, ItemWriter, type ReconcileItem } from './reconcile-wire.ts'
import { Tiling } from './tiling.ts'

/** How ranges are cut. Both ends may choose differently. */
export interface SplitSettings {
  /**
   * Parts into which a range that differs is cut, 2 to `MAX_SPLIT_PARTS`. More of them need
   * fewer legs and more bytes.
   *
   * @defaultValue 16
   */
  readonly parts?: number | undefined
  /**
   * Entries of a range, 0 to `MAX_RANGE_IDS`, up to which they are named one by one instead.
   *
   * @defaultValue 32
   */
  readonly threshold?: number | undefined
}

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

/** Something that one end asked and the other has to answer. */
type Question =
  | {
      readonly type: 'fingerprint'
      readonly range: Range3d
      readonly fingerprint: Uint8Array
      readonly depth: number
    }
  /** In the order in which they were named. */
  | { readonly type: 'ids'; readonly range: Range3d; readonly ids: ReadonlySet<string> }
  | { readonly type: 'wants'; readonly range: Range3d; readonly ids: ReadonlySet<string> }

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
  readonly #parts: number
  readonly #threshold: number
  readonly #writer: ItemWriter
  readonly #reader: ItemReader
  /** What this end asked, oldest first. */
  readonly #asked = new OpenRanges<Question>()
  /** What the peer asked. */
  readonly #toAnswer = new OpenRanges<Question>()
  #tiling: Tiling | undefined
  #inserts: ReceivedEntry[] = []
  #roots: Range3d[] = []
  #task: Task | undefined
  #hasLastRoot = false
  #isPaused = false
  #isEnded = false
  #idOffset = 0
  #receivedBytes = 0
  #receivedRanges = 0
  #effects: ReconcileEffect[] = []

  /** @throws `RangeError` when parts or threshold are out of range. */
  constructor(init: ReconciliationInit) {
    const { parts = DEFAULT_SPLIT_PARTS, threshold = DEFAULT_SPLIT_THRESHOLD } = init
    if (!Number.isInteger(parts) || parts < 2 || parts > MAX_SPLIT_PARTS) {
      throw new RangeError(`parts is ${parts}, expected 2 to ${MAX_SPLIT_PARTS}`)
    }
    if (!Number.isInteger(threshold) || threshold < 0 || threshold > MAX_RANGE_IDS) {
      throw new RangeError(`threshold is ${threshold}, expected 0 to ${MAX_RANGE_IDS}`)
    }
    this.#init = init
    this.#idOffset = init.idOffset ?? 0
    this.#parts = parts
    this.#threshold = threshold
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
    while (cursor.remaining > 0) {
      const item = this.#reader.read(cursor)
      if (item.type === 'entry') received.push(this.#entry(item.entry))
      else this.#item(item)
    }
    if (received.length === 0) return
    this.#inserts.push(...received)
    this.#effects.push({ type: 'received', entries: received })
  }

  #item(item: Exclude<ReconcileItem, { readonly type: 'entry' }>): void {
    if (this.#tiling !== undefined && item.type !== 'part') throw fault('parts without an end')
    switch (item.type) {
      case 'root':
        return this.#root(item)
      case 'equal':
        this.#answerTo('fingerprint')
        return
      case 'part':
        return this.#part(item)
      case 'ids': {
        const { range } = this.#answerTo('fingerprint')
        return this.#ask(this.#toAnswer, { type: 'ids', range, ids: new Set(item.ids) })
      }
      case 'end':
        return this.#end(item.bits)
    }
  }

  #root(root: ReconcileItem & { readonly type: 'root' }): void {
    const { range, fingerprint, isLast, idOffset } = root
    const isOpen = this.#asked.length + this.#toAnswer.length > 0
    if (this.#init.isInitiator || this.#hasLastRoot || isOpen) throw fault('a root out of turn')
    if (!range3dIncludes(this.#init.range, range)) throw fault('a root outside of the area')
    this.#hasLastRoot = isLast
    this.#idOffset = idOffset
    this.#ask(this.#toAnswer, { type: 'fingerprint', range, fingerprint, depth: 0 })
  }

  #part({ range, fingerprint, isLast }: ReconcileItem & { readonly type: 'part' }): void {
    const whole = this.#asked.first
    if (whole?.type !== 'fingerprint') throw fault('parts of nothing that was asked')
    if (whole.depth >= MAX_RECONCILE_DEPTH) throw limit('levels of parts', MAX_RECONCILE_DEPTH)
    this.#tiling ??= new Tiling(whole.range)
    if (!this.#tiling.add(range, isLast)) throw fault('parts that do not tile their range')
    this.#ask(this.#toAnswer, { type: 'fingerprint', range, fingerprint, depth: whole.depth + 1 })
    if (!isLast) return
    this.#tiling = undefined
    this.#asked.shift()
  }

  #entry(received: ReceivedEntry): ReceivedEntry {
    const question = this.#asked.first
    const isAsked = question !== undefined && expectsEntries(question)
    if (!isAsked || this.#tiling !== undefined) throw fault('an entry that nobody asked for')
    const { entry } = received
    const isInside =
      bytesEqual(entry.namespaceId, this.#init.namespaceId) &&
      range3dIncludesEntry(question.range, entry)
    if (!isInside) throw fault('an entry outside of its range')
    return received
  }

  #end(bits: Uint8Array): void {
    const question = this.#asked.shift()
    if (question === undefined || !expectsEntries(question)) throw fault('an end of nothing')
    const ids = idsOfBits(bits, question.type === 'ids' ? [...question.ids] : [])
    if (ids === undefined) throw fault('a wish for what was not named')
    if (ids.length === 0) return
    this.#ask(this.#toAnswer, { type: 'wants', range: question.range, ids: new Set(ids) })
  }

  #answerTo(type: Question['type']): Question {
    const question = this.#asked.shift()
    if (question?.type === type) return question
    throw fault('an answer to nothing that was asked')
  }

  /** Notes a question of either end. */
  #ask(open: OpenRanges<Question>, question: Question): void {
    const isTheirs = open === this.#toAnswer
    if (isTheirs) this.#receivedRanges += 1
    if (this.#receivedRanges > MAX_RECONCILE_RANGES) throw limit('ranges', MAX_RECONCILE_RANGES)
    open.push(question, sizeOfRange(question.range))
    if (open.length > MAX_OPEN_RANGES) throw limit('open ranges', MAX_OPEN_RANGES)
    if (open.bytes > MAX_OPEN_RANGE_BYTES) throw limit('bytes of open ranges', MAX_OPEN_RANGE_BYTES)
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
    const question = this.#toAnswer.first
    if (question !== undefined) return this.#begin(question)
    this.#flush()
    if (this.#asked.length > 0) return
    const root = this.#roots[0]
    if (root !== undefined) {
      this.#task = { type: 'summarise-root' }
      return this.#request({ type: 'summarise', range: root })
    }
    if (!this.#hasLastRoot) return
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

  /** A large store goes in pieces, one after the other: what is open at a time is bounded. */
  #beginRoots(count: number): void {
    const { range } = this.#init
    const pieces = Math.ceil(count / MAX_ROOT_ENTRIES)
    if (pieces <= 1) {
      this.#roots = [range]
      return
    }
    this.#task = { type: 'begin' }
    this.#request({ type: 'split', range, parts: Math.min(pieces, MAX_SPLIT_PARTS) })
  }

  #sendRoot(fingerprint: Uint8Array): void {
    const range = this.#roots.shift()!
    this.#hasLastRoot = this.#roots.length === 0
    const root = { range, fingerprint, isLast: this.#hasLastRoot, idOffset: this.#idOffset }
    this.#writer.root(root)
    this.#ask(this.#asked, { type: 'fingerprint', range, fingerprint, depth: 0 })
  }

  #compared(count: number, fingerprint: Uint8Array): void {
    const question = this.#toAnswer.first
    if (question?.type !== 'fingerprint') return
    const { range } = question
    if (bytesEqual(fingerprint, question.fingerprint)) {
      this.#toAnswer.shift()
      this.#writer.equal()
      return this.#flushWhenLong()
    }
    if (bytesEqual(question.fingerprint, noFingerprint)) return this.#list(range)
    if (count === 0) return this.#sendIds([])
    if (count <= this.#threshold || question.depth >= MAX_RECONCILE_DEPTH) {
      this.#task = { type: 'ids' }
      return this.#request({ type: 'list', range })
    }
    this.#task = { type: 'split' }
    this.#request({ type: 'split', range, parts: this.#partsFor(count) })
  }

  /** As few as bring it below the threshold: each costs a fingerprint. */
  #partsFor(count: number): number {
    const needed = Math.ceil((2 * count) / Math.max(1, this.#threshold))
    return Math.max(2, Math.min(this.#parts, needed))
  }

  #splitted(task: Task | undefined, parts: readonly RangePart[]): void {
    if (task?.type === 'begin') {
      this.#roots = parts.map(({ range }) => range)
      return
    }
    const question = this.#toAnswer.first
    if (question?.type !== 'fingerprint') return
    if (parts.length < 2) {
      // It holds at most one entry: some went while they were counted, or the threshold is 0.
      this.#task = { type: 'ids' }
      return this.#request({ type: 'list', range: question.range })
    }
    this.#toAnswer.shift()
    const depth = question.depth + 1
    for (const [at, { range, summary }] of parts.entries()) {
      const { fingerprint } = summary
      this.#writer.part(range, fingerprint, at === parts.length - 1)
      this.#ask(this.#asked, { type: 'fingerprint', range, fingerprint, depth })
      this.#flushWhenLong()
    }
  }

  #named(page: StoreAnswer & { readonly type: 'page' }): void {
    const question = this.#toAnswer.first
    if (question?.type !== 'fingerprint') return
    if (page.isLast && page.entries.length <= MAX_RANGE_IDS) {
      return this.#sendIds(page.entries.map((held) => idOfHeld(held, this.#idOffset)))
    }
    // Many came in since they were counted.
    this.#task = { type: 'split' }
    this.#request({ type: 'split', range: question.range, parts: this.#parts })
  }

  #sendIds(ids: readonly string[]): void {
    const { range } = this.#toAnswer.shift()!
    this.#writer.ids(ids)
    this.#ask(this.#asked, { type: 'ids', range, ids: new Set(ids) })
    this.#flushWhenLong()
  }

  #list(range: Range3d): void {
    this.#task = { type: 'entries', seen: new Set() }
    this.#request({ type: 'list', range })
  }

  /** The named entries that were seen in a list of which there is more: what comes in is stored before the next page. */
  #unread: Set<string> | undefined

  #listed(seen: Set<string>, page: StoreAnswer & { readonly type: 'page' }): void {
    const question = this.#toAnswer.first
    if (question === undefined) return
    for (const held of page.entries) this.#offer(question, seen, held)
    if (!page.isLast) {
      this.#unread = seen
      return
    }
    this.#toAnswer.shift()
    const named = question.type === 'ids' ? [...question.ids] : []
    const wanted = named.filter((id) => !seen.has(id))
    this.#writer.end(bitsOf(named, seen))
    if (wanted.length > 0) {
      this.#ask(this.#asked, { type: 'wants', range: question.range, ids: new Set(wanted) })
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
    if (this.#writer.length >= RECONCILE_MESSAGE_BYTES) this.#flush()
  }

  #flush(): void {
    if (this.#writer.length === 0) return
    this.#effects.push({ type: 'send', bytes: this.#writer.take() })
  }
}

const noFingerprint = new Uint8Array(FINGERPRINT_BYTES)

/** Whether a question is answered by entries: a fingerprint is when the asker has nothing. */
function expectsEntries(question: Question): boolean {
  return question.type !== 'fingerprint' || bytesEqual(question.fingerprint, noFingerprint)
}

function fault(what: string): Error {
  return willowError('ERR_WILLOW_SYNC_PROTOCOL', `the peer sent ${what}`)
}

function limit(what: string, most: number): Error {
  return willowError('ERR_WILLOW_SYNC_LIMIT', `the peer needs more than ${most} ${what}`)
}
