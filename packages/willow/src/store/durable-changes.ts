import type { PayloadTransfers } from '../payloads/payload-transfers.ts'
import type { PayloadId, PayloadVault } from '../payloads/vault.ts'
import { full3dRange } from '@vudo/meadowcap'
import type { Backing } from './backing.ts'
import type { EntryIndex } from './entry-index.ts'
import { rowOf, type Held } from './held.ts'
import { insertHeld, type InsertionContext } from './insertion.ts'
import { placeRangeOf, type PlaceRange } from './place.ts'
import type { DenyRule, StoreEvent } from './store.ts'
import { Transaction } from './transaction.ts'

/** What changes are made durable with. */
export interface DurableChangesInit {
  readonly backing: Backing
  readonly index: EntryIndex
  readonly vault: PayloadVault
  readonly transfers: PayloadTransfers
  /** Changes of one commit; pruning takes several when there are more. */
  readonly maxCommitChanges: number
  /** Tells what is durable now. */
  readonly publish: (events: readonly StoreEvent[]) => void
}

/**
 * How what a task changes becomes durable: its transaction is one commit, unless it prunes so
 * much that it takes several; then the entry that is still to come is kept, and put in first
 * when the store is opened again. After a commit that failed, what the backing has is the truth,
 * and the index is loaded anew before anything else.
 *
 * One task at a time: who calls sees to it.
 */
export class DurableChanges {
  readonly #init: DurableChangesInit
  /** Destroyed payloads, of which the backing need not remember that they are to be. */
  #settled: PayloadId[] = []
  #pending: Held | undefined
  #mustReload = false

  constructor(init: DurableChangesInit) {
    this.#init = init
  }

  /** Takes what the backing has as the truth. */
  async load(): Promise<readonly DenyRule[]> {
    const { backing, index, transfers, vault } = this.#init
    const opened = await backing.open()
    await index.load(opened)
    if (!backing.ordered) await this.#fill()
    this.#pending = opened.pending
    const doomed = await transfers.abandoned(opened.doomed)
    await vault.destroy(doomed)
    this.#settled = doomed
    this.#mustReload = false
    return opened.denied
  }

  async #fill(): Promise<void> {
    const { backing, index } = this.#init
    for await (const held of backing.scanOrdered(everything, 'path')) {
      await index.insert(rowOf(held))
    }
  }

  /** Sees to it that the index says what is durable. */
  async refresh(): Promise<void> {
    if (this.#mustReload) await this.load()
  }

  /** The payload is destroyed: its name need not be remembered. */
  settle(id: PayloadId): void {
    this.#settled.push(id)
  }

  /** Does `work` and makes durable what it did. */
  async change<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    await this.refresh()
    await this.completePending()
    return this.#durably(work)
  }

  /** Ends an insertion that pruned so much that it took several commits, of which the last is missing. */
  async completePending(): Promise<void> {
    const pending = this.#pending
    if (pending === undefined) return
    await this.#durably((transaction) =>
      insertHeld(this.insertionInto(transaction), pending, undefined),
    )
  }

  /** Saves the sums, unless the index may be ahead of what is durable. */
  async save(): Promise<void> {
    if (!this.#mustReload) await this.#commit(new Transaction(this.#init.index), { save: true })
  }

  /** What an insertion of this transaction works on. */
  insertionInto(transaction: Transaction): InsertionContext {
    const { index, backing, maxCommitChanges } = this.#init
    return {
      index,
      transaction,
      maxCommitChanges,
      read: async (places) => {
        const missing = places.filter((place) => !transaction.heldAt(place))
        const read = missing.length > 0 ? await backing.read(missing) : []
        let next = 0
        return places.map((place) => transaction.heldAt(place) ?? read[next++])
      },
      commitPart: async (pending) => {
        await this.#commit(transaction, { pending })
        transaction.reset()
      },
    }
  }

  async #durably<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    const transaction = new Transaction(this.#init.index)
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
    const { index, backing, vault, transfers, publish } = this.#init
    const saved = index.isDue || (save && index.isUnsaved) ? index.takeUnsaved() : undefined
    const { entries, removed, reserved, adopted, events } = transaction
    const doomed = [...transaction.doomed, ...transfers.reservedFor(removed)]
    const settled = [...this.#settled, ...adopted]
    const mustClear = this.#pending !== undefined && pending === undefined
    if (
      entries.length + doomed.length + reserved.length + settled.length > 0 ||
      saved ||
      mustClear
    ) {
      // Unless it settles, what is durable is what counts; the index may be ahead of it.
      this.#mustReload = true
      await backing.commit({
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
    transfers.removed(removed)
    publish(events)
    if (doomed.length === 0) return
    await vault.destroy(doomed)
    this.#settled.push(...doomed)
  }
}

const everything: PlaceRange = placeRangeOf(full3dRange)
