import { MAX_BATCH_ENTRIES } from '../limits.ts'
import type { Held } from './held.ts'
import { includesPlace, includesTime, type Place, type PlaceRange } from './place.ts'
import type { Transaction } from './transaction.ts'

/** What forgetting needs of the store. */
export interface ForgettingContext {
  list(range: PlaceRange): AsyncIterable<Held>
  read(places: readonly Place[]): Promise<(Held | undefined)[]>
  /** Runs `work` alone and makes durable what it did. */
  change<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>
}

/** Takes an entry out for good, here only. */
export async function forget(transaction: Transaction, held: Held): Promise<void> {
  await transaction.remove(held)
  transaction.events.push({ type: 'entry:forget', entry: held.entry })
}

/** Takes out the entries of a range, except those of `kept`, batch by batch. Tells how many. */
export async function forgetRange(
  range: PlaceRange,
  kept: PlaceRange | undefined,
  context: ForgettingContext,
): Promise<number> {
  let forgotten = 0
  let listed: Held[] = []
  const flush = async (): Promise<void> => {
    const batch = listed
    listed = []
    forgotten += await context.change((transaction) => forgetAll(transaction, batch, context))
  }
  for await (const held of context.list(range)) {
    const isKept = kept && includesPlace(kept, held.place) && includesTime(kept, held.timestamp)
    if (!isKept) listed.push(held)
    if (listed.length >= MAX_BATCH_ENTRIES) await flush()
  }
  if (listed.length > 0) await flush()
  return forgotten
}

async function forgetAll(
  transaction: Transaction,
  batch: readonly Held[],
  context: ForgettingContext,
): Promise<number> {
  let count = 0
  // Read again: some may have been replaced since they were listed.
  const present = await context.read(batch.map(({ place }) => place))
  for (const [at, held] of present.entries()) {
    if (held === undefined || held.timestamp !== batch[at]!.timestamp) continue
    await forget(transaction, held)
    count += 1
  }
  return count
}
