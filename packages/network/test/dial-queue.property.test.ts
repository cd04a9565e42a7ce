import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DialQueue, type Need, type QueueInput, type Target } from '../src/dial-queue.ts'
import {
  MAX_PARALLEL_DIALS,
  REDIAL_FIRST_MS,
  REDIAL_MAX_MS,
  RESET_SPREAD_MS,
  RESUME_MAX_MS,
  UPGRADE_FIRST_MS,
  YIELD_DIAL_MS,
} from '../src/limits.ts'

const peer = (name: string): string => name.repeat(64)
const [self, smaller, larger] = [peer('5'), peer('1'), peer('9')]

function queueWhere(needs: Map<Target, Need>, random = () => 0.5, maxPerReason = 1_000): DialQueue {
  return new DialQueue({
    self,
    need: (target) => needs.get(target) ?? 'any',
    random,
    maxPerReason,
  })
}

/** Ids above our own: dialled without a pause. */
const many = (count: number): Target[] =>
  Array.from({ length: count }, (_, i) => `f${i.toString(16).padStart(63, '0')}`)

/** Dials all that is due, and all of it fails at once. */
function failAll(queue: DialQueue, due: readonly Target[], nowMs: number): void {
  const dialled = [...due]
  for (let target = dialled.shift(); target !== undefined; target = dialled.shift()) {
    dialled.push(...queue.handle({ type: 'dialled', target, isOk: false }, nowMs))
  }
}

const want = (target: Target, isNews = false): QueueInput => ({
  type: 'want',
  target,
  reason: 'db',
  isNews,
})

