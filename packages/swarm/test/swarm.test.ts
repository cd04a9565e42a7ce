import { describe, expect, it } from 'vitest'
import type { Medium } from '@vudo/swarm'
import { deriveTopic } from '@vudo/topic'
import {
  MAX_HALF_OPEN,
  MAX_HALF_OPEN_PER_ADDRESS,
  MAX_TOPICS,
  UNSHARED_GRACE_MS,
  type Connection,
  type PeerInfo,
  type Transport,
} from '@vudo/transport'
import { peerId } from './fake-context.ts'
import { createLoop, createNode, createPipes, loopMedium } from './loop-medium.ts'
import { settle } from './virtual-runtime.ts'

const topic = deriveTopic('swarm-test')
const other = deriveTopic('another')

function join(node: Transport, on = topic, signal?: AbortSignal): AsyncIterator<Connection> {
  return node.connect(on, { signal })[Symbol.asyncIterator]()
}

async function connectionOf(iterator: AsyncIterator<Connection>): Promise<Connection> {
  const { value, done } = await iterator.next()
  if (done) throw new Error('the iteration ended')
  return value
}

/** Two nodes, joined and connected. */
async function createPair() {
  const loop = createLoop()
  const a = createNode(loop, 1)
  const b = createNode(loop, 2)
  const joinedA = join(a)
  const joinedB = join(b)
  await settle()
  const dialled = await a.dial('loop://2')
  const atA = await connectionOf(joinedA)
  const atB = await connectionOf(joinedB)
  return { loop, a, b, joinedA, joinedB, dialled, atA, atB }
}

