import type { KeyPair } from 'hyperdht'
import { expect, it } from 'vitest'
import { createAnnouncements, type Announcements } from '../src/announcements.ts'
import {
  ANNOUNCE_INTERVAL_MS,
  FIRST_ANNOUNCE_INTERVAL_MS,
  MAX_ANNOUNCE_RETRY_MS,
} from '../src/limits.ts'
import { createFakeDht, type FakeDht } from './fake-dht.ts'
import { createVirtualRuntime, type VirtualRuntime } from './virtual-runtime.ts'

const topic = new Uint8Array(32).fill(1)
const other = new Uint8Array(32).fill(2)

function create(
  random: number,
): FakeDht & { announcements: Announcements; runtime: VirtualRuntime } {
  const fake = createFakeDht()
  const runtime = createVirtualRuntime(random)
  const announcements = createAnnouncements({
    dht: fake.dht,
    keyPair: {} as KeyPair,
    relayAddresses: () => [],
    runtime,
  })
  return Object.assign(fake, { announcements, runtime })
}

/** Lets promises that have nothing to wait for settle. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it.each([
  [0, 1],
  [0.999, 1.1998],
])('announces again, soon and later and later, spread by chance (%d)', async (random, factor) => {
  const { announcements, runtime, asked } = create(random)
  await announcements.announce(topic, {})
  expect(runtime.next()).toBeCloseTo(factor * FIRST_ANNOUNCE_INTERVAL_MS)
  await turn()
  expect(asked).toEqual(['announce, clear', 'announce'])
  expect(runtime.next()).toBeCloseTo(factor * 2 * FIRST_ANNOUNCE_INTERVAL_MS)
  for (let round = 0; round < 8; round++) {
    await turn()
    expect(runtime.delays).toHaveLength(1)
    runtime.next()
  }
  await turn()
  expect(runtime.next()).toBeCloseTo(factor * ANNOUNCE_INTERVAL_MS)
})

it('says that nobody answers, and tries again later and later', async () => {
  const fake = create(0.5)
  const { announcements, runtime } = fake
  fake.isThere = false
  await expect(announcements.announce(topic, {})).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
  const delays: (number | undefined)[] = []
  for (let round = 0; round < 8; round++) {
    delays.push(runtime.next())
    await turn()
  }
  expect(delays.slice(0, 3)).toEqual([1_000, 2_000, 4_000])
  expect(delays.at(-1)).toBe(MAX_ANNOUNCE_RETRY_MS)
  fake.isThere = true
  runtime.next()
  await turn()
  expect(runtime.delays[0]).toBeCloseTo(1.1 * FIRST_ANNOUNCE_INTERVAL_MS)
})

it('says everything again soon on another network', async () => {
  const { announcements, runtime } = create(0)
  await Promise.all([announcements.announce(topic, {}), announcements.announce(other, {})])
  announcements.refresh()
  expect(runtime.delays).toEqual([500, 500])
})

it('takes back what was announced, once, and forgets its timer', async () => {
  const { announcements, runtime, asked } = create(0)
  await announcements.announce(topic, {})
  await Promise.all([announcements.withdraw(topic), announcements.withdraw(topic)])
  await announcements.withdraw(other)
  expect(asked).toEqual(['announce, clear', 'unannounce'])
  expect(runtime.delays).toEqual([])
})

it('takes back without an answer, and leaves no timer when it is closed', async () => {
  const fake = create(0)
  await Promise.all([
    fake.announcements.announce(topic, {}),
    fake.announcements.announce(other, {}),
  ])
  fake.isThere = false
  await fake.announcements.withdraw(topic)
  fake.announcements.close()
  expect(fake.runtime.delays).toEqual([])
})

it('rejects with the reason of the signal', async () => {
  const { announcements } = create(0)
  const signal = AbortSignal.abort('enough')
  await expect(announcements.announce(topic, { signal })).rejects.toBe('enough')
})
