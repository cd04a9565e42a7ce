import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SessionEntry } from '../src/handshake.ts'
import { Scheduler, type Schedulable } from '../src/scheduler.ts'
import type { SessionEffect, SessionInput } from '../src/session-io.ts'
import type { PriorityNumber } from '../src/frames.ts'
import { createHandshakes } from './handshakes.ts'

const [left, right] = ['1'.repeat(64), '2'.repeat(64)]

type Side = 'a' | 'b'

/** One connection: what is on its way in each direction, in order. */
interface Line {
  readonly path: Readonly<Record<Side, number>>
  readonly towards: Readonly<Record<Side, Uint8Array[]>>
  /** Nothing arrives any more, and nobody is told. */
  isDead: boolean
}

/** Two cores with any number of lines between them, which break and fall silent as a test likes. */
class Lines {
  readonly #a = createHandshakes(left)
  readonly #b = createHandshakes(right)
  readonly sides: Record<Side, SessionEntry>
  readonly heard: number[] = []
  /** When `a` was told that no path answers. */
  silentAtMs: number | undefined
  readonly #version: number
  #lines: Line[] = []
  #nonce = 1
  #nowMs = 0

  /** @param version - The newest one that `a` offers. */
  constructor(version = 2) {
    this.#version = version
    this.sides = this.#join()
    this.settle()
  }

  get count(): number {
    return this.#lines.length
  }

  /** What the paths of both ends believe to be on its way. */
  get underWayBytes(): number {
    const paths = ends.flatMap(([side]) =>
      this.#lines.map((line) => this.sides[side].state.path(line.path[side])),
    )
    return paths.reduce((sum, path) => sum + (path?.underWayBytes ?? 0), 0)
  }

  /** True when `a` has a question for every line that it has not answered yet. */
  get isAsking(): boolean {
    return this.#lines.every(({ path }) => this.sides.a.state.path(path.a)?.isPingDue)
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** One more connection. */
  join(transport: string): void {
    if (this.#lines.length < 4) this.#join(transport)
  }

  /** Takes frames of both ends and brings up to `limit` of them to where they go, on one line. */
  move(at: number, limit: number): void {
    const line = this.#lines[at % this.#lines.length]
    if (line === undefined) return
    for (const [side, far] of ends) this.#take(line, side, far, limit)
    if (line.isDead) return
    for (const [side, far] of ends) {
      for (const bytes of line.towards[far].splice(0, limit)) this.#hear(line, far, bytes)
      void side
    }
  }

  /** A line breaks: both ends are told, and what was on its way is lost. */
  cut(at: number): void {
    const line = this.#lines[at % this.#lines.length]
    if (line !== undefined) this.#remove(line)
  }

  /** A line falls silent, and nobody is told. */
  kill(at: number): void {
    const line = this.#lines[at % this.#lines.length]
    if (line !== undefined) line.isDead = true
  }

  pass(ms: number): void {
    this.#nowMs += ms
    for (const [side] of ends) this.#apply(side, { type: 'timer' })
  }

  /** Moves everything over all lines until nothing moves for two minutes. */
  settle(): void {
    for (let round = 0; round < 400; round++) {
      if (this.#lines.length === 0) this.#join()
      for (let at = this.#lines.length - 1; at >= 0; at--) this.move(at, 1_000)
      this.pass(300)
    }
  }

  apply(side: Side, input: SessionInput): void {
    this.#apply(side, input)
  }

  #take(line: Line, side: Side, far: Side, limit: number): void {
    const { state } = this.sides[side]
    for (let taken = 0; taken < limit; taken++) {
      const frame = state.takeFrame(line.path[side], this.#nowMs)
      if (frame === undefined) return
      line.towards[far].push(frame.slice())
    }
  }

  #hear(line: Line, side: Side, bytes: Uint8Array): void {
    this.#nowMs += 0.01
    this.#apply(side, { type: 'frame', path: line.path[side], bytes })
  }

  #apply(side: Side, input: SessionInput): void {
    this.#note(side, this.sides[side].state.handle(input, this.#nowMs))
  }

  #remove(line: Line): void {
    if (!this.#lines.includes(line)) return
    this.#lines = this.#lines.filter((other) => other !== line)
    for (const [side] of ends) this.#apply(side, { type: 'detach', path: line.path[side] })
  }

  #join(transport = 'tcp'): Record<Side, SessionEntry> {
    const nonce = (): Uint8Array => new Uint8Array(32).fill(this.#nonce++)
    const { frame, pending } = this.#a.hello(right, nonce())
    // The byte of the highest version.
    frame[2] = this.#version
    const answer = this.#b.answer(left, frame, nonce(), this.#nowMs)
    if (answer.type === 'refused' || !answer.reply) throw new Error('refused')
    const outcome = this.#a.complete(pending, answer.reply, this.#nowMs)
    if (outcome.type === 'refused') throw outcome.error
    const towards = { a: [], b: [] }
    const line = { path: { a: outcome.path, b: answer.path }, towards, isDead: false }
    this.#lines.push(line)
    const sides = { a: outcome.session, b: answer.session }
    const info = { transport, isRelayed: transport === 'relay', isBulk: transport !== 'relay' }
    for (const [side] of ends) {
      sides[side].state.handle(
        {
          type: 'describe',
          path: line.path[side],
          info: { ...info, isOutbound: side === 'a' },
        },
        this.#nowMs,
      )
    }
    return sides
  }

  #note(side: Side, effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'ended') throw effect.error
      if (effect.type === 'silent' && side === 'a') this.silentAtMs ??= this.#nowMs
      if (effect.type === 'drop-path') {
        const line = this.#lines.find(({ path }) => path[side] === effect.path)
        if (line !== undefined) this.#remove(line)
      }
      if (effect.type !== 'message') continue
      this.heard.push(effect.bytes[0] ?? -1)
      const { channel, cost } = effect
      this.#apply(side, { type: 'consume', channel, cost })
    }
  }
}

