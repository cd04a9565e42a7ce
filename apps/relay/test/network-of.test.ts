import { describe, expect, it } from 'vitest'
import { createAddressBook } from '../src/address-book.ts'
import { DEFAULT_LIMITS, MAX_COUNTED_ADDRESSES } from '../src/limits.ts'
import { networkOf } from '../src/network-of.ts'

describe('addresses are counted', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s as %s', (address, expected) => {
    expect(networkOf(address)).toBe(expected)
  })

  it('in one entry for a whole /64', () => {
    const book = createAddressBook(DEFAULT_LIMITS)
    expect(book('2001:db8::1', 0)).toBe(book('2001:db8::2:1', 0))
    expect(book('2001:db8::1', 0)).not.toBe(book('2001:db8:0:1::1', 0))
  })

  it('in so many entries, of which the longest unseen without a connection goes first', () => {
    const book = createAddressBook(DEFAULT_LIMITS)
    const kept = book('first', 0)
    kept.connections += 1
    const idle = book('second', 0)
    for (let i = 0; i < MAX_COUNTED_ADDRESSES - 1; i++) book(`later ${i}`, 0)
    expect(book('first', 0)).toBe(kept)
    expect(book('second', 0)).not.toBe(idle)
  })
})
