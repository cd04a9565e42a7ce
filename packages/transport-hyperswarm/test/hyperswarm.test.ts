import { randomUUID } from 'node:crypto'
import { afterAll, expect, it, onTestFinished, vi } from 'vitest'
import { deriveTopic } from '@vudo/topic'
import {
  createTransport,
  registeredTransports,
  type Connection,
  type Transport,
  type TransportConfig,
} from '@vudo/transport'
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { createContext } from './nodes.ts'

// Real sockets on a machine that may have other things to do.
vi.setConfig({ testTimeout: 30_000 })

const bootstrap = await startBootstrap()
afterAll(() => bootstrap.close())

function node(config: TransportConfig = {}): { id: string; transport: Transport } {
  const context = createContext({ bootstrapNodes: [bootstrap.address], ...config })
  const transport = hyperswarm()(context)
  onTestFinished(() => transport.disconnect())
  return { id: context.peerId, transport }
}

function newTopic(): Uint8Array {
  return deriveTopic(randomUUID())
}

function first(transport: Transport, topic: Uint8Array): Promise<Connection> {
  const joining = transport.connect(topic)[Symbol.asyncIterator]()
  return joining.next().then(({ value }) => value as Connection)
}

it('is registered under its name', () => {
  expect(registeredTransports()).toContain('hyperswarm')
  const config = { mode: 'hyperswarm', bootstrapNodes: [bootstrap.address] }
  expect(createTransport(config, createContext()).name).toBe('hyperswarm')
})

it.each([
  ['no bootstrap node', {}, /no node of the DHT/],
  ['a bootstrap node of another transport', { bootstrapNodes: ['tcp://127.0.0.1:1'] }, /no node/],
  ['a bootstrap node without a port', { bootstrapNodes: ['hyperswarm://localhost'] }, /localhost/],
  [
    'no DHT allowed',
    { bootstrapNodes: ['hyperswarm://127.0.0.1:1'], enableDht: false },
    /enableDht/,
  ],
])('refuses a configuration with %s', (_what, config, message) => {
  expect(() => createTransport({ mode: 'hyperswarm', ...config }, createContext())).toThrow(
    expect.objectContaining({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    }),
  )
})

it('brings six pairs together that join at the same moment, each by one connection', async () => {
  const pairs = Array.from({ length: 6 }, () => ({ a: node(), b: node(), topic: newTopic() }))
  await Promise.all(
    pairs.map(async ({ a, b, topic }) => {
      const [ab, ba] = await Promise.all([first(a.transport, topic), first(b.transport, topic)])
      expect([ab.peerId, ba.peerId]).toEqual([b.id, a.id])
      await ab.send(Uint8Array.of(1))
      expect(await ba.receive()).toEqual(Uint8Array.of(1))
    }),
  )
})

it('brings everybody of a topic together when all join at the same moment', async () => {
  const [topic, all] = [newTopic(), Array.from({ length: 6 }, () => node())]
  await Promise.all(
    all.map(async ({ id, transport }) => {
      const met = new Map<string, Connection>()
      for await (const connection of transport.connect(topic)) {
        expect(met.has(connection.peerId)).toBe(false)
        met.set(connection.peerId, connection)
        if (met.size === all.length - 1) break
      }
      expect(met.has(id)).toBe(false)
    }),
  )
})

it('shares one connection between topics', async () => {
  const [a, b] = [node(), node()]
  const [one, two] = [newTopic(), newTopic()]
  const connections = await Promise.all([first(a.transport, one), first(b.transport, one)])
  expect(await Promise.all([first(a.transport, two), first(b.transport, two)])).toEqual(connections)
})

it('dials a peer of the bootstrap list, and never a node of the DHT', async () => {
  const [topic, b] = [newTopic(), node()]
  await b.transport.listen()
  const a = node({ bootstrapNodes: [bootstrap.address, ...b.transport.addresses] })
  const joinedB = b.transport.connect(topic, { admit: () => false })[Symbol.asyncIterator]()
  const [connection, { value }] = await Promise.all([first(a.transport, topic), joinedB.next()])
  expect(connection.peerId).toBe(b.id)
  expect((value as Connection).peerId).toBe(a.id)
})

it('keeps to maxConnections', async () => {
  const [topic, hub] = [newTopic(), node({ maxConnections: 1 })]
  const meeting = first(hub.transport, topic)
  const friend = node()
  await Promise.all([meeting, first(friend.transport, topic)])
  const late = node()
  await late.transport.listen()
  const connection = await late.transport.dial(hub.transport.addresses[0] ?? '')
  expect(await connection.closed).toMatchObject({ clean: false, error: { code: 'ERR_LIMIT' } })
})
