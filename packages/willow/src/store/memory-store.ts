import { createMemoryVault } from '../payloads/memory-vault.ts'
import { createPooledVerifier } from '../verify/pooled-verifier.ts'
import { openEntryStore } from './entry-store.ts'
import { createMemoryBacking } from './memory-backing.ts'
import type { WillowStore } from './store.ts'
import type { WriteVerifier } from './write-check.ts'

/** What every store is made of. */
export interface WillowStoreInit {
  /** 32 bytes: the entries of this namespace and of no other. */
  readonly namespaceId: Uint8Array
  /**
   * Checks the tokens of entries that come in, many at a time.
   *
   * @defaultValue A verifier of its own, which checks signatures in the pool of the process.
   */
  readonly verifier?: WriteVerifier | undefined
}

/** Opens an empty store that lives in memory and ends with it: for tests, and for peers that keep nothing. */
export function openMemoryWillowStore(init: WillowStoreInit): Promise<WillowStore> {
  const { namespaceId, verifier = createPooledVerifier() } = init
  const backing = createMemoryBacking()
  return openEntryStore({ namespaceId, verifier, backing, vault: createMemoryVault() })
}