describe('connect', () => {
  it('makes two programs meet that only call connect', async () => {
    const loop = createLoop()
    const joinedA = join(createNode(loop, 1))
    await settle()
    const joinedB = join(createNode(loop, 2))
    // The second one found the first and has the larger id: it leaves the dial to the other for a second.
    await settle()
    expect(loop.dials).toEqual([])
    await loop.runtime.advance(1_000)
    expect((await connectionOf(joinedA)).peerId).toBe(peerId(2))
    expect((await connectionOf(joinedB)).peerId).toBe(peerId(1))
    await loop.runtime.advance(60_000)
    expect(loop.dials).toEqual(['loop://2>loop://1'])
  })

  it('yields the connection that was dialled, and messages in both directions', async () => {
    const { dialled, atA, atB } = await createPair()
    expect(atA).toBe(dialled)
    await atA.send(Uint8Array.of(1))
    expect(await atB.receive()).toEqual(Uint8Array.of(1))
    await atB.send(Uint8Array.of(2))
    expect(await atA.receive()).toEqual(Uint8Array.of(2))
  })

  it('yields the same connection on a second topic that both join', async () => {
    const { a, b, atA, atB } = await createPair()
    const [secondA, secondB] = [join(a, other), join(b, other)]
    expect(await connectionOf(secondA)).toBe(atA)
    expect(await connectionOf(secondB)).toBe(atB)
  })

  it('yields it although data came before the topic', async () => {
    const loop = createLoop()
    const a = createNode(loop, 1)
    const b = createNode(loop, 2)
    await b.listen()
    const connection = await a.dial('loop://2')
    await connection.send(Uint8Array.of(7))
    const joinedB = join(b)
    join(a)
    const atB = await connectionOf(joinedB)
    expect(await atB.receive()).toEqual(Uint8Array.of(7))
  })

  it('keeps topics apart: no connection without a shared one, and closed after the grace time', async () => {
    const loop = createLoop()
    const a = createNode(loop, 1)
    const b = createNode(loop, 2)
    join(a)
    const joinedB = join(b, other)
    await settle()
    const connection = await a.dial('loop://2')
    const received = connection.receive()
    received.catch(() => {})
    let isYielded = false
    void joinedB.next().then(() => (isYielded = true))
    await loop.runtime.advance(UNSHARED_GRACE_MS + 2_000)
    await expect(received).rejects.toMatchObject({ code: 'ERR_NO_SHARED_TOPIC' })
    expect(await connection.closed).toMatchObject({ error: { code: 'ERR_NO_SHARED_TOPIC' } })
    expect(isYielded).toBe(false)
  })

  it('leaves one topic only', async () => {
    const { a, b, loop, atA, atB, joinedA } = await createPair()
    const [secondA, secondB] = [join(a, other), join(b, other)]
    await connectionOf(secondA)
    await connectionOf(secondB)
    await joinedA.return?.()
    await loop.runtime.advance(60_000)
    await atA.send(Uint8Array.of(1))
    expect(await atB.receive()).toEqual(Uint8Array.of(1))
  })

  it('ends quietly by its signal', async () => {
    const controller = new AbortController()
    const node = createNode(createLoop(), 1)
    const waiting = join(node, topic, controller.signal).next()
    controller.abort()
    expect(await waiting).toEqual({ done: true, value: undefined })
  })

  it('does not dial whom admit refuses', async () => {
    const loop = createLoop()
    await createNode(loop, 1).announce(topic)
    const asked: PeerInfo[] = []
    const admit = (peer: PeerInfo): boolean => {
      asked.push(peer)
      return false
    }
    void createNode(loop, 2).connect(topic, { admit })[Symbol.asyncIterator]().next()
    await loop.runtime.advance(10_000)
    expect(asked).toEqual([{ id: peerId(1), address: 'loop://1' }])
    expect(loop.dials).toEqual([])
  })

  it('dials again after a loss, with growing waits, and stops when the topic is left', async () => {
    const loop = createLoop()
    const a = createNode(loop, 1)
    const b = createNode(loop, 2)
    const joinedB = join(b)
    await settle()
    const joinedA = join(a)
    await connectionOf(joinedA)
    await connectionOf(joinedB)
    loop.accepts.delete('loop://2')
    for (const pipe of loop.pipes) await pipe.close()
    await loop.runtime.advance(20_000)
    // After 1, 3, 7 and 15 seconds.
    expect(loop.dials.slice(1)).toHaveLength(4)
    await joinedA.return?.()
    await loop.runtime.advance(600_000)
    expect(loop.dials.slice(1)).toHaveLength(4)
  })

  it('does not dial again whom the application closed without a reason', async () => {
    const { loop, atA } = await createPair()
    await atA.close()
    await loop.runtime.advance(25_000)
    expect(loop.dials.filter((dial) => dial.startsWith('loop://1'))).toHaveLength(1)
  })

  it('dials bootstrap addresses', async () => {
    const loop = createLoop()
    const joinedB = join(createNode(loop, 2, { medium: { announce: () => Promise.resolve() } }))
    await settle()
    const joinedA = join(
      createNode(loop, 1, { config: { bootstrapNodes: ['loop://2', 'tcp://x'] } }),
    )
    expect((await connectionOf(joinedA)).peerId).toBe(peerId(2))
    expect((await connectionOf(joinedB)).peerId).toBe(peerId(1))
  })

  it('fails when the medium cannot listen', async () => {
    const medium = { listen: () => Promise.reject(new Error('port taken')) }
    const waiting = join(createNode(createLoop(), 1, { medium })).next()
    await expect(waiting).rejects.toThrow('port taken')
  })

  it(`joins at most ${MAX_TOPICS} topics`, async () => {
    const node = createNode(createLoop(), 1)
    for (let count = 0; count < MAX_TOPICS; count += 1) join(node, deriveTopic(`topic-${count}`))
    await expect(join(node).next()).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  })

  it('agrees on as many topics as there may be', async () => {
    const loop = createLoop()
    const [a, b] = [createNode(loop, 1), createNode(loop, 2)]
    const topics = Array.from({ length: MAX_TOPICS }, (_, index) => deriveTopic(`topic-${index}`))
    for (const each of topics) join(b, each)
    await settle()
    const joined = topics.map((each) => join(a, each))
    await loop.runtime.advance(2_000)
    const connections = await Promise.all(joined.map((iterator) => connectionOf(iterator)))
    expect(new Set(connections).size).toBe(1)
  })

  it('refuses a topic of another length', () => {
    expect(() => createNode(createLoop(), 1).connect(new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('announce and lookup', () => {
  it('finds who is announced, until the topic is left', async () => {
    const loop = createLoop()
    const a = createNode(loop, 1)
    const b = createNode(loop, 2)
    const joined = join(a)
    await a.announce(topic)
    expect(await b.lookup(topic)).toEqual([{ id: peerId(1), address: 'loop://1' }])
    expect(await a.lookup(topic)).toEqual([])
    await joined.return?.()
    await settle()
    expect(await b.lookup(topic)).toEqual([])
  })

  it('rejects with the reason of the signal', async () => {
    const medium = { lookup: () => new Promise<never>(() => {}) }
    const controller = new AbortController()
    const waiting = createNode(createLoop(), 1, { medium }).lookup(topic, controller)
    controller.abort('enough')
    await expect(waiting).rejects.toBe('enough')
  })
})

describe('dial', () => {
  it('refuses another peer than expected, itself, and foreign addresses', async () => {
    const loop = createLoop()
    const a = createNode(loop, 1)
    await createNode(loop, 2).listen()
    await expect(a.dial('loop://2', { expected: peerId(3) })).rejects.toMatchObject({
      code: 'ERR_PEER_MISMATCH',
    })
    await expect(a.dial('loop://1')).rejects.toMatchObject({ code: 'ERR_PEER_SELF' })
    await expect(a.dial(peerId(1))).rejects.toMatchObject({ code: 'ERR_PEER_SELF' })
    await expect(a.dial('tcp://2')).rejects.toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
    await expect(a.dial(`loop://${'2'.repeat(300)}`)).rejects.toMatchObject({
      code: 'ERR_ADDRESS_INVALID',
    })
  })

  it('finds a peer by its id', async () => {
    const loop = createLoop()
    const a = createNode(loop, 1)
    await createNode(loop, 2).announce(topic)
    await a.lookup(topic)
    expect((await a.dial(peerId(2))).peerId).toBe(peerId(2))
    await expect(a.dial(peerId(9))).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
  })

  it('is one with the dial of the swarm itself that is under way', async () => {
    const loop = createLoop()
    const b = createNode(loop, 2)
    void join(b).next()
    await settle()
    const real = loopMedium(loop, 1)
    const go = Promise.withResolvers<void>()
    const medium: Partial<Medium> = {
      dial: (...args) => go.promise.then(() => real.dial(...args)),
    }
    const a = createNode(loop, 1, { medium })
    const joined = join(a)
    // The swarm has found the other one, and is dialling it.
    await settle()
    const dialling = a.dial(peerId(2))
    await settle()
    go.resolve()
    const connection = await dialling
    expect(await connectionOf(joined)).toBe(connection)
    await loop.runtime.advance(2_000)
    expect(loop.dials).toEqual(['loop://1>loop://2'])
  })

  it('gives up after dialTimeoutMs, even on a medium that does not listen to signals', async () => {
    const loop = createLoop()
    const medium = { dial: () => new Promise<never>(() => {}) }
    const waiting = createNode(loop, 1, { medium }).dial('loop://2')
    waiting.catch(() => {})
    await loop.runtime.advance(10_000)
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_DIAL_TIMEOUT' })
  })

  it('rejects with the reason of the signal, and with a failure of the medium as cause', async () => {
    const loop = createLoop()
    const node = createNode(loop, 1)
    await expect(node.dial('loop://5')).rejects.toMatchObject({
      code: 'ERR_DIAL_FAILED',
      cause: { message: 'nobody there' },
    })
    await expect(node.dial('loop://5', { signal: AbortSignal.abort('no') })).rejects.toBe('no')
  })

  it('is not supported where the medium cannot', async () => {
    const features = { maxMessageBytes: 1, provesPeer: false, discovers: false, dials: false }
    const node = createNode(createLoop(), 1, { medium: { features } })
    await expect(node.dial('loop://2')).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })
})

describe('limits', () => {
  it('refuses connections above maxConnections, and says so', async () => {
    const loop = createLoop()
    const full = createNode(loop, 1, { config: { maxConnections: 1 } })
    const member = createNode(loop, 2)
    const [joinedFull, joinedMember] = [join(full), join(member)]
    await settle()
    await member.dial('loop://1')
    await Promise.all([connectionOf(joinedFull), connectionOf(joinedMember)])
    const refused = await createNode(loop, 3).dial('loop://1')
    await expect(refused.receive()).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    await expect(full.dial('loop://2')).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  })

  it('ends the oldest connection without a common topic when a place is needed', async () => {
    const loop = createLoop()
    const full = createNode(loop, 1, { config: { maxConnections: 2 } })
    const joined = join(full)
    await settle()
    const [first, second] = [createNode(loop, 2), createNode(loop, 3)]
    const oldest = await first.dial('loop://1')
    const younger = await second.dial('loop://1')
    const member = createNode(loop, 4)
    void join(member).next()
    await member.dial('loop://1')
    await expect(oldest.receive()).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    expect((await connectionOf(joined)).peerId).toBe(peerId(4))
    expect(await Promise.race([younger.closed, settle()])).toBeUndefined()
  })

  it('bounds handshakes under way, in all and per address, and their time', async () => {
    const loop = createLoop()
    const node = createNode(loop, 1, { config: { maxNewConnectionsPerSecond: 1_000 } })
    await node.listen()
    const knock = (remoteAddress?: string): boolean => {
      const [, far] = createPipes()
      let isRefused = false
      loop.accepts.get('loop://1')?.({
        remoteAddress,
        open: () => Promise.resolve(far),
        refuse: () => (isRefused = true),
      })
      return isRefused
    }
    const fromOne = Array.from({ length: 10 }, () => knock('192.0.2.1'))
    expect(fromOne.filter((isRefused) => !isRefused)).toHaveLength(MAX_HALF_OPEN_PER_ADDRESS)
    const fromAll = Array.from({ length: 100 }, () => knock())
    expect(fromAll.filter((isRefused) => !isRefused)).toHaveLength(
      MAX_HALF_OPEN - MAX_HALF_OPEN_PER_ADDRESS,
    )
    await loop.runtime.advance(5_000)
    expect(knock('192.0.2.1')).toBe(false)
  })

  it('refuses a message of 0 bytes and one that is too large', async () => {
    const { atA } = await createPair()
    const error = { code: 'ERR_MESSAGE_SIZE' }
    await expect(atA.send(new Uint8Array())).rejects.toMatchObject(error)
    await expect(atA.send(new Uint8Array(1_001))).rejects.toMatchObject(error)
    await atA.send(new Uint8Array(1_000))
  })
})

describe('disconnect', () => {
  it('ends everything, leaves no timer, and may be called again', async () => {
    const { loop, a, b, atB, joinedA } = await createPair()
    const waiting = joinedA.next()
    const received = atB.receive()
    await Promise.all([a.disconnect(), a.disconnect()])
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(await received).toBeUndefined()
    await b.disconnect()
    expect(loop.runtime.timers).toBe(0)
    expect([...loop.announced.values()].every((peers) => peers.size === 0)).toBe(true)
    await a.disconnect()
  })

  it('rejects what is pending and what comes later', async () => {
    const loop = createLoop()
    const medium = { dial: () => new Promise<never>(() => {}) }
    const node = createNode(loop, 1, { medium })
    const error = { code: 'ERR_TRANSPORT_CLOSED' }
    const pending = node.dial('loop://2')
    pending.catch(() => {})
    await settle()
    await node.disconnect()
    await expect(pending).rejects.toMatchObject(error)
    await expect(node.dial('loop://2')).rejects.toMatchObject(error)
    await expect(node.listen()).rejects.toMatchObject(error)
    await expect(node.lookup(topic)).rejects.toMatchObject(error)
    await expect(node.announce(topic)).rejects.toMatchObject(error)
    await expect(join(node).next()).rejects.toMatchObject(error)
    expect(loop.runtime.timers).toBe(0)
  })
})
