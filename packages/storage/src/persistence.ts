/**
 * What came of asking for storage that stays: `granted`, `refused` (the browser may remove
 * everything that the site has stored when its disk runs full), or `unsupported` where
 * nobody can be asked: in workers, in old browsers, on Node.
 */
export type Persistence = 'granted' | 'refused' | 'unsupported'

/**
 * Asks the browser not to remove what this site has stored when its disk runs full
 * (`navigator.storage.persist`, Storage Standard). Some browsers ask the user, others decide by
 * how he uses the site: so ask after he has made something, in a page, and show him a refusal.
 * Asking again is harmless.
 */
export async function requestPersistence(): Promise<Persistence> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- not everywhere all of it is there
  const { navigator } = globalThis as { navigator?: { storage?: Partial<StorageManager> } }
  const storage = navigator?.storage
  if (typeof storage?.persist !== 'function') return 'unsupported'
  return (await storage.persist()) ? 'granted' : 'refused'
}
