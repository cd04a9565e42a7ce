import type { Subscription } from '@vudo/events'
import {
  areaTo3dRange,
  full3dRange,
  type Area,
  type AreaOfInterest,
  type AuthorisedEntry,
  type Entry,
  type Range3d,
} from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { MAX_BATCH_ENTRIES } from '../limits.ts'
import { PayloadTransfers } from '../payloads/payload-transfers.ts'
import type { PayloadId, PayloadVault } from '../payloads/vault.ts'
import type { Backing } from './backing.ts'
import { DenyList } from './deny-list.ts'
import { EntryIndex } from './entry-index.ts'
import { EntryReader } from './entry-reader.ts'
import { forget, forgetRange } from './forgetting.ts'
import { holdEntry, noPayload, rowOf, type Held } from './held.ts'
import { insertHeld, type InsertionContext } from './insertion.ts'
import { newestOf } from './newest.ts'
import { placeOf, placeRangeOf, type Place, type PlaceRange } from './place.ts'
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
import { Transaction } from './transaction.ts'
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

/** Entries that passed the write check and wait for their turn. */
interface Job {
  readonly entries: readonly AuthorisedEntry[]
  readonly origin: string | undefined
  readonly resolve: (outcomes: InsertOutcome[]) => void
  readonly reject: (error: unknown) => void
}

class EntryStore implements WillowStore {
  readonly namespaceId: Uint8Array
  readonly #verifier: WriteVerifier
  readonly #backing: Backing
  readonly #vault: PayloadVault
  readonly #index: EntryIndex
  readonly #tuning: StoreTuning
  readonly #turns = new Turns()
  readonly #subscriptions = new Subscriptions()
  readonly #transfers: PayloadTransfers
  readonly #reader: EntryReader
  #denyList = new DenyList([])
  #jobs: Job[] = []
  /** Destroyed payloads, of which the backing need not remember that they are to be. */
  #settled: PayloadId[] = []
  #pending: Held | undefined
  #mustReload = false
  #closing: Promise<void> | undefined
  /** Nothing runs any more; while it is closing, what was begun may still end. */
  #isClosed = false

