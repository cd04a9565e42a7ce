import type { PayloadId } from '../payloads/vault.ts'
import type { Held } from './held.ts'
import type { Page, Row } from './page.ts'
import type { Place, PlaceRange } from './place.ts'
import type { DenyRule } from './store.ts'
import type { Sum } from './sum.ts'

/** What happens to one place. */
export type Change =
  | { readonly type: 'put'; readonly held: Held }
  | { readonly type: 'remove'; readonly place: Place; readonly timestamp: bigint }

/** What becomes durable together. */
export interface Changes {
  /** In this order. */
  readonly entries: readonly Change[]
  /** Payloads that are to be destroyed; kept until {@link Changes.settled} names them. */
  readonly doomed: readonly PayloadId[]
  /** Payloads that are destroyed, or that an entry has taken over. */
  readonly settled: readonly PayloadId[]
  /** Stored pages of whose range something changes for the first time since they were saved. */
  readonly dirty: readonly number[]
  readonly saved?: SavedPages | undefined
  /** An entry whose pruning takes several commits: kept until one with `undefined`, which is not the same as absent. */
  readonly pending?: { readonly held: Held | undefined } | undefined
}

/** The sums of pages, as they are with this commit. */
export interface SavedPages {
  readonly pages: readonly Page[]
  readonly dropped: readonly number[]
  /** The stored pages that are not dirty any more. */
  readonly cleaned: readonly number[]
  /** How many pages are stored then. */
  readonly count: number
}

/** A page as it was saved. */
export interface StoredPage {
  readonly id: number
  readonly low: Place
  /** `undefined` when it must be found anew: something changed since it was saved. */
  readonly sum: Sum | undefined
}

/** What a backing finds when it is opened. */
export interface Opened {
  /** In the order of their places, the first with the empty one; none for an empty store. */
  readonly pages: readonly StoredPage[]
  /** Pages that are stored and fit to nothing. */
  readonly strayPages: readonly number[]
  readonly doomed: readonly PayloadId[]
  readonly pending: Held | undefined
  readonly denied: readonly DenyRule[]
}

/** Where a store keeps its entries. `commit` is called by one task at a time. */
export interface Backing {
  /** Also after a commit has failed: what is held then is what counts. */
  open(): Promise<Opened>
  /** What is held at these places, in their order. */
  read(places: readonly Place[]): Promise<(Held | undefined)[]>
  /** The entries of a range in another order than that of places. */
  scanOrdered(range: PlaceRange, order: 'path' | 'newest'): AsyncIterable<Held>
  /** All of it or nothing. */
  commit(changes: Changes): Promise<void>
  /** Adds or removes a rule, durably. */
  writeRule(rule: DenyRule, isDenied: boolean): Promise<void>
  /** Of a backing that can be read in the order of places, so that pages need not keep their rows. */
  readonly ordered: OrderedBacking | undefined
}

/** Reads from `low` on and before `high`, in the order of places. */
export interface OrderedBacking {
  rows(low: Place, high: Place | undefined): AsyncIterable<Row>
  entries(low: Place, high: Place | undefined): AsyncIterable<Held>
}
