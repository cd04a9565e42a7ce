import type { StoreView } from '@vudo/storage'
import { DEFAULT_CACHED_PAGES } from '../limits.ts'
import type { PayloadVault } from '../payloads/vault.ts'
import { createPooledVerifier } from '../verify/pooled-verifier.ts'
import { openEntryStore } from './entry-store.ts'
import type { WillowStoreInit } from './memory-store.ts'
import { createStorageBacking } from './storage-backing.ts'
import type { WillowStore } from './store.ts'

/** How a store is opened that outlives the program. */
export interface PersistentWillowStoreInit extends WillowStoreInit {
  /** A view of its own for this namespace: `storage.sub(name)`. The storage stays the caller's to close, after the store. */
  readonly storage: StoreView
  /** Where payloads go, see `openPayloadVault`: one for each store, which closes it. */
  readonly payloads: PayloadVault
  /**
   * Pages of about 90 entries, 20 kB each, that stay in memory, 2 or more. More make inserting
   * into many places at once faster.
   *
   * @defaultValue 2048
   */
  readonly cachedPages?: number | undefined
}

/**
 * Opens the store of a namespace in a view of a storage, and makes it when there is none.
 * After a crash the sums of what was changed since they were last saved are found anew.
 *
 * @throws `WillowError` `ERR_WILLOW_STORE_FORMAT` when the view holds another namespace's entries.
 * @throws `StoreError` as the storage.
 */
export function openPersistentWillowStore(init: PersistentWillowStoreInit): Promise<WillowStore> {
  const { namespaceId, storage, verifier = createPooledVerifier(), payloads } = init
  const { cachedPages = DEFAULT_CACHED_PAGES } = init
  const backing = createStorageBacking(namespaceId, storage)
  return openEntryStore({
    namespaceId,
    verifier,
    backing,
    vault: payloads,
    tuning: { cachedPages },
  })
}
