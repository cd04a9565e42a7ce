import type { StoreOperation } from '@vudo/storage'
import { bytesToHex } from '@vudo/wire'
import type { CatalogueRecord } from './catalogue-record.ts'
import type { DocumentState } from './document-state.ts'
import { MAX_FLUSH_BYTES, MAX_FLUSH_DOCUMENTS, MAX_FLUSH_OPERATIONS } from './limits.ts'
import { WritePace } from './write-pace.ts'
import { heldBytes, putRecord } from './stored-puts.ts'

/** A write that is under way. */
interface Flight {
  readonly token: number
  readonly documents: readonly {
    readonly state: DocumentState
    readonly heads: readonly string[]
  }[]
  readonly items: readonly Arrival[]
  /** Run when it is durable. */
  readonly tasks: (() => void)[]
  readonly isPrompt: boolean
}

interface Arrival {
  readonly item: string
  readonly arrival: number
}

/** A write as the driver gets it. */
export interface NextWrite {
  readonly token: number
  readonly operations: readonly StoreOperation[]
}

/** What has become durable with a write. */
export interface SettledWrite {
  /** In the order of their arrival. */
  readonly items: readonly string[]
  /** What waited for it. */
  readonly tasks: readonly (() => void)[]
}

/**
 * What is in memory and not yet durable, and the numbers under which it arrives.
 *
 * One write at a time: what happens meanwhile is gathered for the next one. A write
 * takes records first, then deletions, then documents, then all other operations, each
 * only when nothing of the kind before is left: a position may not become durable before
 * the data it speaks of, nor may anybody be told of it. A document that went and came back
 * is written under keys that its going deletes, so that deletions come before documents.
 */
export class PendingWrites {
  /** Durable items by the order of their arrival: `r` and a record's hash, or `d` and a document's id. */
  readonly arrivals: Map<string, number> = new Map()
  /** The last arrival that is durable. */
  durableArrival = 0
  #lastArrival = 0
  #lastToken = 0
  #flight: Flight | undefined
  readonly #pace = new WritePace()
  /** Among the operations is one that is worth a write of its own. */
  #hasPrompt = false
  /** What waits until all that is dirty now is durable. */
  #afterNext: (() => void)[] = []
  readonly #documents = new Set<DocumentState>()
  readonly #records = new Map<string, CatalogueRecord>()
  readonly #operations = new Map<string, StoreOperation>()

  /** Takes the items of the store's index, in any order. */
  restore(items: readonly (readonly [item: string, arrival: number])[]): void {
    for (const [item, arrival] of items.toSorted(([, a], [, b]) => a - b)) {
      this.arrivals.set(item, arrival)
      this.#lastArrival = arrival
    }
    this.durableArrival = this.#lastArrival
  }

  /** The last number that was given. */
  get lastArrival(): number {
    return this.#lastArrival
  }

  get isUnderWay(): boolean {
    return this.#flight !== undefined
  }

  /** True when something waits for a write that has not begun. */
  get isDirty(): boolean {
    return this.#documents.size + this.#records.size + this.#operations.size > 0
  }

  /** True while something is in memory that is not durable, apart from what may be lost. */
  get isBusy(): boolean {
    const isFlying = this.#flight !== undefined && this.#flight.isPrompt
    return isFlying || this.#documents.size + this.#records.size > 0 || this.#hasPrompt
  }

  /** Somebody waits for what is in memory now. */
  urge(): void {
    if (this.isDirty) this.#pace.urge()
  }

  /** After how many milliseconds {@link onTimer} is to be called. */
  takeTimer(): number | undefined {
    return this.#flight ? undefined : this.#pace.takeTimer(this.isDirty)
  }

  /** The pause after a write is over. */
  onTimer(): void {
    this.#pace.onTimer(this.isDirty)
  }

  addRecord(record: CatalogueRecord): void {
    this.#pace.own()
    this.#records.set(record.hash, record)
  }

  /** @param isOwn - Changed here, and not by a peer. */
  addDocument(state: DocumentState, isOwn: boolean): void {
    if (isOwn) this.#pace.own()
    this.#documents.add(state)
  }

