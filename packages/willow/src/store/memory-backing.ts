import { ID_BYTES } from '@vudo/meadowcap'
import type { Backing, Changes, Opened } from './backing.ts'
import type { Held } from './held.ts'
import { includesPlace, includesTime, type Place, type PlaceRange } from './place.ts'

/** Keeps entries in memory, for as long as the store is open. */
export function createMemoryBacking(): Backing {
  return new MemoryBacking()
}

class MemoryBacking implements Backing {
  readonly ordered = undefined
  readonly #held = new Map<Place, Held>()

  async open(): Promise<Opened> {
    return { pages: [], strayPages: [], doomed: [], pending: undefined, denied: [] }
  }

  async read(places: readonly Place[]): Promise<(Held | undefined)[]> {
    return places.map((place) => this.#held.get(place))
  }

  async *scanOrdered(range: PlaceRange, order: 'path' | 'newest'): AsyncGenerator<Held> {
    const inside = [...this.#held.values()].filter(
      ({ place, timestamp }) => includesPlace(range, place) && includesTime(range, timestamp),
    )
    yield* inside.toSorted(order === 'path' ? byPath : byAge)
  }

  async commit({ entries }: Changes): Promise<void> {
    for (const change of entries) {
      if (change.type === 'put') this.#held.set(change.held.place, change.held)
      else this.#held.delete(change.place)
    }
  }

  async writeRule(): Promise<void> {
    // The store itself knows its rules; here nothing outlives it.
  }
}

/** As the keys of a persistent store: path, timestamp, subspace. */
function byPath(a: Held, b: Held): number {
  return (
    compare(a.place.slice(ID_BYTES), b.place.slice(ID_BYTES)) ||
    compare(a.timestamp, b.timestamp) ||
    compare(a.place, b.place)
  )
}

/** The newest first: timestamp, subspace, path, all descending. */
function byAge(a: Held, b: Held): number {
  return compare(b.timestamp, a.timestamp) || compare(b.place, a.place)
}

function compare<Value extends string | bigint>(a: Value, b: Value): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
