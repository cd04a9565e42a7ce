/** What each IP address does here: connections and bytes, whoever of it does it. */
import type { RelayLimits } from './limits.ts'
import { MAX_COUNTED_ADDRESSES } from './limits.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

/** One address. */
export interface AddressEntry {
  connections: number
  readonly bucket: TokenBucket
}

/** Finds the entry of an address, which is made when there is none. */
export type AddressBook = (address: string, nowMs: number) => AddressEntry

/** Makes an empty book. */
export function createAddressBook(limits: RelayLimits): AddressBook {
  const entries = new Map<string, AddressEntry>()
  return (address, nowMs) => {
    const known = entries.get(address)
    // The longest unseen stand first.
    if (known) entries.delete(address)
    const entry = known ?? {
      connections: 0,
      bucket: createTokenBucket(limits.bytesPerSecondPerAddress, nowMs),
    }
    entries.set(address, entry)
    if (entries.size > MAX_COUNTED_ADDRESSES) {
      const oldest = [...entries].find(([, idle]) => idle.connections === 0)
      if (oldest) entries.delete(oldest[0])
    }
    return entry
  }
}
