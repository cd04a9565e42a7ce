import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BandwidthBudget, ByteBudget } from '../src/bandwidth-budget.ts'
import { pattern, startPair } from './nodes.ts'

describe('a byte budget', () => {
  it('never lets more through than its rate and one burst allow', () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 60_000 }), fc.nat(500)), {
      minLength: 1,
      maxLength: 200,
    })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1_000, max: 1_000_000 }), (messages, rate) => {
        const budget = new ByteBudget()
        budget.setRate(rate, 0)
        let [nowMs, sent, largest] = [0, 0, 0]
        for (const [bytes, pauseMs] of messages) {
          nowMs += pauseMs
          const waitMs = budget.waitMs(nowMs)
          nowMs += waitMs
          if (budget.waitMs(nowMs) > 0) throw new Error('waiting was not enough')
          budget.charge(bytes, nowMs)
          sent += bytes
          largest = Math.max(largest, bytes)
        }
        // One message may be in debt, but never by more than a second's bytes are paid back.
        expect(sent - largest * 1.01).toBeLessThanOrEqual(
          rate + (rate * nowMs) / 1_000 + Math.max(0, largest - rate) * messages.length + 1,
        )
      }),
    )
  })

  it('is no limit at all without a rate', () => {
    const budget = new ByteBudget()
    budget.charge(1e12, 0)
    expect(budget.waitMs(0)).toBe(0)
  })
})

describe('the budget of a node', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('holds back bulk only, and serves who waits in turn', () => {
    const budget = new BandwidthBudget(() => performance.now())
    budget.setRate(1_000)
    budget.charge(1_500)
    expect(([0, 1, 2, 3] as const).map((priority) => budget.isHeldBack(priority))).toEqual([
      false,
      false,
      true,
      true,
    ])
    const served: string[] = []
    const wait = (name: string): void => {
      const callback = (): void => {
        served.push(name)
        budget.charge(1_000)
        if (served.length < 5) budget.whenOpen(callback)
      }
      budget.whenOpen(callback)
    }
    wait('a')
    wait('b')
    vi.advanceTimersByTime(499)
    expect(served).toEqual([])
    vi.advanceTimersByTime(3_600)
    expect(served).toEqual(['a', 'b', 'a', 'b'])
    budget.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets everything go when the limit is taken away', () => {
    const budget = new BandwidthBudget(() => performance.now())
    budget.setRate(1)
    budget.charge(1_000)
    const served = vi.fn<() => void>()
    budget.whenOpen(served)
    budget.setRate(undefined)
    expect(served).toHaveBeenCalledTimes(1)
    expect(budget.isHeldBack(3)).toBe(false)
    budget.close()
  })
})

/** Sends so many messages of 10,000 bytes, and says how long until all had arrived. */
async function transferMs(limited: 'sender' | 'receiver'): Promise<number> {
  const { a, b } = await startPair()
  const count = 500
  const arrived = Promise.withResolvers<void>()
  b.network.handle('/bulk/1', async (channel) => {
    let received = 0
    for await (const message of channel) if (message.length > 0 && ++received === count) break
    arrived.resolve()
  })
  const node = limited === 'sender' ? a : b
  node.network.setBandwidthLimit(2_000_000)
  expect(node.network.bandwidthLimit).toBe(2_000_000)
  const channel = a.network
    .session(b.key.peerId)!
    .openChannel('/bulk/1', { database: 'db', priority: 'low' })
  const beganAtMs = performance.now()
  for (let i = 0; i < count; i++) await channel.send(pattern(10_000, i))
  await arrived.promise
  return performance.now() - beganAtMs
}

describe('a node with a limit', () => {
  it('sends bulk no faster, whatever is queued', async () => {
    // 5 MB at 2 MB/s, of which one second's worth may go at once.
    expect(await transferMs('sender')).toBeGreaterThan(1_400)
  })

  it('receives bulk no faster: the peer gets its credit later', async () => {
    // As before, less the window of the channel, 1 MiB, which is filled before the peer has to wait.
    expect(await transferMs('receiver')).toBeGreaterThan(700)
  })

  it('does not hold back what a person waits for', async () => {
    const { a, b } = await startPair()
    b.network.handle('/echo/1', async (channel) => {
      for await (const message of channel) await channel.send(message)
    })
    b.network.handle('/bulk/1', () => {})
    a.network.setBandwidthLimit(1_000)
    const session = a.network.session(b.key.peerId)!
    const bulk = session.openChannel('/bulk/1', { database: 'db', priority: 'low' })
    let sent = 0
    const sending = (async () => {
      for (; sent < 100; sent++) await bulk.send(pattern(1_000))
    })().catch(() => {})
    const urgent = session.openChannel('/echo/1', { database: 'db', priority: 'high' })
    for (let i = 0; i < 20; i++) {
      await urgent.send(pattern(100, i))
      expect(await urgent.receive()).toEqual(pattern(100, i))
    }
    expect(sent).toBeLessThan(5)
    await a.network.disconnectPeer(b.key.peerId)
    await sending
  })
})
