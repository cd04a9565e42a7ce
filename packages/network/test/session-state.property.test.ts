import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Handshakes, type SessionEntry } from '../src/handshake.ts'
import { deriveDatabaseKey } from '../src/membership.ts'
import { Scheduler, type Schedulable } from '../src/scheduler.ts'
import type { SessionEffect } from '../src/session-io.ts'
import type { PriorityNumber } from '../src/wire.ts'

const [left, right] = ['1'.repeat(64), '2'.repeat(64)]

function node(peerId: string, instance: number): Handshakes {
  return new Handshakes({
    peerId,
    instance: new Uint8Array(16).fill(instance),
    maxFrameBytes: 16_384,
    maxSessions: 10,
    heartbeatIntervalMs: 15_000,
    resumeWindowMs: 60_000,
    unsharedGraceMs: 10_000,
    databases: () => [deriveDatabaseKey('db', new Uint8Array(32))],
    record: () => new Uint8Array(0),
  })
}

/** Two cores with a line between them that a test may cut at any frame. */
class Line {
  readonly #a = node(left, 1)
  readonly #b = node(right, 2)
  readonly a: SessionEntry
  readonly b: SessionEntry
  readonly heard: number[] = []
  #isUp = true
  #nonce = 1
  #nowMs = 0

  constructor() {
    const { a, b } = this.#shakeHands()
    this.a = a
    this.b = b
    this.flush()
  }

  /** Moves frames until nothing moves, or until `limit` frames have. */
  flush(limit = Infinity): void {
    for (let moved = 0; moved < limit && this.#isUp;) {
      this.#nowMs += 1
      const toB = this.a.state.takeFrame(this.#nowMs)
      if (toB) this.#note(this.b.state.handle({ type: 'frame', bytes: toB }, this.#nowMs), this.b)
      const toA = this.b.state.takeFrame(this.#nowMs)
      if (toA) this.#note(this.a.state.handle({ type: 'frame', bytes: toA }, this.#nowMs), this.a)
      if (!toA && !toB) return
      moved += 1
    }
  }

  /** The line breaks; up to `lost` frames were on their way. */
  cut(lost: number): void {
    for (let frame = 0; frame < lost; frame++) this.a.state.takeFrame(this.#nowMs)
    this.a.state.handle({ type: 'detach' }, this.#nowMs)
    this.b.state.handle({ type: 'detach' }, this.#nowMs)
    this.#isUp = false
  }

  restore(): void {
    if (this.#isUp) return
    this.#shakeHands()
    this.#isUp = true
  }

  #shakeHands(): { a: SessionEntry; b: SessionEntry } {
    const nonce = (): Uint8Array => new Uint8Array(32).fill(this.#nonce++)
    const { frame, pending } = this.#a.hello(right, nonce())
    const answer = this.#b.answer(left, frame, nonce(), this.#nowMs)
    if (answer.type === 'refused' || !answer.reply) throw new Error('refused')
    const outcome = this.#a.complete(pending, answer.reply, this.#nowMs)
    if (outcome.type === 'refused') throw outcome.error
    return { a: outcome.session, b: answer.session }
  }

  #note(effects: readonly SessionEffect[], entry: SessionEntry): void {
    for (const effect of effects) {
      if (effect.type === 'ended') throw effect.error
      if (effect.type !== 'message') continue
      this.heard.push(effect.bytes[0] ?? -1)
      const { channel, cost } = effect
      entry.state.handle({ type: 'consume', channel, cost }, this.#nowMs)
    }
  }
}

describe('a channel', () => {
  it('delivers once and in order wherever the line is cut', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('send' as const), size: fc.nat(40_000) }),
      fc.record({ do: fc.constant('flush' as const), size: fc.nat(4) }),
      fc.record({ do: fc.constant('cut' as const), size: fc.nat(3) }),
      fc.record({ do: fc.constant('restore' as const), size: fc.constant(0) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const line = new Line()
        const { state } = line.a
        const channel = state.nextChannel
        state.handle({ type: 'open', protocol: '/x/1', priority: 2, database: 'db' }, 0)
        let sent = 0
        for (const { do: what, size } of steps) {
          if (what === 'flush') line.flush(size)
          else if (what === 'cut') line.cut(size)
          else if (what === 'restore') line.restore()
          else if (state.channel(channel)?.isWritable) {
            const message = new Uint8Array(1 + size).fill(sent & 255)
            state.handle({ type: 'send', channel, message }, 0)
            sent += 1
          }
        }
        line.restore()
        line.flush()
        expect(line.heard).toEqual(Array.from({ length: sent }, (_, index) => index & 255))
      }),
      { numRuns: 200 },
    )
  })

  it('survives any bytes of the peer: nothing throws, the session goes on or ends', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), (frames) => {
        const { state } = new Line().b
        for (const bytes of frames) {
          const effects = state.handle({ type: 'frame', bytes }, 0)
          const ended = effects.find(({ type }) => type === 'ended')
          expect(ended !== undefined).toBe(effects.length > 0 && state.hasEnded)
        }
      }),
      { numRuns: 500 },
    )
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
