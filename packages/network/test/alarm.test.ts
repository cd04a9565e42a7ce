import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Alarm } from '../src/alarm.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** An alarm on the virtual clock, and when it went off. */
function createAlarm(): { alarm: Alarm; rings: number[]; pass: (ms: number) => void } {
  const startMs = Date.now()
  const now = (): number => Date.now() - startMs
  const rings: number[] = []
  const alarm = new Alarm(now, () => rings.push(now()))
  return { alarm, rings, pass: (ms) => void vi.advanceTimersByTime(ms) }
}

it('goes off once at its moment', () => {
  const { alarm, rings, pass } = createAlarm()
  alarm.set(20)
  pass(100)
  expect(rings).toEqual([20])
})

it('goes off earlier when it is set to an earlier moment', () => {
  const { alarm, rings, pass } = createAlarm()
  alarm.set(20)
  alarm.set(5)
  pass(100)
  expect(rings).toEqual([5])
})

it('keeps the earlier moment when it is set to a later one', () => {
  const { alarm, rings, pass } = createAlarm()
  alarm.set(5)
  alarm.set(20)
  pass(100)
  expect(rings).toEqual([5])
})

it('can be set while it goes off, also to a moment that is past', () => {
  const rings: number[] = []
  const alarm = new Alarm(Date.now, () => {
    rings.push(rings.length)
    if (rings.length < 3) alarm.set(0)
  })
  alarm.set(0)
  vi.advanceTimersByTime(100)
  expect(rings).toEqual([0, 1, 2])
})

it('does not go off once it is cleared, or has nothing to wait for', () => {
  const { alarm, rings, pass } = createAlarm()
  alarm.set(5)
  alarm.set(undefined)
  alarm.set(7)
  alarm.clear()
  pass(100)
  expect(rings).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
  alarm.set(110)
  pass(100)
  expect(rings).toEqual([110])
})
