import type { Subscription } from '@vudo/events'
import {
  areaTo3dRange,
  type Area,
  type AreaOfInterest,
  type AuthorisedEntry,
  type Entry,
  type Range3d,
} from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { MAX_BATCH_ENTRIES } from '../limits.ts'
import { PayloadTransfers } from '../payloads/payload-transfers.ts'
import type { PayloadVault } from '../payloads/vault.ts'
import type { Backing } from './backing.ts'
import { DenyList } from './deny-list.ts'
import { DurableChanges } from './durable-changes.ts'
import { EntryIndex } from './entry-index.ts'
import { EntryReader } from './entry-reader.ts'
import { forget, forgetRange } from './forgetting.ts'
import { holdEntry, noPayload, type Held } from './held.ts'
import { InsertionLine, type InsertionJob } from './insertion-line.ts'
import { insertHeld } from './insertion.ts'
import { newestOf } from './newest.ts'
import { placeOf, placeRangeOf, type Place } from './place.ts'
import { splitRange } from './split.ts'
import type {
  DenyRule,
  EntryAddress,
  HeldEntry,
  InsertOptions,
  InsertOutcome,
  PayloadReadOptions,
  PayloadWriter,
  RangePart,
  ReadOptions,
  StoreEvent,
  SubscribeOptions,
  Summary,
  WillowStore,
} from './store.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Transaction } from './transaction.ts'
import { defaultTuning, type StoreTuning } from './tuning.ts'
import { Turns } from './turns.ts'
import { rejectionsOf, type WriteVerifier } from './write-check.ts'

export type { WriteVerifier } from './write-check.ts'

/** What a store is made of. */
export interface EntryStoreInit {
  readonly namespaceId: Uint8Array
  readonly verifier: WriteVerifier
  readonly backing: Backing
  readonly vault: PayloadVault
  readonly tuning?: Partial<StoreTuning> | undefined
}

/** Opens a store on what keeps its entries and payloads; closes the vault with the store. */
export async function openEntryStore(init: EntryStoreInit): Promise<WillowStore> {
  const store = new EntryStore(init)
  await store.open()
  return store
}

class EntryStore implements WillowStore {
  readonly namespaceId: Uint8Array
  readonly #verifier: WriteVerifier
  readonly #backing: Backing
  readonly #vault: PayloadVault
  readonly #index: EntryIndex
  readonly #durable: DurableChanges
  readonly #line: InsertionLine
  readonly #turns = new Turns()
  readonly #subscriptions = new Subscriptions()
  readonly #transfers: PayloadTransfers
  readonly #reader: EntryReader
  #denyList = new DenyList([])
  #closing: Promise<void> | undefined
  /** Nothing runs any more; while it is closing, what was begun may still end. */
  #isClosed = false

