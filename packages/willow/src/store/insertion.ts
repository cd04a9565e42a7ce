/** The one rule by which entries come in (Willow data model, "store"): see `docs/wire-formats/willow-store.md`. */
import { ID_BYTES } from '@vudo/meadowcap'
import { MAX_REPORTED_PRUNED } from '../limits.ts'
import type { EntryIndex } from './entry-index.ts'
import { rowOf, type Held } from './held.ts'
import type { Row } from './page.ts'
import type { Place } from './place.ts'
import type { InsertOutcome } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { Entry } from '@vudo/meadowcap'

/** What an insertion works on. */
export interface InsertionContext {
  readonly index: EntryIndex
  readonly transaction: Transaction
  /** Changes after which {@link commitPart} is called. */
  readonly maxCommitChanges: number
  /** Entries at places, as the transaction sees them. */
  read(places: readonly Place[]): Promise<(Held | undefined)[]>
  /** Commits what there is, with `pending` kept as the entry that is still to come. */
  commitPart(pending: Held): Promise<void>
}

/** Puts `held` in unless a newer entry at its path or above is held, and removes all older ones at its path and below. */
export async function insertHeld(
  context: InsertionContext,
  held: Held,
  origin: string | undefined,
): Promise<InsertOutcome> {
  const row = rowOf(held)
  const standing = await whatStands(context.index, row)
  if (standing) return { status: standing }
  const { pruned, prunedCount } = await prune(context, held, row)
  await context.transaction.put(held)
  context.transaction.events.push({ type: 'entry:insert', held, origin })
  return { status: 'inserted', pruned, prunedCount }
}

/** Looks upwards: at the entry's place and at each prefix of its path. */
async function whatStands(
  index: EntryIndex,
  row: Row,
): Promise<'duplicate' | 'obsolete' | undefined> {
  for (let end = row.place.length; end >= ID_BYTES; end = parentEnd(row.place, end)) {
    const place = row.place.slice(0, end)
    const isParent = end < row.place.length
    if (isParent && index.isKnownVacant(place)) continue
    const found = index.find(place)
    const spot = found instanceof Promise ? await found : found
    if (spot.rows.places[spot.index] !== place) {
      if (isParent) index.noteVacant(place)
      continue
    }
    const recency = spot.rows.compareRecency(spot.index, row)
    if (recency > 0) return 'obsolete'
    if (recency === 0 && end === row.place.length) return 'duplicate'
  }
  return undefined
}

/** Looks downwards, and removes what is older. */
async function prune(
  context: InsertionContext,
  held: Held,
  row: Row,
): Promise<{ pruned: Entry[]; prunedCount: number }> {
  const { index, transaction } = context
  const pruned: Entry[] = []
  let prunedCount = 0
  for await (const older of index.olderBelow(row)) {
    const removed = await context.read(older.map(({ place }) => place))
    for (const [at, found] of removed.entries()) {
      // A damaged record is gone already; only its row is left to remove.
      if (found === undefined) await index.remove(older[at]!.place)
      else {
        await transaction.remove(found)
        transaction.events.push({ type: 'entry:prune', entry: found.entry, by: held.entry })
        if (pruned.length < MAX_REPORTED_PRUNED) pruned.push(found.entry)
      }
      prunedCount += 1
    }
    if (transaction.entries.length >= context.maxCommitChanges) await context.commitPart(held)
  }
  return { pruned, prunedCount }
}

/** Where the place of the path without its last component ends; less than an id's length when there is none. */
function parentEnd(place: Place, end: number): number {
  if (end === ID_BYTES) return -1
  // A component ends with 00 01, and within one 00 is followed by ff only.
  const before = place.lastIndexOf('\0\u0001', end - 3)
  return before < ID_BYTES ? ID_BYTES : before + 2
}
