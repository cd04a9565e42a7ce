import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DialRace, type RaceEffect, type RaceInput } from '../src/dial-race.ts'
import { HEAD_START_MS, MAX_RACE_DIALS, MAX_RACE_RELAYS } from '../src/limits.ts'

const direct = { isRelay: false }
const relay = { isRelay: true }

function dialled(effects: readonly RaceEffect[]): number[] {
  return effects.flatMap((effect) => (effect.type === 'dial' ? [effect.way] : []))
}

describe('a race', () => {
  it('dials the relay at once beside the best direct way', () => {
    const race = new DialRace([direct, direct, relay])
    expect(dialled(race.handle({ type: 'start' }, 0)).toSorted((a, b) => a - b)).toEqual([0, 2])
  })

  it('gives each direct way its head start', () => {
    const race = new DialRace([direct, direct])
    race.handle({ type: 'start' }, 100)
    expect(race.wakeAtMs).toBe(100 + HEAD_START_MS)
    expect(race.handle({ type: 'timer' }, 99 + HEAD_START_MS)).toEqual([])
    expect(dialled(race.handle({ type: 'timer' }, 100 + HEAD_START_MS))).toEqual([1])
  })

  it('hands over at once when a direct way fails', () => {
    const race = new DialRace([direct, direct])
    race.handle({ type: 'start' }, 0)
    expect(dialled(race.handle({ type: 'failed', way: 0 }, 1))).toEqual([1])
  })

  it('goes on to a direct way after the relay has won', () => {
    const race = new DialRace([direct, direct, relay])
    race.handle({ type: 'start' }, 0)
    expect(race.handle({ type: 'connected', way: 2 }, 10)).toEqual([{ type: 'won', way: 2 }])
    expect(race.isOver).toBe(false)
    expect(dialled(race.handle({ type: 'failed', way: 0 }, 20))).toEqual([1])
    expect(race.handle({ type: 'connected', way: 1 }, 30)).toEqual([])
    expect(race.isOver).toBe(true)
  })

  it('gives no direct way up for a relay, wherever that stands in the list', () => {
    const race = new DialRace([relay, direct, relay])
    race.handle({ type: 'start' }, 0)
    expect(race.handle({ type: 'connected', way: 0 }, 10)).toEqual([
      { type: 'won', way: 0 },
      { type: 'abandon', way: 2 },
    ])
    expect(race.isOver).toBe(false)
  })

  it('abandons what is worse than the direct way that stands, and keeps what is better', () => {
    const race = new DialRace([direct, direct, direct, direct])
    race.handle({ type: 'start' }, 0)
    race.handle({ type: 'timer' }, HEAD_START_MS)
    race.handle({ type: 'timer' }, 2 * HEAD_START_MS)
    expect(race.handle({ type: 'connected', way: 1 }, 600)).toEqual([
      { type: 'won', way: 1 },
      { type: 'abandon', way: 2 },
    ])
    expect(race.isOver).toBe(false)
    race.handle({ type: 'connected', way: 0 }, 700)
    expect(race.isOver).toBe(true)
  })

  it('is lost when every way has failed', () => {
    const race = new DialRace([direct, relay])
    race.handle({ type: 'start' }, 0)
    expect(race.handle({ type: 'failed', way: 0 }, 1)).toEqual([])
    expect(race.handle({ type: 'failed', way: 1 }, 2)).toEqual([{ type: 'lost' }])
  })

  it('keeps its invariants under any order of inputs', () => {
    const inputs = fc.array(
      fc.record({
        type: fc.constantFrom('failed', 'connected', 'timer', 'start', 'cancel'),
        way: fc.nat(9),
        afterMs: fc.nat(400),
      }),
      { maxLength: 60 },
    )
    const ways = fc.array(fc.record({ isRelay: fc.boolean() }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(ways, inputs, (list, events) => {
        const race = new DialRace(list)
        const state = list.map(() => 'waiting')
        const breaches: string[] = []
        let decisions = 0
        let nowMs = 0
        let isCancelled = false
        const apply = (input: RaceInput): void => {
          for (const effect of race.handle(input, nowMs)) {
            if (effect.type === 'won' || effect.type === 'lost') {
              decisions += 1
              if (isCancelled) breaches.push('decided after it was cancelled')
            }
            if (effect.type === 'dial') {
              if (state[effect.way] !== 'waiting') breaches.push('dialled twice')
              state[effect.way] = 'dialling'
            }
            if (effect.type === 'abandon') {
              if (state[effect.way] !== 'dialling') breaches.push('abandoned what is not under way')
              state[effect.way] = 'over'
            }
          }
          const underWay = list.filter((_, way) => state[way] === 'dialling')
          expect(underWay.length).toBeLessThanOrEqual(MAX_RACE_DIALS)
          expect(underWay.filter(({ isRelay }) => isRelay).length).toBeLessThanOrEqual(
            MAX_RACE_RELAYS,
          )
        }
        apply({ type: 'start' })
        for (const { type, way, afterMs } of events) {
          nowMs += afterMs
          if (type === 'failed' || type === 'connected') {
            if (state[way] === 'dialling') state[way] = 'over'
            apply({ type, way })
          } else {
            isCancelled ||= type === 'cancel'
            apply({ type: type === 'cancel' ? 'cancel' : type === 'timer' ? 'timer' : 'start' })
          }
        }
        // Left to itself, with every dial failing, it comes to an end.
        for (let step = 0; step < 100 && !race.isOver; step++) {
          nowMs = Math.max(nowMs, race.wakeAtMs ?? nowMs)
          const open = state.indexOf('dialling')
          if (open !== -1) {
            state[open] = 'over'
            apply({ type: 'failed', way: open })
          } else apply({ type: 'timer' })
        }
        expect(breaches).toEqual([])
        expect(race.isOver).toBe(true)
        expect(decisions).toBeLessThanOrEqual(1)
        expect(decisions).toBeGreaterThanOrEqual(isCancelled ? 0 : 1)
      }),
      { numRuns: 500 },
    )
  })
})
