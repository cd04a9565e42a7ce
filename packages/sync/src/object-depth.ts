import type { Columns } from './change-table.ts'
import { ChunkCursor, damaged } from './chunk-cursor.ts'
import { tooDeep } from './content-check.ts'
import { MAX_VALUE_DEPTH } from './limits.ts'

/** Columns of the operations of a saved document: the object that each is in, its own id, and what it does. */
const columnOf = {
  objectActor: 0x01,
  objectCounter: 0x02,
  ownActor: 0x21,
  ownCounter: 0x23,
  action: 0x42,
} as const
const makingActions = new Set([0, 2, 4, 6])

/**
 * Refuses a saved document in which objects lie too deep in each other, from its columns.
 *
 * It is exact, and counts what was deleted since as well. Of single changes and bundles the
 * columns tell only how deep their objects lie in ones that are elsewhere: those are looked
 * at when they are applied.
 *
 * @param columns - Vetted: their runs stand for no more rows than a batch may have.
 * @throws `SyncError` `ERR_VALUE_UNSUPPORTED`, `ERR_SYNC_PROTOCOL`.
 */
export function assertShallow(columns: Columns): void {
  // Most documents have fewer objects than would be too deep.
  if (countObjects(columns.get(columnOf.action)) <= MAX_VALUE_DEPTH) return
  const parents = parentsOf(columns)
  const depths = new Map<string, number>()
  for (const id of parents.keys()) {
    const way: string[] = []
    let at: string | undefined = id
    for (; at !== undefined && !depths.has(at) && parents.has(at); at = parents.get(at)) {
      way.push(at)
      if (way.length > MAX_VALUE_DEPTH) throw tooDeep()
    }
    let depth = at === undefined ? 0 : (depths.get(at) ?? 0)
    for (const step of way.toReversed()) depths.set(step, (depth += 1))
    if (depth > MAX_VALUE_DEPTH) throw tooDeep()
  }
}

function countObjects(column: Uint8Array = new Uint8Array()): number {
  let count = 0
  new ChunkCursor(column).runs(
    (cursor) => cursor.unsigned(),
    (times, action) => {
      if (makingActions.has(action ?? -1)) count += times
    },
  )
  return count
}

/** The object in which each object lies; none for those at the top. */
function parentsOf(columns: Columns): Map<string, string | undefined> {
  const actions = valuesOf(columns.get(columnOf.action))
  const objectActors = valuesOf(columns.get(columnOf.objectActor))
  const objectCounters = valuesOf(columns.get(columnOf.objectCounter))
  const ownActors = valuesOf(columns.get(columnOf.ownActor))
  const ownCounters = valuesOf(columns.get(columnOf.ownCounter), true)
  const parents = new Map<string, string | undefined>()
  for (const [row, action] of actions.entries()) {
    if (!makingActions.has(action ?? -1)) continue
    const counter = objectCounters[row]
    const [ownCounter, ownActor] = [ownCounters[row], ownActors[row]]
    if (ownCounter === undefined || ownActor === undefined) throw damaged('an object without id')
    const parent = counter === undefined ? undefined : `${counter}@${objectActors[row]}`
    parents.set(`${ownCounter}@${ownActor}`, parent)
  }
  return parents
}

function valuesOf(column: Uint8Array = new Uint8Array(), isDelta = false): (number | undefined)[] {
  const values: (number | undefined)[] = []
  let last = 0
  new ChunkCursor(column).runs(
    (cursor) => (isDelta ? cursor.signed() : cursor.unsigned()),
    (times, value) => {
      for (let count = 0; count < times; count++) {
        if (isDelta && value !== undefined) last += value
        values.push(isDelta && value !== undefined ? last : value)
      }
    },
  )
  return values
}
