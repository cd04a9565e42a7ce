/** Two cores and lines between them that take their time: a slow path that becomes fast is found. */
import { describe, expect, it } from 'vitest'
import type { SessionEntry } from '../src/handshake.ts'
import { REMEASURE_MS } from '../src/limits.ts'
import type { SessionEffect, SessionInput } from '../src/session-io.ts'
import { frameKind } from '../src/frames.ts'
import { createHandshakes } from './handshakes.ts'

type Side = 'a' | 'b'
const far = { a: 'b', b: 'a' } as const
const ids = { a: '1'.repeat(64), b: '2'.repeat(64) }

interface Line {
  readonly transport: string
  readonly path: Readonly<Record<Side, number>>
  /** Milliseconds one way. */
  delayMs: number
  pings: number
}

interface Arrival {
  readonly atMs: number
  readonly line: Line
  readonly side: Side
  readonly bytes: Uint8Array
}

class SlowLines {
  readonly #nodes = {
    a: createHandshakes(ids.a, { maxFrameBytes: 65_536 }),
    b: createHandshakes(ids.b, { maxFrameBytes: 65_536 }),
  }
  #entries: Readonly<Record<Side, SessionEntry>> | undefined
  readonly #lines: Line[] = []
  #arrivals: Arrival[] = []
  #nonce = 1
  #nowMs = 0

  /** The transport that carries what is urgent, as an end sees it. */
  best(side: Side): string | undefined {
    const id = this.#state(side).bestPath
    return this.#lines.find(({ path }) => path[side] === id)?.transport
  }

  join(transport: string, delayMs: number): Line {
    const nonce = (): Uint8Array => new Uint8Array(32).fill(this.#nonce++)
    const { frame, pending } = this.#nodes.a.hello(ids.b, nonce())
    const answer = this.#nodes.b.answer(ids.a, frame, nonce(), this.#nowMs)
    if (answer.type === 'refused' || !answer.reply) throw new Error('refused')
    const outcome = this.#nodes.a.complete(pending, answer.reply, this.#nowMs)
    if (outcome.type === 'refused') throw outcome.error
    this.#entries = { a: outcome.session, b: answer.session }
    const line = { transport, path: { a: outcome.path, b: answer.path }, delayMs, pings: 0 }
    this.#lines.push(line)
    const info = { transport, isRelayed: transport === 'relay', isBulk: true }
    for (const side of sides) {
      const described = { ...info, isOutbound: side === 'a' }
      this.#apply(side, { type: 'describe', path: line.path[side], info: described })
    }
    return line
  }

  /** Both ends send a small message now and then, unless nobody has anything to say. */
  run(forMs: number, isBusy = true): void {
    const untilMs = this.#nowMs + forMs
    for (; this.#nowMs < untilMs; this.#nowMs += 1) {
      for (const side of sides) {
        if (isBusy && this.#nowMs % 100 === 0) this.#say(side)
        this.#apply(side, { type: 'timer' })
        this.#take(side)
      }
      const due = this.#arrivals.filter(({ atMs }) => atMs <= this.#nowMs)
      this.#arrivals = this.#arrivals.filter(({ atMs }) => atMs > this.#nowMs)
      for (const { line, side, bytes } of due) {
        this.#apply(side, { type: 'frame', path: line.path[side], bytes })
      }
    }
  }

  #say(side: Side): void {
    const own = side === 'a' ? 1 : 2
    const state = this.#state(side)
    // Before both have shown their proofs nothing may be opened.
    if (state.shared.size === 0) return
    if (state.nextChannel === own) {
      this.#apply(side, { type: 'open', protocol: '/x/1', priority: 0, database: 'db' })
    }
    this.#apply(side, { type: 'send', channel: own, message: new Uint8Array(20) })
  }

  #take(side: Side): void {
    for (const line of this.#lines) {
      for (;;) {
        const frame = this.#state(side).takeFrame(line.path[side], this.#nowMs)
        if (frame === undefined) break
        if (frame[0] === frameKind.ping) line.pings += 1
        const atMs = this.#nowMs + line.delayMs
        this.#arrivals.push({ atMs, line, side: far[side], bytes: frame.slice() })
      }
    }
  }

  #state(side: Side): SessionEntry['state'] {
    if (this.#entries === undefined) throw new Error('no line yet')
    return this.#entries[side].state
  }

  #apply(side: Side, input: SessionInput): void {
    this.#perform(side, this.#state(side).handle(input, this.#nowMs))
  }

  #perform(side: Side, effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'ended') throw effect.error
      if (effect.type !== 'message') continue
      this.#apply(side, { type: 'consume', channel: effect.channel, cost: effect.cost })
    }
  }
}

const sides: readonly Side[] = ['a', 'b']

describe('a direct path that was slow when it was first measured', () => {
  it('is measured again, and takes over in both directions when it has become fast', () => {
    const lines = new SlowLines()
    lines.join('relay', 20)
    const direct = lines.join('tcp', 200)
    lines.run(2_000)
    expect(sides.map((side) => lines.best(side))).toEqual(['relay', 'relay'])
    direct.delayMs = 2
    lines.run(REMEASURE_MS + 1_000)
    expect(sides.map((side) => lines.best(side))).toEqual(['tcp', 'tcp'])
  })

  it('stays unused while it is slow, for one small frame each way now and then', () => {
    const lines = new SlowLines()
    lines.join('relay', 20)
    const direct = lines.join('tcp', 200)
    lines.run(2_000)
    const before = direct.pings
    lines.run(6 * REMEASURE_MS)
    expect(sides.map((side) => lines.best(side))).toEqual(['relay', 'relay'])
    expect(direct.pings - before).toBeGreaterThanOrEqual(10)
    expect(direct.pings - before).toBeLessThanOrEqual(14)
  })

  it('is left alone while nobody says anything', () => {
    const lines = new SlowLines()
    lines.join('relay', 20)
    const direct = lines.join('tcp', 200)
    lines.run(REMEASURE_MS + 2_000)
    lines.run(1_000, false)
    const before = direct.pings
    // Less than the heartbeat's interval after what was heard on it last.
    lines.run(2 * REMEASURE_MS, false)
    expect(direct.pings - before).toBeLessThanOrEqual(2)
  })
})
