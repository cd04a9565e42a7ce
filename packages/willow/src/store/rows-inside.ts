import { ID_BYTES } from '@vudo/meadowcap'
import type { Rows } from './page.ts'
import { includesTime, type Place, type PlaceRange } from './place.ts'

/** The rows of a page that are in a range, from a place on. */
export function rowsInside(rows: Rows, range: PlaceRange, from: Place = range.from): number[] {
  const inside: number[] = []
  const first = rows.lowerBound(from)
  const end = range.to === undefined ? rows.length : rows.lowerBound(range.to)
  if (range.isContiguous) addTimely(inside, { rows, range, first, end })
  // From subspace to subspace: looking at each row would cost several times as much.
  for (let at = first; at < end && !range.isContiguous;) {
    const subspace = rows.places[at]!.slice(0, ID_BYTES)
    const next = Math.min(end, rows.lowerBound(subspace + pastEveryPath))
    const low = Math.max(at, rows.lowerBound(subspace + range.pathFrom))
    const high =
      range.pathTo === undefined ? next : Math.min(next, rows.lowerBound(subspace + range.pathTo))
    addTimely(inside, { rows, range, first: low, end: high })
    at = next
  }
  return inside
}

/** Greater than every character of a place. */
const pastEveryPath = '\u0100'

interface Run {
  readonly rows: Rows
  readonly range: PlaceRange
  readonly first: number
  readonly end: number
}

function addTimely(inside: number[], { rows, range, first, end }: Run): void {
  const isAnyTime = range.timeFrom === 0n && range.timeTo === undefined
  for (let index = first; index < end; index++) {
    if (isAnyTime || includesTime(range, rows.timestampAt(index))) inside.push(index)
  }
}