  constructor({ namespaceId, verifier, backing, vault, tuning }: EntryStoreInit) {
    const sizes: StoreTuning = { ...defaultTuning, ...tuning }
    this.namespaceId = namespaceId.slice()
    this.#verifier = verifier
    this.#backing = backing
    this.#vault = vault
    this.#index = new EntryIndex(backing, sizes)
    this.#reader = new EntryReader({
      backing,
      index: this.#index,
      task: (task) => this.#task(async () => task()),
    })
    this.#transfers = new PayloadTransfers({
      vault,
      heldAt: (place) => this.#heldAt(place),
      change: (work) => this.#change(work),
      settle: (id) => this.#durable.settle(id),
    })
    this.#durable = new DurableChanges({
      backing,
      index: this.#index,
      vault,
      transfers: this.#transfers,
      maxCommitChanges: sizes.maxCommitChanges,
      publish: (events) => this.#subscriptions.publish(events),
    })
    this.#line = new InsertionLine(
      (jobs) => this.#insertJobs(jobs),
      (task) => this.#turns.take(task),
    )
  }

  get count(): number {
    return this.#index.total.count
  }

  get denied(): readonly DenyRule[] {
    return this.#denyList.rules
  }

  async open(): Promise<void> {
    const denied = await this.#durable.load()
    this.#denyList = new DenyList(denied)
    try {
      await this.#durable.completePending()
    } catch {
      // A full disk must not keep the store from opening; the next change tries again, and is told.
    }
  }

  async insert(authorised: AuthorisedEntry, options?: InsertOptions): Promise<InsertOutcome> {
    const [outcome] = await this.insertMany([authorised], options)
    return outcome!
  }

  async insertMany(
    authorised: readonly AuthorisedEntry[],
    { signal, origin }: InsertOptions = {},
  ): Promise<InsertOutcome[]> {
    if (authorised.length > MAX_BATCH_ENTRIES) {
      throw new RangeError(`${authorised.length} entries at once, at most ${MAX_BATCH_ENTRIES}`)
    }
    signal?.throwIfAborted()
    this.#assertOpen()
    const outcomes = await rejectionsOf(authorised, {
      namespaceId: this.namespaceId,
      denyList: this.#denyList,
      verifier: this.#verifier,
    })
    const entries = authorised.filter((_, at) => outcomes[at] === undefined)
    signal?.throwIfAborted()
    const done = entries.length > 0 ? await this.#line.add({ entries, origin }) : []
    let next = 0
    return outcomes.map((outcome) => outcome ?? done[next++]!)
  }

  async get(address: EntryAddress): Promise<HeldEntry | undefined> {
    this.#assertOpen()
    return this.#heldAt(placeOf(address))
  }

  entries(range: Range3d, options: ReadOptions = {}): AsyncIterable<HeldEntry> {
    options.signal?.throwIfAborted()
    this.#assertOpen()
    return this.#reader.read(placeRangeOf(range), options)
  }

  query(area: Area, options?: ReadOptions): AsyncIterable<HeldEntry> {
    return this.entries(areaTo3dRange(area), options)
  }

  async *queryNewest(
    interest: AreaOfInterest,
    { limit = Number.POSITIVE_INFINITY, signal }: ReadOptions = {},
  ): AsyncGenerator<HeldEntry> {
    const range = areaTo3dRange(interest.area)
    const { count } = await this.summarise(range)
    let left = limit
    for await (const held of newestOf(interest, count, (order) =>
      this.entries(range, { order, signal }),
    )) {
      if (left <= 0) return
      left -= 1
      yield held
    }
  }

  summarise(range: Range3d): Promise<Summary> {
    return this.#task(async () => (await this.#index.summarise(placeRangeOf(range))).toSummary())
  }

  split(range: Range3d, parts: number): Promise<RangePart[]> {
    return this.#task(() => splitRange(this.#index, range, parts))
  }

  subscribe(options?: SubscribeOptions): Subscription<StoreEvent> {
    this.#assertOpen()
    return this.#subscriptions.add(options)
  }

  async writePayload(entry: Entry, options?: InsertOptions): Promise<PayloadWriter> {
    this.#assertOpen()
    return this.#transfers.write(entry, options)
  }

  async readPayload(
    address: EntryAddress,
    options?: PayloadReadOptions,
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#assertOpen()
    return this.#transfers.read(placeOf(address), options)
  }

  async forgetEntry(address: EntryAddress): Promise<boolean> {
    return this.#change(async (transaction) => {
      const held = await this.#heldAt(placeOf(address))
      if (held === undefined) return false
      await forget(transaction, held)
      return true
    })
  }

  async forgetArea(
    area: Area,
    { keep }: { readonly keep?: Area | undefined } = {},
  ): Promise<number> {
    return forgetRange(
      placeRangeOf(areaTo3dRange(area)),
      keep && placeRangeOf(areaTo3dRange(keep)),
      {
        list: (range) => this.#reader.read(range, {}),
        read: (places) => this.#backing.read(places),
        change: (work) => this.#change(work),
      },
    )
  }

  async forgetPayload(address: EntryAddress): Promise<boolean> {
    return this.#transfers.forget(placeOf(address))
  }

  deny(rule: DenyRule): Promise<void> {
    return this.#task(async () => {
      if (this.#denyList.has(rule)) return
      this.#denyList.assertRoom()
      await this.#backing.writeRule(rule, true)
      this.#denyList.add(rule)
    })
  }

  allow(rule: DenyRule): Promise<boolean> {
    return this.#task(async () => {
      if (!this.#denyList.has(rule)) return false
      await this.#backing.writeRule(rule, false)
      this.#denyList.remove(rule)
      return true
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#transfers.close()
    await this.#turns.take(async () => {
      this.#isClosed = true
      try {
        await this.#durable.save()
      } catch {
        // Saved sums only make the next opening faster; it finds them anew.
      }
      this.#subscriptions.close()
      await this.#vault.close()
    })
  }

  async #insertJobs(jobs: readonly InsertionJob[]): Promise<InsertOutcome[][]> {
    this.#assertNotClosed()
    return this.#durable.change(async (transaction) => {
      const context = this.#durable.insertionInto(transaction)
      const results: InsertOutcome[][] = []
      for (const job of jobs) {
        const done: InsertOutcome[] = []
        for (const authorised of job.entries) {
          done.push(await insertHeld(context, holdEntry(authorised, noPayload), job.origin))
        }
        results.push(done)
      }
      return results
    })
  }

  async #heldAt(place: Place): Promise<Held | undefined> {
    const [held] = await this.#backing.read([place])
    return held
  }

  /** Runs `work` alone, and makes durable what it did. */
  #change<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    return this.#turns.take(async () => {
      this.#assertNotClosed()
      return this.#durable.change(work)
    })
  }

  #task<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#turns.take(async () => {
      this.#assertNotClosed()
      await this.#durable.refresh()
      return task()
    })
  }

  #assertNotClosed(): void {
    if (this.#isClosed) throw storeClosed()
  }

  #assertOpen(): void {
    if (this.#closing) throw storeClosed()
  }
}

function storeClosed(): Error {
  return willowError('ERR_WILLOW_STORE_CLOSED', 'the Willow store is closed')
}
