import { createMemoryVault } from './memory-vault.ts'
import type { PayloadVault } from './vault.ts'
/** placeholder */
export function openPayloadVault(_init: { directory: string }): Promise<PayloadVault> {
  return Promise.resolve(createMemoryVault())
}
