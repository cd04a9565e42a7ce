import { isCommunalNamespace, timestampFromUnixMs, type Signer } from '@vudo/meadowcap'
import { erase } from '../erasure/erase.ts'
import type { ErasureRecord } from '../erasure/erasure-log.ts'
import { MAX_REASON_CHARACTERS } from '../limits.ts'
import type { WillowStore } from '../store/store.ts'
import { subspacesWithEntries } from './entry-access.ts'
import type { OpenNamespace } from './open-namespace.ts'
import { createReceipt, type ErasureReceipt } from './receipt.ts'
import type { Rights } from './rights.ts'
import { idBytes, pathOf, type PathLike } from './text-forms.ts'
import type { EraseOptions } from './willow.ts'

/** Who erases, and when. */
export interface Eraser {
  readonly signer: Signer
  readonly rights: Rights
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

/**
 * Erases what is at a path and below it, in one subspace or in all that have something there.
 *
 * @throws `WillowError` `ERR_CAPABILITY_MISSING`, before anything is erased.
 */
export async function eraseAt(
  namespace: OpenNamespace,
  path: PathLike,
  options: EraseOptions & { readonly by: Eraser },
): Promise<ErasureReceipt> {
  const { reason, by } = options
  const wanted = pathOf(path)
  const now = timestampFromUnixMs(by.nowMs)
  const subspaces = await subspacesToErase(namespace.store, path, options)
  // All rights before the first erasure: it is all of it or nothing, as far as one can know.
  const rights = subspaces.map((subspaceId) => ({
    subspaceId,
    capability:
      options.capability ??
      by.rights.toWrite(namespace.store.namespaceId, { subspaceId, path: wanted, timestamp: now }),
  }))
  const records: ErasureRecord[] = []
  for (const { subspaceId, capability } of rights) {
    const init = { subspaceId, path: wanted, capability, signer: by.signer, now }
    const note = { nowMs: by.nowMs, reason }
    records.push(await namespace.logged(() => erase(namespace.store, init), note))
  }
  const [first, ...rest] = records
  return createReceipt(namespace, [first!, ...rest])
}

/** @throws `RangeError` for a reason that is empty or too long. */
export function assertReason(reason: string): void {
  if (reason.length > 0 && reason.length <= MAX_REASON_CHARACTERS) return
  const message = `the reason has ${reason.length} characters, expected 1 to ${MAX_REASON_CHARACTERS}`
  throw new RangeError(message)
}

async function subspacesToErase(
  store: WillowStore,
  path: PathLike,
  { subspace, by }: EraseOptions & { readonly by: Eraser },
): Promise<readonly Uint8Array[]> {
  if (subspace !== undefined) return [idBytes(subspace, 'subspace')]
  const own = by.signer.publicKey
  if (isCommunalNamespace(store.namespaceId)) return [own]
  const found = await subspacesWithEntries(store, pathOf(path))
  return found.length > 0 ? found : [own]
}
