import { bytesEqual } from '@vudo/wire'
import { comparePlaces, compareRecency, isNewer, type Entry } from './entry.ts'
import { isPathPrefix } from './path.ts'

/**
 * The entries of both that no entry of either prunes, each once, ordered by
 * namespace, subspace and path. Commutative, associative and idempotent: in whatever
 * order peers hear of entries, they end with the same.
 */
export function joinEntries(a: Iterable<Entry>, b: Iterable<Entry> = []): Entry[] {
  const kept: Entry[] = []
  // In this order every entry comes after those at its prefixes and the newer ones at its path.
  const sorted = [...a, ...b].toSorted((x, y) => comparePlaces(x, y) || compareRecency(y, x))
  /** The entries at prefixes of the present path; each is not older than those before it. */
  const above: Entry[] = []
  for (const entry of sorted) {
    while (above.length > 0 && !standsAbove(above.at(-1), entry)) above.pop()
    const nearest = above.at(-1)
    // Whoever survives is not older than what stands above it, so the nearest is the newest.
    const isDuplicate = nearest !== undefined && isSamePlaceAndAge(nearest, entry)
    if (isDuplicate || (nearest !== undefined && isNewer(nearest, entry))) continue
    kept.push(entry)
    above.push(entry)
  }
  return kept
}

function standsAbove(upper: Entry | undefined, entry: Entry): boolean {
  return (
    upper !== undefined &&
    isPathPrefix(upper.path, entry.path) &&
    bytesEqual(upper.subspaceId, entry.subspaceId) &&
    bytesEqual(upper.namespaceId, entry.namespaceId)
  )
}

function isSamePlaceAndAge(a: Entry, b: Entry): boolean {
  return a.path.length === b.path.length && compareRecency(a, b) === 0
}