  constructor({ namespaceId, verifier, backing, vault, tuning }: EntryStoreInit) {
    this.#tuning = { ...defaultTuning, ...tuning }
    this.namespaceId = namespaceId.slice()
    this.#verifier = verifier
    this.#backing = backing
    this.#vault = vault
    this.#index = new EntryIndex(backing, this.#tuning)
    this.#reader = new EntryReader({
      backing,
      index: this.#index,
      task: (task) => this.#task(async () => task()),
    })
    this.#transfers = new PayloadTransfers({
      vault,
      heldAt: (place) => this.#heldAt(place),
      change: (work) => this.#change(work),
      settle: (id) => void this.#settled.push(id),
    })
  }

  get count(): number {
    return this.#index.total.count
  }

  get denied(): readonly DenyRule[] {
    return this.#denyList.rules
  }

  async open(): Promise<void> {
    const denied = await this.#load()
    this.#denyList = new DenyList(denied)
    try {
      if (this.#pending) await this.#complete(this.#pending)
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
    const done = entries.length > 0 ? await this.#enqueue(entries, origin) : []
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
        if (!this.#mustReload) await this.#commit(new Transaction(this.#index), { save: true })
      } catch {
        // Saved sums only make the next opening faster; it finds them anew.
      }
      this.#subscriptions.close()
      await this.#vault.close()
    })
  }

  /** Puts entries in line. Those that wait together go in one transaction. */
  #enqueue(
    entries: readonly AuthorisedEntry[],
    origin: string | undefined,
  ): Promise<InsertOutcome[]> {
    const { promise, resolve, reject } = Promise.withResolvers<InsertOutcome[]>()
    this.#jobs.push({ entries, origin, resolve, reject })
    void this.#turns.take(() => this.#runJobs())
    return promise
  }

  async #runJobs(): Promise<void> {
    const jobs = takeJobs(this.#jobs)
    if (jobs.length === 0) return
    try {
      const outcomes = await this.#changeNow(async (transaction) => {
        const context = this.#contextOf(transaction)
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
      for (const [at, job] of jobs.entries()) job.resolve(outcomes[at]!)
    } catch (error) {
      for (const job of jobs) job.reject(error)
    }
  }

  async #heldAt(place: Place): Promise<Held | undefined> {
    const [held] = await this.#backing.read([place])
    return held
  }

  #contextOf(transaction: Transaction): InsertionContext {
    return {
      index: this.#index,
      transaction,
      maxCommitChanges: this.#tuning.maxCommitChanges,
      read: async (places) => {
        const missing = places.filter((place) => !transaction.heldAt(place))
        const read = missing.length > 0 ? await this.#backing.read(missing) : []
        let next = 0
        return places.map((place) => transaction.heldAt(place) ?? read[next++])
      },
      commitPart: async (pending) => {
        await this.#commit(transaction, { pending })
        transaction.reset()
      },
    }
  }

  /** Runs `work` alone, and makes durable what it did. */
  #change<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    return this.#turns.take(() => this.#changeNow(work))
  }

  async #changeNow<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    await this.#ready()
    if (this.#pending) await this.#complete(this.#pending)
    return this.#durably(work)
  }

  async #durably<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    const transaction = new Transaction(this.#index)
    try {
      const result = await work(transaction)
      await this.#commit(transaction)
      return result
    } catch (error) {
      if (!transaction.isEmpty) this.#mustReload = true
      throw error
    }
  }

  async #commit(
    transaction: Transaction,
    { pending, save = false }: { readonly pending?: Held; readonly save?: boolean } = {},
  ): Promise<void> {
    const index = this.#index
    const saved = index.isDue || (save && index.isUnsaved) ? index.takeUnsaved() : undefined
    const { entries, removed, reserved, adopted, events } = transaction
    const doomed = [...transaction.doomed, ...this.#transfers.reservedFor(removed)]
    const settled = [...this.#settled, ...adopted]
    const mustClear = this.#pending !== undefined && pending === undefined
    if (
      entries.length + doomed.length + reserved.length + settled.length > 0 ||
      saved ||
      mustClear
    ) {
      // Unless it settles, what is durable is what counts; the index may be ahead of it.
      this.#mustReload = true
      await this.#backing.commit({
        entries,
        doomed: [...doomed, ...reserved],
        settled,
        dirty: index.newlyDirty,
        saved,
        pending: pending || mustClear ? { held: pending } : undefined,
      })
      this.#mustReload = false
      this.#pending = pending
      this.#settled = []
    }
    index.committed()
    this.#transfers.removed(removed)
    this.#subscriptions.publish(events)
    if (doomed.length === 0) return
    await this.#vault.destroy(doomed)
    this.#settled.push(...doomed)
  }

  /** Ends an insertion that pruned so much that it took several commits, of which the last is missing. */
  async #complete(pending: Held): Promise<void> {
    await this.#durably((transaction) =>
      insertHeld(this.#contextOf(transaction), pending, undefined),
    )
  }

  #task<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#turns.take(async () => {
      await this.#ready()
      return task()
    })
  }

  async #ready(): Promise<void> {
    if (this.#isClosed) throw storeClosed()
    if (this.#mustReload) await this.#load()
  }

  /** Takes what the backing has as the truth. */
  async #load(): Promise<readonly DenyRule[]> {
    const opened = await this.#backing.open()
    await this.#index.load(opened)
    if (!this.#backing.ordered) await this.#fill()
    this.#pending = opened.pending
    const doomed = await this.#transfers.abandoned(opened.doomed)
    await this.#vault.destroy(doomed)
    this.#settled = doomed
    this.#mustReload = false
    return opened.denied
  }

  async #fill(): Promise<void> {
    for await (const held of this.#backing.scanOrdered(everything, 'path')) {
      await this.#index.insert(rowOf(held))
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw storeClosed()
  }
}

function storeClosed(): Error {
  return willowError('ERR_WILLOW_STORE_CLOSED', 'the Willow store is closed')
}

const everything: PlaceRange = placeRangeOf(full3dRange)

/** Takes the first jobs out of the line, as many as fit into one transaction. */
function takeJobs(jobs: Job[]): Job[] {
  let count = 0
  let taken = 0
  while (taken < jobs.length && count + jobs[taken]!.entries.length <= MAX_BATCH_ENTRIES) {
    count += jobs[taken]!.entries.length
    taken += 1
  }
  return jobs.splice(0, taken)
}
