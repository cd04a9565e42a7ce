import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startRelay, type Relay, type RelayInit } from '@vudo/relay'
import { relayFrames, resetReasons } from '../src/wire.ts'
import { connectClient, endpointsIn, openClient, type TestClient } from './client.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(init: RelayInit = {}): Promise<Relay> {
  const relay = await startRelay(init)
  open.push(() => relay.close())
  return relay
}

async function client(relay: Relay): Promise<TestClient> {
  const one = await connectClient(relay.url)
  open.push(() => one.socket.terminate())
  return one
}

async function pair(relay: Relay): Promise<[TestClient, TestClient]> {
  const topic = randomBytes(32)
  const [a, b] = [await client(relay), await client(relay)]
  await a.join(topic)
  await b.join(topic)
  return [a, b]
}

/** How long `count` round trips between two clients take at worst, in milliseconds. */
async function worstRoundTrip([a, b]: [TestClient, TestClient], count: number): Promise<number> {
  let worst = 0
  for (let i = 0; i < count; i++) {
    const begin = performance.now()
    a.sendTo(b.endpoint, Buffer.from('there'))
    await b.next(relayFrames.deliver)
    b.sendTo(a.endpoint, Buffer.from('back'))
    await a.next(relayFrames.deliver)
    worst = Math.max(worst, performance.now() - begin)
  }
  return worst
}

describe('RL1: the protocol has no way to name an address', () => {
  it.each(['127.0.0.1', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]', '169.254.169.254', '10.0.0.1'])(
    'a frame of any type with %s in it is refused, or goes to nobody',
    async (address) => {
      const relay = await start()
      for (const type of [0x00, 0x06, 0x07, 0x10, 0x40]) {
        const one = await client(relay)
        one.raw(Uint8Array.of(type), Buffer.from(`tcp://${address}:80`))
        expect(await one.closed).toBe(1_002)
      }
      const one = await client(relay)
      const target = Buffer.alloc(48)
      target.write(address)
      one.sendTo(target, Buffer.from('GET / HTTP/1.1\r\n\r\n'))
      expect((await one.next(relayFrames.reset))[49]).toBe(resetReasons.unknown)
    },
  )

  it('nor has its upgrade request', async () => {
    const relay = await start()
    const one = await openClient(`${relay.url}/proxy/127.0.0.1:80`)
    expect(await one.closed).toBe(1_006)
  })
})

describe('RL2: tenants', () => {
  it('neither see nor reach each other', async () => {
    const relay = await start()
    const [a] = await pair(relay)
    const [c] = await pair(relay)
    const guess = await c.join(randomBytes(32))
    expect(endpointsIn(guess)).toEqual([])
    c.sendTo(a.endpoint, Buffer.from('hello'))
    expect((await c.next(relayFrames.reset))[49]).toBe(resetReasons.unknown)
    expect(a.frames.filter((frame) => frame[0] === relayFrames.deliver)).toEqual([])
  })
})

describe('RL3: a slow reader', () => {
  it('costs a bounded queue; its pair is reset, and others are served', async () => {
    const relay = await start({
      limits: { bytesPerSecond: 2 ** 30, bytesPerSecondPerAddress: 2 ** 30 },
    })
    const [a, b] = await pair(relay)
    const others = await pair(relay)
    b.socket.pause()
    const before = process.memoryUsage().rss
    let resets = 0
    for (let i = 0; i < 3_000 && resets === 0; i++) {
      a.sendTo(b.endpoint, new Uint8Array(60_000))
      if (i % 20 === 0) await new Promise(setImmediate)
      resets = a.frames.filter((frame) => frame[0] === relayFrames.reset).length
    }
    const reset = await a.next(relayFrames.reset)
    expect(reset[49]).toBe(resetReasons.queueFull)
    expect(process.memoryUsage().rss - before).toBeLessThan(250 * 2 ** 20)
    await worstRoundTrip(others, 3)
  })
})

