import { onTestFinished } from 'vitest'
import type { Store, StoreEntry, StoreOperation } from '@vudo/storage'

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = (value: Uint8Array | undefined): string | undefined =>
  value && new TextDecoder().decode(value)

export const put = (key: string, value: string): StoreOperation => ({
  type: 'put',
  key: bytes(key),
  value: bytes(value),
})

export const remove = (key: string): StoreOperation => ({ type: 'delete', key: bytes(key) })

/** The key of encrypted stores. */
export const storeKey: Uint8Array = Uint8Array.from({ length: 32 }, (_, at) => at)

/** The records as `key=value`. */
export async function listed(entries: AsyncIterable<StoreEntry>): Promise<string[]> {
  const found: string[] = []
  for await (const { key, value } of entries) found.push(`${text(key)}=${text(value)}`)
  return found
}

/** Closes `store` at the end of the test. */
export function closing(store: Store): Store {
  onTestFinished(() => store.close())
  return store
}
