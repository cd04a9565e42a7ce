import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { afterEach, describe, expect, it } from 'vitest'
import { connectNats, connectRedis, startRelay, type Relay } from '@vudo/relay'
import { decodeBusMessages, encodeDataHead } from '../src/bus-messages.ts'
import { relayFrames, resetReasons } from '../src/wire.ts'
import { connectClient, endpointsIn, type TestClient } from './client.ts'
import { createServerOf, programs, type BackServer } from './servers.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const connects = { nats: connectNats, redis: connectRedis }

async function startTwo(kind: 'nats' | 'redis'): Promise<[BackServer, Relay, Relay]> {
  const server = await createServerOf(kind)
  await server.start()
  open.push(() => server.kill())
  const start = async (): Promise<Relay> => {
    const relay = await startRelay({
      connectBackPlane: (events) => connects[kind](server.url, events),
    })
    open.push(() => relay.close())
    return relay
  }
  return [server, await start(), await start()]
}

async function client(relay: Relay): Promise<TestClient> {
  const one = await connectClient(relay.url)
  open.push(() => one.socket.terminate())
  return one
}

/** Waits until `a` was told of `b`, by its relay's answer or by news. */
async function meets(a: TestClient, b: TestClient, answer: Buffer): Promise<void> {
  let news = answer
  while (!endpointsIn(news).includes(b.endpoint.toString('hex'))) {
    news = await a.next(relayFrames.members)
  }
}

/** Sends until a frame arrives: after an outage the first ones may be dropped. */
async function reaches(a: TestClient, b: TestClient): Promise<void> {
  const again = setInterval(() => a.sendTo(b.endpoint, Buffer.from('again')), 50)
  a.sendTo(b.endpoint, Buffer.from('again'))
  await b.next(relayFrames.deliver)
  clearInterval(again)
}

/** A send frame that says `text`. */
function frame(text: string): Buffer {
  return Buffer.concat([Buffer.alloc(49, 4), Buffer.from(text)])
}

const kinds = ['nats', 'redis'] as const

// Skipped where none is there, so that the report shows it; who names one wants it tested.
describe.each(kinds)('%s', (kind) => {
  const isNamed = process.env[`${kind.toUpperCase()}_SERVER`] !== undefined
  it.skipIf(programs[kind] === undefined && !isNamed)('has a server to be tested with', () => {
    expect(programs[kind]).toBeDefined()
  })
})

describe.each(kinds.filter((kind) => programs[kind]))('two relays over %s', (kind) => {
  it('bring clients together, in order and without loss', { timeout: 20_000 }, async () => {
    const [, one, two] = await startTwo(kind)
    const topic = randomBytes(32)
    const [a, b] = [await client(one), await client(two)]
    const answer = await a.join(topic)
    await Promise.all([b.join(topic), meets(a, b, answer)])
    // As clients do, who give each other credit for so many.
    const inFlight = 64
    for (let n = 0; n < 2_000 + inFlight; n++) {
      const payload = Buffer.alloc(100)
      payload.writeUInt32BE(n)
      if (n < 2_000) a.sendTo(b.endpoint, payload)
      if (n < inFlight) continue
      const arrived = await b.next(relayFrames.deliver)
      expect(arrived.readUInt32BE(49)).toBe(n - inFlight)
    }
  })

  it('take what one publishes in its order, on whatever subject', async () => {
    const server = await createServerOf(kind)
    await server.start()
    open.push(() => server.kill())
    const got: string[] = []
    const last = Promise.withResolvers<void>()
    const onMessage = (bytes: Uint8Array): void => {
      for (const message of decodeBusMessages(bytes)) {
        if (message.kind === 'data') got.push(Buffer.from(message.frame).toString('latin1', 49))
      }
      if (got.includes('last')) last.resolve()
    }
    const ignored = { onMessage: () => undefined, onGap: () => undefined }
    const from = await connects[kind](server.url, ignored)
    const to = await connects[kind](server.url, { ...ignored, onMessage })
    open.push(
      () => from.close(),
      () => to.close(),
    )
    await Promise.all([to.subscribe('k.a'), to.subscribe('k.b')])
    const head = encodeDataHead(randomBytes(8), randomBytes(48))
    from.publish('k.a', head, frame('one'))
    from.publish('k.b', Buffer.concat([head, frame('news')]))
    from.publish('k.a', head, frame('two'))
    from.publish('k.a', head, frame('last'))
    await last.promise
    expect(got).toEqual(['one', 'news', 'two', 'last'])
  })

  it('reset what crosses when it was away, and go on', { timeout: 30_000 }, async () => {
    const [server, one, two] = await startTwo(kind)
    const topic = randomBytes(32)
    const [a, b] = [await client(one), await client(two)]
    const answer = await a.join(topic)
    await Promise.all([b.join(topic), meets(a, b, answer)])
    await reaches(a, b)
    await server.kill()
    const local = await client(one)
    await local.join(topic)
    await reaches(a, local)
    await server.start()
    const reset = await b.next(relayFrames.reset)
    expect(reset[49]).toBe(resetReasons.gap)
    await reaches(a, b)
    await reaches(b, a)
    expect(one.counts.gaps).toBeGreaterThan(0)
  })

  it('say what is wrong when the server is not there at the start', async () => {
    const server = await createServerOf(kind)
    const starting = startRelay({
      connectBackPlane: (events) => connects[kind](server.url, events),
    })
    await expect(starting).rejects.toMatchObject({ code: 'ERR_RELAY_BACK_PLANE' })
  })
})
