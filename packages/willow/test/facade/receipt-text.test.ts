import { describe, expect, it } from 'vitest'
import { receiptSentence } from '../../src/facade/receipt-text.ts'

const erasedAtMs = Date.UTC(2026, 3, 1)
const at = (month: number, day: number, year = 2026): number => Date.UTC(year, month - 1, day)
const sentence = (erased: number, waitingSinceMs: readonly number[]): string =>
  receiptSentence({ erased, waitingSinceMs, unlisted: 0, erasedAtMs, nowMs: at(4, 20) })

describe('the sentence of a receipt', () => {
  it('counts the devices that are known', () => {
    expect(sentence(5, [at(3, 3), at(3, 3)])).toBe(
      'Erased on 5 of 7 known devices; 2 not seen since 3 March.',
    )
    expect(sentence(2, [])).toBe('Erased on 2 of 2 known devices.')
    expect(sentence(1, [])).toBe('Erased on 1 of 1 known device.')
  })

  it('names different dates, the oldest first, with another year', () => {
    expect(sentence(1, [at(3, 3), at(12, 24, 2025), at(3, 3)])).toBe(
      'Erased on 1 of 4 known devices; 1 not seen since 24 December 2025, 2 not seen since 3 March.',
    )
  })

  it('sums up many dates', () => {
    const dates = [at(3, 1), at(3, 2), at(3, 3), at(3, 4), at(3, 5)]
    expect(sentence(1, dates)).toMatch(/, 2 not seen since 4 March or later\.$/)
  })

  it('tells who is late from who is away', () => {
    expect(sentence(1, [at(4, 2), at(3, 3)])).toBe(
      'Erased on 1 of 3 known devices; 1 not seen since 3 March, 1 seen since, not confirmed yet.',
    )
  })

  it('never claims more than is known', () => {
    expect(sentence(9, [])).not.toMatch(/everywhere|all devices|guarantee/i)
  })
})
