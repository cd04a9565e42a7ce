import * as Automerge from '@automerge/automerge'
import type { ReadableDocument } from './document-history.ts'
import { valueAtPath } from './patches.ts'
import type { Conflict, ConflictResolver, ConflictingValue } from './people-types.ts'

/**
 * All values that were written at one place by authors who did not know of each other.
 *
 * @returns `undefined` when there is one value, or none.
 */
export function conflictAt(
  state: ReadableDocument,
  place: readonly Automerge.Prop[],
): Conflict | undefined {
  const key = place.at(-1)
  const parent = valueAtPath(state.open, place.slice(0, -1))
  if (key === undefined || typeof parent !== 'object' || parent === null) return undefined
  const found = Object.entries(conflictsOf(parent, key) ?? {})
  if (found.length < 2) return undefined
  const authors = new Map(state.proofs.map(({ actor, author }) => [actor, author]))
  const values = found
    .map(([id, value]): ConflictingValue & { readonly at: readonly [number, string] } => {
      const [counter = '', actor = ''] = id.split('@')
      const author = authors.get(actor) ?? (actor === state.actor ? state.ownAuthor : undefined)
      return { author, value, at: [Number(counter), actor] }
    })
    .toSorted((a, b) => a.at[0] - b.at[0] || (a.at[1] < b.at[1] ? -1 : 1))
  return { place: [...place], values: values.map(({ author, value }) => ({ author, value })) }
}

function conflictsOf(parent: object, key: Automerge.Prop): Record<string, unknown> | undefined {
  try {
    return Automerge.getConflicts(parent, key)
  } catch {
    // A text or a value of a class has no places of its own.
    return undefined
  }
}

/**
 * What a reader takes for the value of a place in conflict. Nothing is discarded: the
 * document keeps all values until somebody writes the place anew, and its history ever after.
 */
export function resolveConflict({ values }: Conflict, resolver: ConflictResolver): unknown {
  if (typeof resolver === 'function') return resolver(values)
  if (resolver === 'all') return values.map(({ value }) => value)
  return (resolver === 'first' ? values[0] : values.at(-1))?.value
}
