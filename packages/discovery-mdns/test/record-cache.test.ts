import { describe, expect, it } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import type { PeerRecord } from '@vudo/transport'
import { createRecordCache } from '../src/record-cache.ts'
import { createTokenBucket } from '../src/token-bucket.ts'
import { createRecord } from './nodes.ts'

const nowMs = Date.now()

/** A record that nobody verified: the cache does not look. */
function bare(peer: number, record: PeerRecord): PeerRecord {
  return { ...record, peerId: peer.toString(16).padStart(64, '0') }
}

describe('the cache', () => {
  it('tells news from repetition and from old records', () => {
    const cache = createRecordCache()
    const key = createNodeKey()
    const one = createRecord({ key, sequence: 1 })
    const two = createRecord({ key, sequence: 2 })
    expect(cache.put('t', two, nowMs)).toBe(true)
    expect(cache.put('t', two, nowMs)).toBe(false)
    expect(cache.put('t', one, nowMs)).toBe(false)
    expect(cache.of('t', nowMs)).toEqual([two])
    expect(cache.of('u', nowMs)).toEqual([])
    expect(cache.put('u', two, nowMs)).toBe(true)
    cache.remove('t', one)
    expect(cache.of('t', nowMs)).toEqual([two])
    cache.remove('t', two)
    expect(cache.of('t', nowMs)).toEqual([])
  })

  it('forgets a record after two minutes, or when it expires before', () => {
    const cache = createRecordCache()
    const [lasting, short] = [createRecord(), createRecord({ expiresAtMs: nowMs + 1_000 })]
    cache.put('t', lasting, nowMs)
    cache.put('t', short, nowMs)
    expect(cache.of('t', nowMs + 1_000)).toEqual([lasting])
    expect(cache.of('t', nowMs + 120_000)).toEqual([])
    expect(cache.put('t', lasting, nowMs + 120_000)).toBe(true)
  })

  it('holds 1,024 records and drops the one that was heard longest ago', () => {
    const cache = createRecordCache()
    const record = createRecord()
    for (let peer = 0; peer < 1_024; peer++) cache.put('t', bare(peer, record), nowMs)
    cache.put('t', bare(0, record), nowMs)
    cache.put('t', bare(5_000, record), nowMs)
    const known = new Set(cache.of('t', nowMs).map(({ peerId }) => peerId))
    expect(known.size).toBe(1_024)
    expect(known.has(bare(0, record).peerId)).toBe(true)
    expect(known.has(bare(1, record).peerId)).toBe(false)
  })
})

it('lets a burst through and then the rate, whatever the clock does', () => {
  const bucket = createTokenBucket(2, 1)
  const passed = (at: number): number => [1, 2, 3].filter(() => bucket.take(at)).length
  expect(passed(1_000)).toBe(2)
  expect(passed(1_999)).toBe(0)
  expect(passed(2_000)).toBe(1)
  expect(passed(0)).toBe(0)
  expect(passed(100_000)).toBe(2)
})
