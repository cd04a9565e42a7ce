import type { AuthorisedEntry, Range3d } from '@vudo/meadowcap'
import { RECONCILE_PAGE_ENTRIES } from '../limits.ts'
import type { HeldEntry, WillowStore } from '../store/store.ts'
import type { StoreAnswer, StoreRequest } from './reconcile-effects.ts'

/** Answers the requests of one reconciliation from a store. */
export interface StoreAnswering {
  /**
   * One at a time.
   *
   * @throws What the store throws.
   */
  answer(request: StoreRequest): Promise<StoreAnswer>
  /** Ends a list that was not read to its end. */
  close(): Promise<void>
}

/**
 * Answers from `store`.
 *
 * @param origin - Goes with the inserts, so that their news is not sent back.
 */
export function createStoreRequests(store: WillowStore, origin?: string): StoreAnswering {
  return new StoreRequests(store, origin)
}

export class StoreRequests implements StoreAnswering {
  readonly #store: WillowStore
  readonly #origin: string | undefined
  #list: AsyncIterator<HeldEntry> | undefined

  constructor(store: WillowStore, origin?: string) {
    this.#store = store
    this.#origin = origin
  }

  async answer(request: StoreRequest): Promise<StoreAnswer> {
    const store = this.#store
    switch (request.type) {
      case 'summarise':
        return { type: 'summary', summary: await store.summarise(request.range) }
      case 'split':
        return { type: 'parts', parts: await store.split(request.range, request.parts) }
      case 'insert':
        return { type: 'inserted', rejected: await this.#insert(request.entries) }
      default:
        if (request.type === 'list') await this.#begin(request.range)
        return this.#page()
    }
  }

  async #begin(range: Range3d): Promise<void> {
    await this.close()
    this.#list = this.#store.entries(range)[Symbol.asyncIterator]()
  }

  async #insert(entries: readonly AuthorisedEntry[]): Promise<number> {
    const outcomes = await this.#store.insertMany(entries, { origin: this.#origin })
    return outcomes.filter(({ status }) => status === 'rejected').length
  }

  async #page(): Promise<StoreAnswer> {
    const entries: HeldEntry[] = []
    while (entries.length < RECONCILE_PAGE_ENTRIES) {
      const next = await this.#list?.next()
      if (next === undefined || next.done) {
        this.#list = undefined
        return { type: 'page', entries, isLast: true }
      }
      entries.push(next.value)
    }
    return { type: 'page', entries, isLast: false }
  }

  async close(): Promise<void> {
    const list = this.#list
    this.#list = undefined
    await list?.return?.()
  }
}
