import { simulate } from '@vudo/testing'
import { describe, expect, it } from 'vitest'
import { Books, SessionNode } from './simulated-node.ts'

const ids = { a: 'a'.repeat(64), b: 'b'.repeat(64) }

describe('sessions under cuts, crashes and partitions', () => {
  it('deliver every message once and in order, or end', () => {
    let resumed = 0
    let received = 0
    const summary = simulate({
      seeds: 20,
      faults: { cutRate: 0.01, crashRate: 0.0005 },
      run: (simulation) => {
        const books = new Books()
        simulation.addNode('a', (env) => {
          return new SessionNode({ env, peerId: ids.a, others: ids, books, dials: 'b' })
        })
        simulation.addNode('b', (env) => {
          return new SessionNode({ env, peerId: ids.b, others: ids, books, dials: 'a' })
        })
        simulation.invariant('once and in order', () => books.mistakes[0])
        simulation.run({ forMs: 4_000 })
        simulation.calm()
        const before = new Set(books.seenEnd)
        const isDone = (): boolean =>
          [...books.seenEnd].filter((end) => !before.has(end)).length >= 4
        simulation.run({ until: isDone, what: 'channels to end', withinMs: 60_000 })
        resumed += books.resumed
        for (const count of books.received.values()) received += count
      },
    })
    expect(summary.faultCounts.crash).toBeGreaterThan(5)
    expect(summary.faultCounts.cut).toBeGreaterThan(50)
    expect(resumed).toBeGreaterThan(50)
    expect(received).toBeGreaterThan(1_000)
  })

  it('gives the same run for the same seed', () => {
    const hashes = [0, 1].map(() => {
      let hash = ''
      simulate({
        seeds: [7],
        run: (simulation) => {
          const books = new Books()
          for (const [name, other] of [
            ['a', 'b'],
            ['b', 'a'],
          ] as const) {
            simulation.addNode(name, (env) => {
              return new SessionNode({ env, peerId: ids[name], others: ids, books, dials: other })
            })
          }
          simulation.run({ forMs: 1_000 })
          hash = simulation.traceHash()
        },
      })
      return hash
    })
    expect(hashes[0]).toBe(hashes[1])
  })
})
