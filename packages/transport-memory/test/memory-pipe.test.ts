import { describe, expect, it } from 'vitest'
import { MAX_PIPE_MESSAGES } from '../src/limits.ts'
import { createPipePair, type MemoryWeather } from '../src/memory-pipe.ts'
import { createRandom } from '../src/random.ts'

const calm: MemoryWeather = {
  delayMs: () => 0,
  isLost: () => false,
  nowMs: () => 0,
  setTimer: () => () => {},
}

describe('createPipePair', () => {
  it('carries messages in order, in buffers of their own', async () => {
    const [near, far] = createPipePair(calm)
    const message = Uint8Array.of(1)
    await near.send(message)
    message[0] = 9
    await near.send(Uint8Array.of(2))
    expect([await far.receive(), await far.receive()]).toEqual([Uint8Array.of(1), Uint8Array.of(2)])
  })

  it('lets the sender wait while nobody reads', async () => {
    const [near, far] = createPipePair(calm)
    for (let count = 1; count < MAX_PIPE_MESSAGES; count += 1) await near.send(Uint8Array.of(1))
    let hasSettled = false
    const last = near.send(Uint8Array.of(1)).then(() => (hasSettled = true))
    await new Promise(setImmediate)
    expect(hasSettled).toBe(false)
    await far.receive()
    expect(await last).toBe(true)
  })

  it('delivers what was under way, then ends at both ends', async () => {
    const [near, far] = createPipePair(calm)
    await near.send(Uint8Array.of(1))
    await near.close()
    expect(await far.receive()).toEqual(Uint8Array.of(1))
    expect(await far.receive()).toBeUndefined()
    expect(await near.receive()).toBeUndefined()
    await expect(far.send(Uint8Array.of(1))).rejects.toThrow('ended')
    await far.ended
  })

  it('is cut by a lost message', async () => {
    const [near, far] = createPipePair({ ...calm, isLost: () => true })
    const waiting = far.receive()
    await expect(near.send(Uint8Array.of(1))).rejects.toThrow('ended')
    expect(await waiting).toBeUndefined()
  })

  it('keeps the order although delays differ', async () => {
    let nowMs = 0
    const delays = [50, 10]
    const timers: { dueMs: number; run: () => void }[] = []
    const [near, far] = createPipePair({
      delayMs: () => delays.shift() ?? 0,
      isLost: () => false,
      nowMs: () => nowMs,
      setTimer: (delayMs, run) => {
        timers.push({ dueMs: nowMs + delayMs, run })
        return () => {}
      },
    })
    await near.send(Uint8Array.of(1))
    await near.send(Uint8Array.of(2))
    const both = Promise.all([far.receive(), far.receive()])
    expect(timers[0]?.dueMs).toBe(50)
    nowMs = 50
    timers[0]?.run()
    expect(await both).toEqual([Uint8Array.of(1), Uint8Array.of(2)])
  })

  it('leaves the message for the next when a reader gives up', async () => {
    const [near, far] = createPipePair(calm)
    const controller = new AbortController()
    const reader = far.receive({ signal: controller.signal })
    controller.abort('enough')
    await expect(reader).rejects.toBe('enough')
    await near.send(Uint8Array.of(1))
    expect(await far.receive()).toEqual(Uint8Array.of(1))
  })
})

describe('createRandom', () => {
  it('repeats itself for the same seed, between 0 and 1', () => {
    const [one, two, other] = [createRandom(7), createRandom(7), createRandom(8)].map((random) =>
      Array.from({ length: 1_000 }, random),
    )
    expect(one).toEqual(two)
    expect(one).not.toEqual(other)
    expect(one?.every((value) => value >= 0 && value < 1)).toBe(true)
  })
})
