import { afterEach, describe, expect, it } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { secureLink } from '@vudo/secure-channel'
import { deriveTopic } from '@vudo/topic'
import {
  createTransport,
  parseTransportConfig,
  type Connection,
  type Transport,
  type TransportContext,
  type TransportFactory,
} from '@vudo/transport'
import { createMemoryMedium, createRandom, memory } from '@vudo/transport-memory'

const topic = deriveTopic('memory-test')
const open: Transport[] = []

afterEach(() => Promise.all(open.splice(0).map((transport) => transport.disconnect())))

function createContext(): TransportContext {
  const key = createNodeKey()
  return {
    peerId: key.peerId,
    seed: key.seed,
    settings: parseTransportConfig(),
    discoveries: [],
    signRecord: () => {
      throw new Error('memory needs no records')
    },
    secure: (pipe, options) => secureLink(pipe, { ...options, key }),
  }
}

function createNode(factory: TransportFactory): { id: string; node: Transport } {
  const context = createContext()
  const node = factory(context)
  open.push(node)
  return { id: context.peerId, node }
}

function join(node: Transport): AsyncIterator<Connection> {
  return node.connect(topic)[Symbol.asyncIterator]()
}

async function next(iterator: AsyncIterator<Connection>): Promise<Connection> {
  const { value, done } = await iterator.next()
  if (done) throw new Error('the iteration ended')
  return value
}

async function meet(factory: TransportFactory) {
  const [a, b] = [createNode(factory), createNode(factory)]
  const [joinedA, joinedB] = [join(a.node), join(b.node)]
  const [atA, atB] = await Promise.all([next(joinedA), next(joinedB)])
  return { a, b, atA, atB, joinedA }
}

describe('memory', () => {
  it('is registered under its name', () => {
    const transport = createTransport({ mode: 'memory' }, createContext())
    open.push(transport)
    expect(transport.name).toBe('memory')
  })

  it('lets two programs meet that only call connect, with proven keys', async () => {
    const { a, b, atA, atB } = await meet(memory({ medium: createMemoryMedium() }))
    expect([atA.peerId, atB.peerId]).toEqual([b.id, a.id])
    expect([atA.path.transport, atA.path.relayed]).toEqual(['memory', false])
  })

  it('carries a message of the largest size', async () => {
    const { atA, atB, a } = await meet(memory({ seed: 1 }))
    const message = new Uint8Array(a.node.features.maxMessageBytes).fill(7)
    const [, received] = await Promise.all([atA.send(message), atB.receive()])
    expect(received && Buffer.compare(received, message)).toBe(0)
  })

  it('keeps media apart', async () => {
    const a = createNode(memory({ medium: createMemoryMedium() }))
    await a.node.announce(topic)
    const b = createNode(memory({ medium: createMemoryMedium() }))
    expect(await b.node.lookup(topic)).toEqual([])
    await expect(b.node.dial(a.node.addresses[0] ?? '')).rejects.toMatchObject({
      code: 'ERR_DIAL_FAILED',
    })
  })

  it('keeps the order through delays', async () => {
    const { atA, atB } = await meet(memory({ seed: 3, delayMs: 4 }))
    const count = 30
    const sending = (async () => {
      for (let n = 0; n < count; n += 1) await atA.send(Uint8Array.of(n))
    })()
    const received: number[] = []
    while (received.length < count) received.push((await atB.receive())?.[0] ?? -1)
    await sending
    expect(received).toEqual(Array.from({ length: count }, (_, n) => n))
  })

  it('cuts connections by loss, tells both ends, and meets again', async () => {
    // Nothing is lost until both have met.
    const weather = { isBad: false }
    const random = createRandom(5)
    const medium = createMemoryMedium({
      random: () => (weather.isBad ? random() : 1),
      lossRate: 0.5,
    })
    const { atA, atB, joinedA } = await meet(memory({ medium }))
    weather.isBad = true
    const sending = (async () => {
      for (;;) await atA.send(new Uint8Array(1))
    })()
    await expect(sending).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_CONNECTION_/) })
    weather.isBad = false
    expect((await Promise.all([atA.closed, atB.closed])).map(({ clean }) => clean)).toEqual([
      false,
      false,
    ])
    expect(await next(joinedA)).not.toBe(atA)
  })

  it('is forgotten by the medium when it disconnects', async () => {
    const factory = memory({ medium: createMemoryMedium() })
    const { a, b } = await meet(factory)
    await a.node.disconnect()
    expect(await b.node.lookup(topic)).toEqual([])
  })
})