const ends: readonly (readonly [Side, Side])[] = [
  ['a', 'b'],
  ['b', 'a'],
]

const whichLine = fc.nat(3)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), size: fc.nat(40_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('move' as const), at: whichLine, size: fc.nat(4) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      transport: fc.constantFrom('tcp', 'libp2p', 'relay'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), at: whichLine }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), at: whichLine }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), size: fc.nat(2_000) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'open' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'doubt' as const }) },
)

describe('a channel', () => {
  it('delivers once and in order whichever lines break, fall silent, join and overtake', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const lines = new Lines()
        const { state } = lines.sides.a
        let channel = state.nextChannel
        const open = { type: 'open', protocol: '/x/1', database: 'db' } as const
        lines.apply('a', { ...open, priority: 2 })
        const asked: boolean[] = []
        let sent = 0
        for (const now of steps) {
          if (now.do === 'move') lines.move(now.at, now.size)
          else if (now.do === 'cut') lines.cut(now.at)
          else if (now.do === 'kill') lines.kill(now.at)
          else if (now.do === 'join') lines.join(now.transport)
          else if (now.do === 'pass') lines.pass(now.size)
          else if (now.do === 'doubt') {
            lines.apply('a', { type: 'doubt' })
            asked.push(lines.isAsking)
          } else if (now.do === 'open') {
            // What was sent before must have been heard: order holds per channel only.
            lines.settle()
            lines.apply('a', { type: 'end', channel })
            channel = state.nextChannel
            lines.apply('a', { ...open, priority: sent % 2 === 0 ? 0 : 3 })
          } else if (state.channel(channel)?.isWritable) {
            const message = new Uint8Array(1 + now.size).fill(sent & 255)
            lines.apply('a', { type: 'send', channel, message })
            sent += 1
          }
        }
        lines.settle()
        expect(asked).not.toContain(false)
        expect(lines.underWayBytes).toBe(0)
        expect(lines.heard).toEqual(Array.from({ length: sent }, (_, index) => index & 255))
      }),
      { numRuns: 150 },
    )
  })

  it('delivers once and in order over one line after the other, with a peer of version 1', () => {
    const steps = step.filter((now) => ['send', 'move', 'cut', 'pass'].includes(now.do))
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (all) => {
        const lines = new Lines(1)
        const { state } = lines.sides.a
        expect(state.isShared).toBe(false)
        const channel = state.nextChannel
        lines.apply('a', { type: 'open', protocol: '/x/1', database: 'db', priority: 2 })
        let sent = 0
        for (const now of all) {
          if (lines.count === 0) lines.join('tcp')
          if (now.do === 'move') lines.move(now.at, now.size)
          else if (now.do === 'cut') lines.cut(now.at)
          else if (now.do === 'pass') lines.pass(now.size)
          else if (now.do === 'send' && state.channel(channel)?.isWritable) {
            const message = new Uint8Array(1 + now.size).fill(sent & 255)
            lines.apply('a', { type: 'send', channel, message })
            sent += 1
          }
        }
        lines.settle()
        expect(lines.heard).toEqual(Array.from({ length: sent }, (_, index) => index & 255))
      }),
      { numRuns: 100 },
    )
  })

  it('survives any bytes of the peer: nothing throws, the session goes on or ends', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), (frames) => {
        const { state } = new Lines().sides.b
        for (const bytes of frames) {
          const effects = state.handle({ type: 'frame', path: 1, bytes }, 0)
          const ended = effects.find(({ type }) => type === 'ended')
          expect(ended !== undefined).toBe(state.hasEnded && effects.length > 0)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a session whose machine woke up, or is in another network', () => {
  it.each([1, 2])('asks at once on the one path that it has, with version %i', (version) => {
    const lines = new Lines(version)
    lines.apply('a', { type: 'doubt' })
    expect(lines.isAsking).toBe(true)
    expect(lines.sides.a.state.path(1)?.isUsable).toBe(false)
    lines.move(0, 10)
    lines.move(0, 10)
    expect(lines.sides.a.state.path(1)?.isUsable).toBe(true)
    expect(lines.silentAtMs).toBeUndefined()
  })

  it('knows as soon as an answer is overdue that its one path is dead, also when nothing is under way', () => {
    const lines = new Lines()
    lines.kill(0)
    const beganAtMs = lines.nowMs
    const { patienceMs } = lines.sides.a.state.path(1)!.meter
    lines.apply('a', { type: 'doubt' })
    while (lines.silentAtMs === undefined && lines.nowMs < beganAtMs + 60_000) {
      lines.move(0, 10)
      lines.pass(10)
    }
    expect(lines.silentAtMs! - beganAtMs).toBeLessThanOrEqual(patienceMs + 10)
  })

  it('does not count what it asked before', () => {
    const lines = new Lines()
    lines.kill(0)
    const { patienceMs } = lines.sides.a.state.path(1)!.meter
    // Asked after the silence of an interval, and then the machine slept: nobody had the time to answer.
    lines.pass(15_000)
    lines.move(0, 10)
    lines.pass(patienceMs - 1)
    lines.apply('a', { type: 'doubt' })
    lines.pass(2)
    expect(lines.silentAtMs).toBeUndefined()
  })
})

interface Item extends Schedulable<Item> {
  isReady: boolean
}

describe('the scheduler', () => {
  it('serves critical first, then 4 : 2 : 1', () => {
    const scheduler = new Scheduler<Item>()
    const served = [0, 0, 0, 0]
    const items = ([1, 2, 3] as PriorityNumber[]).map((priority): Item => {
      return { priority, isReady: true, isQueued: false, following: undefined }
    })
    for (const item of items) scheduler.wake(item)
    const urgent: Item = { priority: 0, isReady: true, isQueued: false, following: undefined }
    scheduler.wake(urgent)
    expect(scheduler.next()).toBe(urgent)
    urgent.isReady = false
    scheduler.charge(urgent, 1_000)
    for (let turn = 0; turn < 700; turn++) {
      const item = scheduler.next()
      if (item === undefined) throw new Error('nothing to serve')
      served[item.priority] = (served[item.priority] ?? 0) + 1
      scheduler.charge(item, 1_000)
    }
    expect(served[1]).toBeGreaterThan(390)
    expect(served[2]).toBeGreaterThan(190)
    expect(served[3]).toBeGreaterThan(90)
  })
})