  /** The document is nowhere any more. */
  forgetDocument(state: DocumentState): void {
    this.arrivals.delete(`d${state.id}`)
    // Written after its deletion it would be there again.
    this.#documents.delete(state)
  }

  /**
   * Adds an operation; a later one for the same key replaces it.
   *
   * @param isPrompt - It is worth a write of its own.
   */
  addOperation(operation: StoreOperation, isPrompt: boolean): void {
    this.#hasPrompt ||= isPrompt
    this.#operations.set(bytesToHex(operation.key), operation)
  }

  /**
   * Runs `task` when everything that is in memory now is durable.
   *
   * @param isUrgent - Somebody waits for it.
   */
  whenDurable(task: () => void, isUrgent: boolean): void {
    if (isUrgent) this.urge()
    if (this.isDirty) this.#afterNext.push(task)
    else if (this.#flight) this.#flight.tasks.push(task)
    else task()
  }

  /** Begins the next write, if one is due. */
  next(): NextWrite | undefined {
    if (this.#flight || !this.isDirty || !this.#pace.isDue(this.isBusy)) return undefined
    const isPrompt = this.isBusy
    const operations: StoreOperation[] = []
    const items: Arrival[] = []
    this.#takeRecords(operations, items)
    const isDeleted = this.#records.size === 0 && this.#takeDeletions(operations)
    const documents = isDeleted ? this.#takeDocuments(operations, items) : []
    if (this.#records.size + this.#documents.size === 0) this.#takeOperations(operations)
    const tasks = this.isDirty ? [] : this.#afterNext.splice(0)
    if (!this.isDirty) this.#pace.begun()
    this.#hasPrompt &&= this.isDirty
    const token = ++this.#lastToken
    this.#flight = { token, documents, items, tasks, isPrompt }
    return { token, operations }
  }

  #arrive(items: Arrival[], item: string): number {
    this.#lastArrival += 1
    items.push({ item, arrival: this.#lastArrival })
    return this.#lastArrival
  }

  #takeRecords(operations: StoreOperation[], items: Arrival[]): void {
    for (const [hash, record] of this.#records) {
      if (operations.length >= MAX_FLUSH_OPERATIONS) return
      operations.push(putRecord(record, this.#arrive(items, `r${hash}`)))
      this.#records.delete(hash)
    }
  }

  /** @returns false when some are left. */
  #takeDeletions(operations: StoreOperation[]): boolean {
    for (const [key, operation] of this.#operations) {
      if (operation.type !== 'delete') continue
      if (operations.length >= MAX_FLUSH_OPERATIONS) return false
      operations.push(operation)
      this.#operations.delete(key)
    }
    return true
  }

  #takeDocuments(operations: StoreOperation[], items: Arrival[]): Flight['documents'] {
    const documents: { state: DocumentState; heads: readonly string[] }[] = []
    let bytes = 0
    for (const state of this.#documents) {
      if (bytes > MAX_FLUSH_BYTES || operations.length >= MAX_FLUSH_OPERATIONS) break
      if (documents.length >= MAX_FLUSH_DOCUMENTS) break
      const added = state.takeOperations(this.#arrive(items, `d${state.id}`))
      for (const operation of added) bytes += heldBytes(operation)
      operations.push(...added)
      documents.push({ state, heads: state.stored.heads })
      this.#documents.delete(state)
    }
    return documents
  }

  #takeOperations(operations: StoreOperation[]): void {
    for (const [key, operation] of this.#operations) {
      if (operations.length >= MAX_FLUSH_OPERATIONS) return
      operations.push(operation)
      this.#operations.delete(key)
    }
  }

  /** The write with this token is durable. `undefined` when it is not the one under way. */
  settle(token: number): SettledWrite | undefined {
    const flight = this.#flight
    if (flight?.token !== token) return undefined
    this.#flight = undefined
    this.#pace.settled()
    for (const { state, heads } of flight.documents) state.settled(heads)
    for (const { item, arrival } of flight.items) {
      // Out and in again: the order of the map is the order of arrival.
      this.arrivals.delete(item)
      this.arrivals.set(item, arrival)
      this.durableArrival = arrival
    }
    return { items: flight.items.map(({ item }) => item), tasks: flight.tasks }
  }
}
