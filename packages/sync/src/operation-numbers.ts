import { lastOperations, readNumbers } from './change-table.ts'
import type { ChangeTable, Columns, TableSource } from './change-table.ts'
import { MAX_OPERATION_GAP, MAX_OPERATION_NUMBER } from './limits.ts'

/*
 * A saved document tells of each change the number of its last operation, and of each operation
 * its actor and its number. So an operation belongs to the first change of its actor whose last
 * number is not below its own.
 */

/** Columns of the operations in which numbers of operations stand: their own, and those of what has replaced or deleted them. */
const numberColumns = [
  { actor: 0x21, counter: 0x23 },
  { actor: 0x81, counter: 0x83 },
] as const

/**
 * Tells whether the numbers of the operations of a saved document go on from those of the changes
 * that each change builds on, without running away: opening it takes memory for each number, used
 * or not. And whether each operation is one of a change: what is not would be signed by nobody.
 *
 * @param table - Its changes; those of each actor follow each other.
 * @param operations - The columns of its operations, vetted.
 * @throws `SyncError` `ERR_SYNC_PROTOCOL` for damaged columns.
 */
export function areNumbersSound(
  source: TableSource,
  table: ChangeTable,
  operations: Columns,
): boolean {
  const last = lastOperations(source)
  if (last.length !== table.rows) return false
  const before = numbersBefore(table, last)
  for (let row = 0; row < table.rows; row++) {
    const [own = 0, floor = 0] = [last[row], before[row]]
    // A change without operations ends where those end that it builds on.
    if (own < floor || own > floor + MAX_OPERATION_GAP || own > MAX_OPERATION_NUMBER) return false
  }
  const changes = actorChanges(table, { last, before })
  return numberColumns.every(({ actor, counter }) => {
    const actors = readNumbers(operations.get(actor))
    const counters = readNumbers(operations.get(counter), true)
    const isOfChange = (number: number, at: number): boolean => {
      const own = changes[actors[at] ?? -1]
      return own !== undefined && isBehindOthers(own, number)
    }
    return actors.length === counters.length && counters.every(isOfChange)
  })
}

/** The highest number of what each change builds on. */
function numbersBefore(
  { rows, firstDependency, dependencies }: ChangeTable,
  last: Uint32Array,
): Uint32Array {
  const before = new Uint32Array(rows)
  for (let row = 0; row < rows; row++) {
    const end = firstDependency[row + 1] ?? 0
    for (let at = firstDependency[row] ?? 0; at < end; at++) {
      before[row] = Math.max(before[row] ?? 0, last[dependencies[at] ?? 0] ?? 0)
    }
  }
  return before
}

/** The changes of one actor in their order: the number of the last operation of each, and the highest that it builds on. */
interface ActorChanges {
  readonly last: number[]
  readonly before: number[]
}

function actorChanges(
  { rows, actors, actorOf }: ChangeTable,
  { last, before }: { readonly last: Uint32Array; readonly before: Uint32Array },
): ActorChanges[] {
  const changes = actors.map((): ActorChanges => ({ last: [], before: [] }))
  for (let row = 0; row < rows; row++) {
    const own = changes[actorOf[row] ?? -1]
    own?.last.push(last[row] ?? 0)
    own?.before.push(before[row] ?? 0)
  }
  return changes
}

/** Tells whether the change that an operation belongs to builds on lower numbers only. */
function isBehindOthers({ last, before }: ActorChanges, number: number): boolean {
  let from = 0
  for (let to = last.length; from < to;) {
    const middle = (from + to) >> 1
    if ((last[middle] ?? 0) < number) from = middle + 1
    else to = middle
  }
  return number > (before[from] ?? Infinity)
}
