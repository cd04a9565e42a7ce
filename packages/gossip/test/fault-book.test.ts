import { BAN_MS, FAULT_HALF_LIFE_MS, MAX_FAULTS, MAX_JUDGED_PEERS } from '../src/limits.ts'
import { describe, expect, it } from 'vitest'
import { FaultBook } from '../src/fault-book.ts'

const mallory = 'aa'.repeat(32)

describe('FaultBook', () => {
  it('says when there was one fault too many', () => {
    const book = new FaultBook()
    const verdicts = Array.from({ length: MAX_FAULTS }, (_, i) => book.add(mallory, i * 100))
    expect(verdicts.lastIndexOf(false)).toBe(MAX_FAULTS - 2)
    expect(verdicts.at(-1)).toBe(true)
  })

  it('forgives: a fault now and then ends no session', () => {
    const book = new FaultBook()
    for (let i = 0; i < 100; i++) {
      expect(book.add(mallory, i * FAULT_HALF_LIFE_MS)).toBe(false)
    }
    expect(book.faultsOf(mallory, 100 * FAULT_HALF_LIFE_MS)).toBeCloseTo(1)
  })

  it('keeps a peer out for a while, and for no longer', () => {
    const book = new FaultBook()
    book.ban(mallory, 1_000)
    book.add(mallory, 2_000)
    expect(book.isBanned(mallory, 1_000 + BAN_MS - 1)).toBe(true)
    expect(book.isBanned(mallory, 1_000 + BAN_MS)).toBe(false)
  })

  it('forgets the peer that was heard of longest ago', () => {
    const book = new FaultBook()
    for (let i = 0; i <= MAX_JUDGED_PEERS; i++) book.add(i.toString(16).padStart(64, '0'), i)
    expect(book.size).toBe(MAX_JUDGED_PEERS)
    expect(book.faultsOf('0'.repeat(64), MAX_JUDGED_PEERS)).toBe(0)
  })
})
