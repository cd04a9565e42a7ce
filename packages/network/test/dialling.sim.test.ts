/** The queue and the race together, over virtual time: many peers, ways that fail, connections that die, sleep. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DialQueue, type Need, type QueueInput, type Target } from '../src/dial-queue.ts'
import { DialRace, type RaceInput, type RaceWay } from '../src/dial-race.ts'
import { MAX_PARALLEL_DIALS, MAX_RACE_DIALS, YIELD_DIAL_MS } from '../src/limits.ts'

interface VirtualWay extends RaceWay {
  readonly answersAfterMs: number
  readonly works: boolean
  /** How often it fails before it works. */
  readonly failsFirst: number
}

interface VirtualPeer {
  readonly id: Target
  readonly ways: readonly VirtualWay[]
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** One node and its peers. Everything happens in one queue ordered by time. */
class World {
  nowMs = 0
  readonly breaches: string[] = []
  readonly connected = new Map<Target, 'direct' | 'relay'>()
  readonly #peers: ReadonlyMap<Target, VirtualPeer>
  readonly #queue: DialQueue
  #events: Event[] = []
  #order = 0
  readonly #dials = new Map<VirtualWay, number>()
  #racing = 0

  constructor(peers: readonly VirtualPeer[], random: () => number) {
    this.#peers = new Map(peers.map((peer) => [peer.id, peer]))
    const need = (target: Target): Need => this.#need(target)
    this.#queue = new DialQueue({ self: '5'.repeat(64), need, random, maxPerReason: 32 })
    for (const { id } of peers) this.apply({ type: 'want', target: id, reason: 'db', isNews: true })
  }

  /** Peers that can be reached and are not. */
  get missing(): Target[] {
    return [...this.#peers.values()]
      .filter(({ id, ways }) => ways.some(({ works }) => works) && !this.connected.has(id))
      .map(({ id }) => id)
  }

  apply(input: QueueInput): void {
    for (const target of this.#queue.handle(input, this.nowMs)) this.#race(target)
    const atMs = this.#queue.wakeAtMs
    if (atMs !== undefined) this.#at(atMs, () => this.#wake())
  }

  cut(target: Target): void {
    if (this.connected.delete(target)) this.apply({ type: 'interrupted', target })
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs
    for (;;) {
      this.#events.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
      const next = this.#events[0]
      if (next === undefined || next.atMs > untilMs) break
      this.#events.shift()
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
    this.nowMs = untilMs
  }

  #need(target: Target): Need {
    const path = this.connected.get(target)
    if (path === undefined) return 'any'
    return path === 'direct' ? 'none' : 'better'
  }

  #wake(): void {
    // Others may have come before: the queue says itself whether somebody is due.
    if ((this.#queue.wakeAtMs ?? Infinity) <= this.nowMs) this.apply({ type: 'timer' })
  }

  #at(atMs: number, run: () => void): void {
    this.#order += 1
    this.#events.push({ atMs, order: this.#order, run })
  }

  #race(target: Target): void {
    this.#racing += 1
    if (this.#racing > MAX_PARALLEL_DIALS) this.breaches.push('too many peers at a time')
    const all = this.#peers.get(target)?.ways ?? []
    const ways = this.#need(target) === 'better' ? all.filter(({ isRelay }) => !isRelay) : all
    const race = new DialRace(ways)
    const abandoned = new Set<number>()
    let own = 0
    let isOpen = true
    const end = (isOk: boolean): void => {
      if (!isOpen) return
      isOpen = false
      this.#racing -= 1
      this.apply({ type: 'dialled', target, isOk })
    }
    const step = (input: RaceInput): void => {
      for (const effect of race.handle(input, this.nowMs)) {
        if (effect.type === 'dial') {
          own += 1
          if (own > MAX_RACE_DIALS) this.breaches.push('too many ways at a time')
          const one = ways[effect.way]
          if (one === undefined) throw new RangeError(`there is no way ${effect.way}`)
          const { answersAfterMs, isRelay } = one
          const dials = (this.#dials.get(one) ?? 0) + 1
          this.#dials.set(one, dials)
          const works = one.works && dials > one.failsFirst
          this.#at(this.nowMs + answersAfterMs, () => {
            if (abandoned.has(effect.way)) return
            own -= 1
            if (works && this.connected.get(target) !== 'direct') {
              this.connected.set(target, isRelay ? 'relay' : 'direct')
            }
            step({ type: works ? 'connected' : 'failed', way: effect.way })
          })
        } else if (effect.type === 'abandon') {
          own -= 1
          abandoned.add(effect.way)
        } else end(effect.type === 'won')
      }
      const atMs = race.wakeAtMs
      if (atMs !== undefined) this.#at(atMs, () => step({ type: 'timer' }))
    }
    step({ type: 'start' })
  }
}

const way = fc.record({
  isRelay: fc.boolean(),
  answersAfterMs: fc.integer({ min: 1, max: 3_000 }),
  works: fc.boolean(),
  failsFirst: fc.nat(4),
})

const world = fc.record({
  peers: fc.array(fc.array(way, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 40 }),
  cuts: fc.array(fc.tuple(fc.nat(39), fc.nat(20_000)), { maxLength: 40 }),
  seed: fc.nat(),
})

function idOf(index: number): string {
  return index.toString(16).padStart(64, '0')
}

/** From 0 to below 1, the same for the same seed (Mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

describe('dialling', () => {
  it('reaches everybody who can be reached once faults stop, directly where that works', () => {
    fc.assert(
      fc.property(world, ({ peers, cuts, seed }) => {
        const all = peers.map((ways, index) => ({ id: idOf(index), ways }))
        const sim = new World(all, randomOf(seed))
        for (const [peer, afterMs] of cuts) {
          sim.run(afterMs)
          sim.cut(idOf(peer % all.length))
        }
        // Faults end, and the machine wakes up in a network that works.
        sim.apply({ type: 'reset' })
        sim.run(300_000)
        expect(sim.missing).toEqual([])
        expect(sim.breaches).toEqual([])
        const relayed = all.filter(({ id }) => sim.connected.get(id) === 'relay')
        const direct = relayed.filter(({ ways }) => ways.some((one) => one.works && !one.isRelay))
        expect(direct).toEqual([])
      }),
      { numRuns: 150 },
    )
  }, 60_000)

  it('goes on to the next way within a moment', () => {
    const ways = [
      { isRelay: false, answersAfterMs: 10, works: false, failsFirst: 0 },
      { isRelay: false, answersAfterMs: 10, works: true, failsFirst: 0 },
    ]
    const sim = new World([{ id: idOf(9), ways }], () => 0.5)
    sim.run(YIELD_DIAL_MS + 20)
    expect(sim.connected.get(idOf(9))).toBe('direct')
  })
})
