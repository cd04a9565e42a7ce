import { describe, expect, it } from 'vitest'
import {
  CAPABILITIES_INTERVAL_MS,
  CAPABILITIES_TTL_MS,
  MAX_CAPABILITIES_TTL_MS,
  MAX_CAPABLE_PEERS,
  MIN_CAPABILITIES_INTERVAL_MS,
  type Capabilities,
} from '@vudo/gossip'
import { CapabilityBook, type CapabilityEffect } from '../../src/announcements/capability-book.ts'

const none: Capabilities = {
  protocols: [],
  relay: false,
  blobs: false,
  storageBytes: 0,
  metered: false,
}
const peer = (number: number): string => number.toString(16).padStart(64, '0')

function begunBook(): CapabilityBook {
  const book = new CapabilityBook(none, () => 0.5, 0)
  book.handle({ type: 'tick' }, 0)
  return book
}

let sequence = 0n

function hear(
  book: CapabilityBook,
  from: number,
  nowMs: number,
  said: Partial<Capabilities> & { readonly ttlMs?: number; readonly sequence?: bigint } = {},
): readonly CapabilityEffect[] {
  const { ttlMs = CAPABILITIES_TTL_MS, sequence: number = (sequence += 1n), ...rest } = said
  const message = { ttlMs, capabilities: { ...none, ...rest } }
  return book.handle({ type: 'message', author: peer(from), sequence: number, message }, nowMs)
}

describe('what a node says that it can do', () => {
  it('is said at once, every minute, and when it changes', () => {
    const book = new CapabilityBook(none, () => 0.5, 0)
    expect(book.handle({ type: 'tick' }, 0)).toMatchObject([{ type: 'publish' }])
    expect(book.wakeAtMs).toBe(CAPABILITIES_INTERVAL_MS)
    const capabilities = { ...none, blobs: true }
    expect(book.handle({ type: 'set', capabilities }, 5_000)).toEqual([
      { type: 'publish', message: { ttlMs: CAPABILITIES_TTL_MS, capabilities } },
    ])
    expect(book.handle({ type: 'set', capabilities: none }, 5_100)).toEqual([])
    expect(book.wakeAtMs).toBe(5_000 + MIN_CAPABILITIES_INTERVAL_MS)
  })

  it('is said earlier to a newcomer, and to more neighbours', () => {
    const book = begunBook()
    hear(book, 1, 10_000)
    expect(book.wakeAtMs).toBeLessThanOrEqual(10_000 + MIN_CAPABILITIES_INTERVAL_MS)
    expect(book.handle({ type: 'reached' }, 20_000)).toMatchObject([{ type: 'publish' }])
  })

  it('is taken back at the end', () => {
    expect(begunBook().handle({ type: 'leave' }, 10)).toMatchObject([
      { type: 'publish', message: { ttlMs: 0 } },
    ])
  })
})

describe('what others say', () => {
  it('holds until it is changed or taken back', () => {
    const book = begunBook()
    expect(hear(book, 1, 10, { blobs: true })).toMatchObject([
      { type: 'changed', peerId: peer(1), capabilities: { blobs: true } },
    ])
    expect(hear(book, 1, 20, { blobs: true })).toEqual([])
    expect(book.of(peer(1), 20)).toMatchObject({ blobs: true })
    expect(hear(book, 1, 30, { ttlMs: 0 })).toEqual([
      { type: 'changed', peerId: peer(1), capabilities: undefined },
    ])
    expect(book.of(peer(1), 30)).toBeUndefined()
  })

  it('ends by itself, however long it was to hold', () => {
    const book = begunBook()
    hear(book, 1, 0, { ttlMs: 1_000 })
    hear(book, 2, 0, { ttlMs: Number.MAX_SAFE_INTEGER })
    expect(book.of(peer(1), 1_000)).toBeUndefined()
    expect(book.of(peer(2), MAX_CAPABILITIES_TTL_MS - 1)).toBeDefined()
    const gone = book.handle({ type: 'tick' }, MAX_CAPABILITIES_TTL_MS)
    expect(gone.filter(({ type }) => type === 'changed')).toHaveLength(2)
    expect(book.all.size).toBe(0)
  })

  it('is not undone by an older message', () => {
    const book = begunBook()
    hear(book, 1, 10, { sequence: 100n, blobs: true })
    expect(hear(book, 1, 20, { sequence: 99n, blobs: false })).toEqual([])
    expect(book.of(peer(1), 20)).toMatchObject({ blobs: true })
  })

  it('is remembered of a bounded number of peers', () => {
    const book = begunBook()
    for (let i = 0; i < MAX_CAPABLE_PEERS + 10; i++) hear(book, i, 10)
    expect(book.all.size).toBe(MAX_CAPABLE_PEERS)
    expect(book.of(peer(0), 10)).toBeUndefined()
  })
})