describe('a client that asks and does not read', () => {
  it('is cut off before what it is owed fills the memory', { timeout: 20_000 }, async () => {
    const limits = { maxQueuedBytes: 65_536, bytesPerSecond: 2 ** 30 }
    const relay = await start({ limits: { ...limits, bytesPerSecondPerAddress: 2 ** 30 } })
    const topic = randomBytes(32)
    for (let i = 0; i < 60; i++) await (await client(relay)).join(topic, 1)
    const greedy = await client(relay)
    greedy.socket.pause()
    // Each answer has 3 kB; the kernel takes a few megabytes of them.
    for (let i = 0; relay.connectionCount === 61; i++) {
      greedy.raw(Uint8Array.of(0x02), topic, Uint8Array.of(i % 2))
      if (i % 50 === 0) await new Promise(setImmediate)
    }
    greedy.socket.resume()
    expect(await greedy.closed).toBe(1_006)
  })
})

describe('RL4: a client at 100 Mbit/s', () => {
  it('is read no faster than its limit, and nothing of it is lost', async () => {
    const relay = await start({ limits: { bytesPerSecond: 1_000_000 } })
    const [a, b] = await pair(relay)
    const others = await pair(relay)
    const begin = performance.now()
    // 3 MB: one second's worth at once, the rest in two seconds.
    for (let i = 0; i < 60; i++) a.sendTo(b.endpoint, new Uint8Array(50_000))
    await worstRoundTrip(others, 20)
    for (let i = 0; i < 60; i++) await b.next(relayFrames.deliver)
    expect(performance.now() - begin).toBeGreaterThan(1_500)
    expect(a.frames.some((frame) => frame[0] === relayFrames.reset)).toBe(false)
  })
})

describe('2,000 half-open upgrades', () => {
  it('do not keep an honest client out', { timeout: 30_000 }, async () => {
    const relay = await start({ limits: { maxHalfOpenPerAddress: 2_000, halfOpenMs: 60_000 } })
    const sockets: Socket[] = []
    open.push(() => sockets.forEach((socket) => socket.destroy()))
    for (let i = 0; i < 2_000; i += 200) {
      const some = Array.from({ length: 200 }, (_, n) => halfOpen(relay.port, (i + n) % 2 === 0))
      sockets.push(...some)
      await Promise.all(some.map((socket) => once(socket, 'connect')))
    }
    await client(relay)
    // How long that takes is measured by the bench: `ours.honestMs`.
    expect(sockets.length).toBe(2_000)
    expect(relay.halfOpenCount).toBeLessThanOrEqual(1_024)
  })

  it('are cut off in time', async () => {
    const relay = await start({ limits: { halfOpenMs: 300 } })
    const sockets = [halfOpen(relay.port, true), halfOpen(relay.port, false)]
    await Promise.all(sockets.map((socket) => once(socket, 'close')))
    const silent = await openClient(relay.url)
    expect(await silent.closed).toBe(1_006)
  })
})

describe('upgrades that are refused', () => {
  it.each(['/nope', '/relay'])('and reset at once at %s do not end the relay', async (path) => {
    const relay = await start()
    for (let i = 0; i < 30; i++) {
      const socket = halfOpen(relay.port, false, path)
      await once(socket, 'connect')
      socket.write('more', () => void setTimeout(() => socket.resetAndDestroy(), i % 3))
      await once(socket, 'close')
    }
    await client(relay)
    expect(relay.connectionCount).toBe(1)
  })
})

/** Begins an upgrade and leaves it: in the middle of the head, or before the proof. */
function halfOpen(port: number, isInHead: boolean, path = '/'): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const head = [
    `GET ${path} HTTP/1.1`,
    'Host: relay',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  socket.write(`${head.join('\r\n')}\r\n${isInHead ? '' : '\r\n'}`)
  socket.resume()
  return socket
}
