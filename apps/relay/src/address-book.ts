/** What each IP address, of IPv6 each /64, does here: connections and bytes, whoever of it does it. */
import type { RelayLimits } from './limits.ts'
import { MAX_COUNTED_ADDRESSES } from './limits.ts'
import { networkOf } from './network-of.ts'
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
  const forgetOldest = (): void => {
    for (const [name, { connections }] of entries) {
      if (connections === 0) return void entries.delete(name)
    }
  }
  return (address, nowMs) => {
    const name = networkOf(address)
    const known = entries.get(name)
    // The longest unseen stand first.
    if (known) entries.delete(name)
    const entry = known ?? {
      connections: 0,
      bucket: createTokenBucket(limits.bytesPerSecondPerAddress, nowMs),
    }
    entries.set(name, entry)
    if (entries.size > MAX_COUNTED_ADDRESSES) forgetOldest()
    return entry
  }
}
