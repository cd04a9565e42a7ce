import { expect, it } from 'vitest'
import {
  MAX_LOOK_DELAY_MS,
  MAX_LOOKUP_PEERS,
  MAX_LOOKUP_ROUNDS,
  MAX_RELAYS_PER_PEER,
} from '../src/limits.ts'
import { createSearch } from '../src/search.ts'
import { createFakeDht } from './fake-dht.ts'
import { createVirtualRuntime } from './virtual-runtime.ts'

const topic = new Uint8Array(32).fill(1)
const relay = { host: '127.0.0.1', port: 1 }

function peers(
  from: number,
  count: number,
): { publicKey: Buffer; relayAddresses: (typeof relay)[] }[] {
  return Array.from({ length: count }, (_, n) => {
    const publicKey = Buffer.alloc(32)
    publicKey.writeUInt32BE(from + n)
    return { publicKey, relayAddresses: Array.from({ length: 9 }, () => relay) }
  })
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('asks once where a node of the DHT gives all it knows', async () => {
  const fake = createFakeDht()
  fake.peers = () => [...peers(1, 3), ...peers(1, 3)]
  const search = createSearch(fake.dht, createVirtualRuntime(0))
  const found = await search.lookup(topic, {})
  expect(found.map(({ address }) => address)).toEqual(found.map(({ id }) => `hyperswarm://${id}`))
  expect(found).toHaveLength(3)
  expect(fake.asked).toHaveLength(1)
  const relays = found.map(({ id }) => search.relayAddressesOf(id).length)
  expect(relays).toEqual(Array(3).fill(MAX_RELAYS_PER_PEER))
  expect(search.relayAddressesOf('nobody')).toEqual([])
})

it('asks again while answers are full and bring new peers, and stops', async () => {
  const fake = createFakeDht()
  let from = 0
  fake.peers = () => peers((from += 10), 20)
  const search = createSearch(fake.dht, createVirtualRuntime(0))
  expect(await search.lookup(topic, {})).toHaveLength(50)
  expect(fake.asked).toHaveLength(MAX_LOOKUP_ROUNDS)
  fake.peers = () => peers(1, 20)
  await search.lookup(topic, {})
  expect(fake.asked).toHaveLength(MAX_LOOKUP_ROUNDS + 2)
})

it('takes no more peers than its limit from whoever answers', async () => {
  const fake = createFakeDht()
  fake.peers = () => peers(1, 10_000)
  const search = createSearch(fake.dht, createVirtualRuntime(0))
  expect(await search.lookup(topic, {})).toHaveLength(MAX_LOOKUP_PEERS)
})

it('says that nobody answers', async () => {
  const fake = createFakeDht()
  fake.isThere = false
  const search = createSearch(fake.dht, createVirtualRuntime(0))
  await expect(search.lookup(topic, {})).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
})

it.each([
  [0, 500],
  [0.5, 750],
  [0.999, 999.5],
])(
  'looks again half a second to a second after joining, then later and later (%d)',
  async (random, firstMs) => {
    const fake = createFakeDht()
    const runtime = createVirtualRuntime(random)
    const search = createSearch(fake.dht, runtime)
    const controller = new AbortController()
    const watching = search.watch(topic, controller.signal)[Symbol.asyncIterator]().next()
    const delays: number[] = []
    for (let look = 0; look < 14; look++) {
      await turn()
      delays.push(runtime.next() ?? Number.NaN)
      await turn()
      expect(fake.asked).toHaveLength(look + 1)
    }
    expect(delays[0]).toBeCloseTo(firstMs)
    expect(delays[1]).toBeCloseTo(2 * firstMs)
    expect(delays.at(-1)).toBeCloseTo((firstMs / 750) * MAX_LOOK_DELAY_MS)
    controller.abort()
    expect((await watching).done).toBe(true)
    expect(runtime.delays).toEqual([])
  },
)

it('looks at once when this node has been announced, and goes on where it was', async () => {
  const fake = createFakeDht()
  const runtime = createVirtualRuntime(0.5)
  const search = createSearch(fake.dht, runtime)
  const controller = new AbortController()
  fake.peers = () => peers(1, 1)
  const watching = search.watch(topic, controller.signal)[Symbol.asyncIterator]()
  const first = watching.next()
  await turn()
  search.wake(new Uint8Array(32))
  expect(fake.asked).toEqual([])
  search.wake(topic)
  expect((await first).value).toMatchObject({ address: expect.stringContaining('hyperswarm://') })
  const second = watching.next()
  await turn()
  expect(runtime.delays).toEqual([750])
  controller.abort()
  expect((await second).done).toBe(true)
})
