import { openMemoryStore } from '@vudo/storage'
import { expect, test, vi } from 'vitest'
import { Engine, type SyncChannel } from '../src/engine.ts'
import type * as Limits from '../src/limits.ts'
import { MessageRate } from '../src/message-rate.ts'
import { encodeMessage } from '../src/wire.ts'
import { keyOf } from './replica-lab.ts'

vi.mock('../src/limits.ts', async (original) => ({
  ...(await original<typeof Limits>()),
  MAX_MESSAGE_BURST: 10,
  // One in a thousand seconds: nothing comes back during the test.
  MAX_MESSAGES_PER_SECOND: 0.001,
}))

test('takes a burst at once, and then one message at a time', () => {
  const rate = new MessageRate(0)
  const burst = Array.from({ length: 10 }, () => rate.take(0))
  expect(burst).toEqual(Array.from({ length: 10 }, () => 0))
  expect(rate.take(0)).toBe(1_000_000)
  expect(rate.take(1_000_000)).toBe(1_000_000)
  expect(rate.take(5_000_000)).toBe(0)
  // However long it was quiet, the burst is no larger.
  const later = Array.from({ length: 11 }, () => rate.take(1e12))
  expect(later.filter((delay) => delay > 0)).toHaveLength(1)
})

test('a peer beyond its rate waits, through whatever channel it speaks, and nobody else', async () => {
  const engine = await Engine.open({
    database: 'x',
    store: await openMemoryStore(),
    author: keyOf('a'),
    peerId: keyOf('node a').authorId,
    runId: new Uint8Array(16),
    now: Date.now,
    onEvent: () => {},
  })
  const message = encodeMessage({ type: 'received', id: '11'.repeat(16), heads: [] })
  const position = { run: '00'.repeat(16), arrival: 0 }
  const hello = encodeMessage({ type: 'hello', run: position.run, position, certificates: [] })
  const spoken: Promise<void>[] = []
  /** Sends without end. @returns How much was asked for when it stops. */
  const flood = async (name: string): Promise<number> => {
    let asked = 0
    const channel: SyncChannel = {
      send: async () => {},
      receive: async () => (++asked === 1 ? hello : message),
      reset: () => {},
    }
    spoken.push(engine.speak(keyOf(name).authorId, channel))
    // Everything that is not held back by the rate runs within microtasks.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    return asked
  }
  expect(await flood('evil')).toBe(11)
  expect(await flood('evil')).toBe(1)
  expect(await flood('honest')).toBe(11)
  expect([...engine.replica.exchange.peers.values()].map(({ isReady }) => isReady)).toEqual([
    true,
    false,
    true,
  ])
  await engine.close()
})
