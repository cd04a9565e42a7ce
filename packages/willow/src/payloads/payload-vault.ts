import type { PayloadVault } from './vault.ts'

/** Where payloads go. */
export interface PayloadVaultInit {
  /** Path of a folder for this alone, not inside of the storage's; made for the owner alone (0700) when it is missing. */
  readonly directory: string
}

/**
 * Opens the payloads in a folder: one file each, encrypted under a key of its own, and the
 * keys in small tables that are rewritten when one is destroyed. One process owns a folder:
 * whoever opened the storage beside it. Node only.
 *
 * @throws `WillowError` `ERR_PAYLOAD_STORE`.
 */
export async function openPayloadVault({ directory }: PayloadVaultInit): Promise<PayloadVault> {
  const { openFileVault } = await import('./file-vault.ts')
  return openFileVault(directory)
}