describe('the dial queue', () => {
  it('dials the larger id at once, and lets the smaller one dial first', () => {
    const queue = queueWhere(new Map())
    expect(queue.handle(want(larger), 0)).toEqual([larger])
    expect(queue.handle(want(smaller), 0)).toEqual([])
    expect(queue.wakeAtMs).toBe(YIELD_DIAL_MS)
    expect(queue.handle({ type: 'timer' }, YIELD_DIAL_MS)).toEqual([smaller])
  })

  it('doubles its pauses with jitter up to the longest', () => {
    const pauses: number[] = []
    const queue = queueWhere(new Map(), () => 0)
    let nowMs = 0
    queue.handle(want(larger), nowMs)
    for (let failure = 0; failure < 12; failure++) {
      queue.handle({ type: 'dialled', target: larger, isOk: false }, nowMs)
      pauses.push((queue.wakeAtMs ?? 0) - nowMs)
      nowMs = queue.wakeAtMs ?? 0
      expect(queue.handle({ type: 'timer' }, nowMs)).toEqual([larger])
    }
    expect(pauses.slice(0, 3)).toEqual([500, 1_000, 2_000])
    expect(pauses.at(-1)).toBe(REDIAL_MAX_MS / 2)
  })

  it('forgets failures on success', () => {
    const needs = new Map<Target, Need>()
    const queue = queueWhere(needs, () => 0)
    queue.handle(want(larger), 0)
    queue.handle({ type: 'dialled', target: larger, isOk: false }, 0)
    queue.handle({ type: 'timer' }, 500)
    needs.set(larger, 'none')
    queue.handle({ type: 'dialled', target: larger, isOk: true }, 600)
    expect(queue.wakeAtMs).toBeUndefined()
    needs.set(larger, 'any')
    expect(queue.handle({ type: 'lost', target: larger, pauseMs: 0 }, 700)).toEqual([larger])
    queue.handle({ type: 'dialled', target: larger, isOk: false }, 700)
    expect(queue.wakeAtMs).toBe(700 + REDIAL_FIRST_MS / 2)
  })

  it('ends every pause when the node wakes up or its network changes', () => {
    const queue = queueWhere(new Map())
    const peers = ['6', '7', '8'].map(peer)
    for (const target of peers) queue.handle(want(target), 0)
    let nowMs = 0
    for (let failure = 0; failure < 8; failure++) {
      for (const target of peers) {
        queue.handle({ type: 'dialled', target, isOk: false }, nowMs)
      }
      nowMs = queue.wakeAtMs ?? 0
      queue.handle({ type: 'timer' }, nowMs)
    }
    for (const target of peers) queue.handle({ type: 'dialled', target, isOk: false }, nowMs)
    expect((queue.wakeAtMs ?? 0) - nowMs).toBeGreaterThan(60_000)
    queue.handle({ type: 'reset' }, nowMs)
    expect((queue.wakeAtMs ?? Infinity) - nowMs).toBeLessThanOrEqual(RESET_SPREAD_MS)
    expect(queue.handle({ type: 'timer' }, nowMs + RESET_SPREAD_MS)).toEqual(peers)
  })

  it('hurries for a session that waits, and looks for a better way now and then', () => {
    const needs = new Map<Target, Need>([[larger, 'urgent']])
    const queue = queueWhere(needs, () => 1)
    expect(queue.handle({ type: 'interrupted', target: larger }, 0)).toEqual([larger])
    for (let failure = 0; failure < 10; failure++) {
      queue.handle({ type: 'dialled', target: larger, isOk: false }, 0)
      queue.handle({ type: 'timer' }, queue.wakeAtMs ?? 0)
    }
    queue.handle({ type: 'dialled', target: larger, isOk: false }, 0)
    expect(queue.wakeAtMs).toBe(RESUME_MAX_MS)
    needs.set(larger, 'better')
    queue.handle({ type: 'connected', target: larger }, 0)
    // No database wants it: a direct way is not worth a dial.
    expect(queue.wakeAtMs).toBeUndefined()
    queue.handle(want(larger), 0)
    queue.handle({ type: 'dialled', target: larger, isOk: true }, 0)
    expect(queue.wakeAtMs).toBe(UPGRADE_FIRST_MS)
  })

  it('dials again at once what was asked for while it was dialled', () => {
    const needs = new Map<Target, Need>()
    const queue = queueWhere(needs)
    queue.handle(want(larger), 0)
    needs.set(larger, 'better')
    expect(queue.handle({ type: 'interrupted', target: larger }, 1)).toEqual([])
    expect(queue.handle({ type: 'dialled', target: larger, isOk: true }, 2)).toEqual([larger])
    needs.set(larger, 'none')
    queue.handle({ type: 'interrupted', target: larger }, 3)
    expect(queue.handle({ type: 'dialled', target: larger, isOk: true }, 4)).toEqual([])
    expect(queue.wakeAtMs).toBeUndefined()
  })

  it('wants so many for one reason, and those that failed give way to who failed less', () => {
    const queue = queueWhere(new Map(), () => 0.5, 32)
    const [live = '', ...dead] = many(40)
    let found = 0
    // Every search finds all of them in the same order, the one that answers last.
    for (let search = 0; search < 3 && found === 0; search++) {
      const nowMs = search * 30_000
      for (const target of [...dead, live]) {
        const due = queue.handle(want(target), nowMs)
        if (due.includes(live)) found += 1
        failAll(
          queue,
          due.filter((one) => one !== live),
          nowMs,
        )
      }
    }
    expect(found).toBe(1)
  })

  it('keeps who is connected or waits for its session, however often it failed before', () => {
    const needs = new Map<Target, Need>()
    const queue = queueWhere(needs, () => 0.5, 3)
    const [one = '', two = '', three = '', four = '', five = ''] = many(5)
    for (const target of [one, two, three]) failAll(queue, queue.handle(want(target), 0), 0)
    needs.set(one, 'none').set(two, 'urgent')
    expect(queue.handle(want(four), 1)).toEqual([four])
    queue.handle({ type: 'dialled', target: four, isOk: false }, 1)
    // Its turn was before, and it comes back as what it was: no better than the others.
    expect(queue.handle(want(three), 2)).toEqual([])
    expect(queue.handle(want(five), 2)).toEqual([five])
    needs.set(five, 'none')
    queue.handle({ type: 'dialled', target: five, isOk: true }, 3)
    expect(queue.handle(want(three), 4)).toEqual([])
    // Another network: what failed there may answer here.
    queue.handle({ type: 'unwant', reason: 'db' }, 5)
    queue.handle({ type: 'reset' }, 5)
    expect(queue.handle(want(three), 6)).toEqual([three])
  })

  it('dials who failed least first', () => {
    const queue = queueWhere(new Map(), () => 0)
    const [live = '', ...dead] = many(MAX_PARALLEL_DIALS + 1)
    for (const target of dead) failAll(queue, queue.handle(want(target), 0), 0)
    // All places are taken by others when the first pause is over, and one becomes free.
    const busy = ['6', '7', '8', '9', 'a', 'b', 'c', 'd'].map(peer)
    for (const target of busy) queue.handle(want(target), 1)
    const [first = ''] = busy
    expect(queue.handle(want(live), 60_000)).toEqual([])
    expect(queue.handle({ type: 'dialled', target: first, isOk: true }, 60_000)).toEqual([live])
  })

  it('never dials a target twice at a time, not even when it was forgotten meanwhile', () => {
    const queue = queueWhere(new Map())
    expect(queue.handle(want(larger), 0)).toEqual([larger])
    queue.handle({ type: 'forget', target: larger }, 1)
    expect(queue.handle(want(larger), 2)).toEqual([])
    queue.handle({ type: 'dialled', target: larger, isOk: false }, 3)
    expect(queue.wakeAtMs).toBeGreaterThan(3)
  })

  it('keeps its invariants under any order of inputs', () => {
    const targets = fc.constantFrom(...'0123456789abcdef'.split('').map(peer))
    const input: fc.Arbitrary<QueueInput | { type: 'needs'; target: Target; need: Need }> =
      fc.oneof(
        fc.record({
          type: fc.constant('want' as const),
          target: targets,
          reason: fc.constantFrom('a', 'b'),
          isNews: fc.boolean(),
        }),
        fc.record({ type: fc.constant('want-always' as const), target: targets }),
        fc.record({ type: fc.constant('unwant' as const), reason: fc.constantFrom('a', 'b') }),
        fc.record({ type: fc.constant('forget' as const), target: targets }),
        fc.record({ type: fc.constant('lost' as const), target: targets, pauseMs: fc.nat(5_000) }),
        fc.record({ type: fc.constant('interrupted' as const), target: targets }),
        fc.record({ type: fc.constant('dialled' as const), target: targets, isOk: fc.boolean() }),
        fc.constant({ type: 'reset' as const }),
        fc.constant({ type: 'timer' as const }),
        fc.record({
          type: fc.constant('needs' as const),
          target: targets,
          need: fc.constantFrom<Need>('none', 'better', 'any', 'urgent'),
        }),
      )
    const steps = fc.array(fc.tuple(input, fc.nat(3_000)), { maxLength: 150 })
    fc.assert(
      fc.property(steps, (events) => {
        const needs = new Map<Target, Need>()
        const queue = queueWhere(needs, () => 0.5, 6)
        const dialling = new Set<Target>()
        let nowMs = 0
        for (const [event, afterMs] of events) {
          nowMs += afterMs
          if (event.type === 'needs') {
            needs.set(event.target, event.need)
            continue
          }
          // Only what is under way can end.
          if (event.type === 'dialled' && !dialling.delete(event.target)) continue
          for (const target of queue.handle(event, nowMs)) {
            expect(dialling.has(target)).toBe(false)
            expect(needs.get(target) ?? 'any').not.toBe('none')
            dialling.add(target)
          }
          expect(dialling.size).toBeLessThanOrEqual(MAX_PARALLEL_DIALS)
          // Whoever is due is dialled, unless all places are taken: then nothing wakes it.
          expect(queue.wakeAtMs ?? Infinity).toBeGreaterThan(nowMs)
        }
      }),
      { numRuns: 300 },
    )
  })
})
