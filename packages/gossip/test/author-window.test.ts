import { describe, expect, it } from 'vitest'
import { MAX_AUTHORS, SEEN_MS, SEQUENCE_WINDOW_MS } from '../src/limits.ts'
import { AuthorWindow } from '../src/author-window.ts'

const alice = 'aa'.repeat(32)
const wallMs = 1_800_000_000_000

describe('AuthorWindow', () => {
  it('takes numbers that grow, and those that were overtaken a moment ago', () => {
    const window = new AuthorWindow()
    expect([5n, 7n, 6n, 8n].map((number) => window.accept(alice, number, 0, wallMs))).toEqual([
      true,
      true,
      true,
      true,
    ])
  })

  it('GA2: refuses a replay as soon as its id may have been forgotten', () => {
    for (const pauseMs of [SEEN_MS, SEEN_MS + 1, 10 * SEEN_MS]) {
      for (let sentMs = 0; sentMs < SEQUENCE_WINDOW_MS; sentMs += 7_000) {
        const window = new AuthorWindow()
        window.accept(alice, 1n, 0, wallMs)
        window.accept(alice, 2n, sentMs, wallMs)
        expect(window.accept(alice, 2n, sentMs + pauseMs, wallMs)).toBe(false)
        expect(window.accept(alice, 3n, sentMs + pauseMs, wallMs)).toBe(true)
      }
    }
  })

  it('GA2: also of an author who goes on speaking', () => {
    const window = new AuthorWindow()
    for (let second = 0; second <= 300; second++) {
      window.accept(alice, BigInt(second), second * 1_000, wallMs)
    }
    expect(window.accept(alice, 170n, 300_000, wallMs)).toBe(false)
    expect(window.accept(alice, 290n, 300_000, wallMs)).toBe(true)
  })

  it('PR3: refuses a number of the far future, which would lock its author out', () => {
    const window = new AuthorWindow()
    const nextYear = BigInt(wallMs + 31_536_000_000) * 1_000_000n
    expect(window.accept(alice, nextYear, 0, wallMs)).toBe(false)
    expect(window.accept(alice, BigInt(wallMs) * 1_000_000n, 0, wallMs)).toBe(true)
  })

  it('forgets the author who was silent longest', () => {
    const window = new AuthorWindow()
    for (let i = 0; i <= MAX_AUTHORS; i++) {
      window.accept(i.toString(16).padStart(64, '0'), 1n, 0, wallMs)
    }
    expect(window.size).toBe(MAX_AUTHORS)
  })
})
