import { describe, expect, it } from 'vitest'
import { DialLimits } from '../src/dial-limits.ts'
import {
  MAX_DIALS_PER_ADDRESS,
  MAX_DIALS_UNDER_WAY,
  SCORE_HALF_LIFE_MS,
  UNPROVEN_DIALS_PER_HOST_AND_MINUTE,
} from '../src/limits.ts'
import { PathScores } from '../src/path-scores.ts'

describe('the score of a path', () => {
  it('follows the order of the transports while nothing was measured', () => {
    const scores = new PathScores()
    expect(scores.score('a', 0, 0)).toBeGreaterThan(scores.score('b', 1, 0))
  })

  it('falls with failures, and recovers with time and with success', () => {
    const scores = new PathScores()
    scores.failed('a', 0)
    expect(scores.score('a', 0, 0)).toBeLessThan(scores.score('b', 2, 0))
    expect(scores.score('a', 0, 6 * SCORE_HALF_LIFE_MS)).toBeGreaterThan(scores.score('b', 1, 0))
    scores.succeeded('a', 30, 1)
    expect(scores.score('a', 0, 1)).toBeGreaterThan(scores.score('b', 0, 1))
  })

  it('prefers short round trips, little loss and much throughput', () => {
    const scores = new PathScores()
    for (const path of ['near', 'far', 'lossy', 'fast']) scores.succeeded(path, 60, 0)
    for (let i = 0; i < 50; i++) {
      scores.measured('far', { rttMs: 300 }, 0)
      scores.measured('lossy', { lossRatio: 0.3 }, 0)
      scores.measured('fast', { bytesPerSecond: 50_000_000 }, 0)
    }
    const near = scores.score('near', 0, 0)
    expect(scores.score('far', 0, 0)).toBeLessThan(near)
    expect(scores.score('lossy', 0, 0)).toBeLessThan(near)
    expect(scores.score('fast', 0, 0)).toBeGreaterThan(near)
  })

  it('moves by a bounded amount, whatever is measured', () => {
    const scores = new PathScores()
    scores.measured('a', { rttMs: 1e9, lossRatio: 50, bytesPerSecond: 1e15 }, 0)
    for (let i = 0; i < 100; i++) scores.failed('a', 0)
    expect(Math.abs(scores.score('a', 0, 0))).toBeLessThan(300)
  })
})

describe('the limits of dialling', () => {
  it('bound the dials of one address and of all', () => {
    const limits = new DialLimits()
    const places = Array.from({ length: MAX_DIALS_PER_ADDRESS }, () =>
      limits.take('a://1', false, 0),
    )
    expect(places.every((place) => typeof place === 'function')).toBe(true)
    expect(limits.take('a://1', false, 0)).toMatch(/of that address/)
    for (let i = places.length; i < MAX_DIALS_UNDER_WAY; i++) limits.take(`b://${i}`, false, 0)
    expect(limits.take('c://1', false, 0)).toMatch(/are under way/)
    const [first] = places
    if (typeof first !== 'function') throw new Error('no place')
    first()
    first()
    expect(typeof limits.take('a://1', false, 0)).toBe('function')
    expect(typeof limits.take('c://1', false, 0)).toBe('string')
  })

  it('do not let strangers make this node dial one host over and over', () => {
    const limits = new DialLimits()
    const dial = (port: number, nowMs: number): boolean => {
      const place = limits.take(`tcp://203.0.113.7:${port}`, true, nowMs)
      if (typeof place === 'function') place()
      return typeof place === 'function'
    }
    const dials = Array.from({ length: 1_000 }, (_, port) => dial(port, 0))
    expect(dials.filter(Boolean)).toHaveLength(UNPROVEN_DIALS_PER_HOST_AND_MINUTE)
    expect(dial(1, 60_000)).toBe(true)
    // What its own peer has proven is not counted.
    expect(typeof limits.take('tcp://203.0.113.7:1', false, 0)).toBe('function')
  })
})
