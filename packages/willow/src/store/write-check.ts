import type { AuthorisedEntry } from '@vudo/meadowcap'
import { isOfNamespace, type DenyList } from './deny-list.ts'
import type { InsertOutcome, Rejection } from './store.ts'

/** Decides about entries that come in: a `Verifier` of Meadowcap, or one with a policy around it. */
export interface WriteVerifier {
  /** Says of each entry, in their order, why it is not taken, or `undefined`. May check many signatures together. */
  denialsOf(writes: readonly AuthorisedEntry[]): Promise<readonly (Rejection | undefined)[]>
}

/** What entries are held against before anything else is looked at. */
export interface WriteCheck {
  readonly namespaceId: Uint8Array
  readonly denyList: DenyList
  readonly verifier: WriteVerifier
}

/** The outcomes of those that may not come in; `undefined` for the others. All signatures are verified together. */
export async function rejectionsOf(
  authorised: readonly AuthorisedEntry[],
  { namespaceId, denyList, verifier }: WriteCheck,
): Promise<(InsertOutcome | undefined)[]> {
  const outcomes = authorised.map(({ entry }): InsertOutcome | undefined => {
    if (!isOfNamespace(entry, namespaceId)) return rejection('other-namespace')
    return denyList.denies(entry) ? rejection('denied') : undefined
  })
  const checked = authorised.filter((_, at) => outcomes[at] === undefined)
  const denials = checked.length > 0 ? await verifier.denialsOf(checked) : []
  let next = 0
  return outcomes.map((outcome) => {
    if (outcome) return outcome
    const denial = denials[next++]
    return denial && rejection(denial)
  })
}

function rejection(reason: Rejection): InsertOutcome {
  return { status: 'rejected', reason }
}
