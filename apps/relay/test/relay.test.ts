import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startRelay, type Relay, type RelayInit } from '@vudo/relay'
import { memoryBackPlane, type BackPlane } from '../src/back-plane.ts'
import { closeCodes } from '../src/connection.ts'
import { clientFrames, relayFrames } from '../src/wire.ts'
import { connectClient, openClient, type TestClient } from './client.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(init: RelayInit = {}): Promise<Relay> {
  const relay = await startRelay(init)
  open.push(() => relay.close())
  return relay
}

/** What a proxy, or somebody who plays one, would add. */
function headers(address: string): object {
  return { headers: { 'x-forwarded-for': address } }
}

async function client(
  relay: Relay,
  init?: Parameters<typeof connectClient>[1],
): Promise<TestClient> {
  const one = await connectClient(relay.url, init)
  open.push(() => one.socket.terminate())
  return one
}

describe('a proof', () => {
  it('lets a client in and tells it the limits', async () => {
    const relay = await start()
    const one = await openClient(relay.url)
    expect((await one.next(relayFrames.challenge)).length).toBe(34)
    one.socket.terminate()
    await client(relay)
    expect(relay.connectionCount).toBe(1)
  })

  it.each([
    ['a forged signature', { forge: () => randomBytes(64) }, /denied 1/],
    ['a proof for another relay', { host: 'other.example.com' }, /denied 2/],
    ['no token', {}, /denied 3/],
    ['a wrong token', { token: 'guess' }, /denied 3/],
  ])('is refused: %s', async (name, init, expected) => {
    const access = name.includes('token') ? { token: 'secret' } : {}
    const relay = await start({ access })
    await expect(connectClient(relay.url, init)).rejects.toThrow(expected)
    expect(relay.connectionCount).toBe(0)
  })

  it('made for one relay is worth nothing at another', async () => {
    const [hostile, honest] = [await start(), await start()]
    // What the honest client signs when the hostile relay passes the honest one's challenge on.
    const host = new URL(hostile.url).host
    await expect(connectClient(honest.url, { host })).rejects.toThrow(/denied 2/)
  })

  it('is made by the name the operator gave', async () => {
    const relay = await start({ names: ['relay.example.com'] })
    await expect(connectClient(relay.url)).rejects.toThrow(/denied 2/)
    await client(relay, { host: 'relay.example.com' })
  })

  it('is taken once', async () => {
    const relay = await start()
    const one = await openClient(relay.url)
    await one.next(relayFrames.challenge)
    one.raw(Uint8Array.of(clientFrames.auth), randomBytes(500))
    one.raw(Uint8Array.of(clientFrames.auth), randomBytes(500))
    expect(await one.closed).toBe(1_002)
  })
})

describe('access', () => {
  it('by a list of keys', async () => {
    const relay = await start()
    const { key } = await client(relay)
    const listed = await start({ access: { allowKeys: new Set([key.peerId]) } })
    await client(listed, { key })
    await expect(connectClient(listed.url)).rejects.toThrow(/denied 4/)
    const barred = await start({ access: { denyKeys: new Set([key.peerId]) } })
    await client(barred)
    await expect(connectClient(barred.url, { key })).rejects.toThrow(/denied 4/)
  })

  it('by a shared token', async () => {
    const relay = await start({ access: { token: 'secret' } })
    await client(relay, { token: 'secret' })
    expect(relay.connectionCount).toBe(1)
  })

  it('by a service that is asked, and nobody when it fails', async () => {
    const asked: unknown[] = []
    let status = 204
    const service = createServer((request, response) => {
      request.on('data', (bytes: Buffer) => asked.push(JSON.parse(bytes.toString())))
      request.on('end', () => response.writeHead(status).end())
    })
    service.listen(0, '127.0.0.1')
    await once(service, 'listening')
    open.push(() => service.close())
    const { port } = service.address() as AddressInfo
    const relay = await start({ access: { callOut: new URL(`http://127.0.0.1:${port}/`) } })
    const { key } = await client(relay)
    expect(asked).toEqual([{ key: key.peerId, address: '127.0.0.1' }])
    status = 403
    await expect(connectClient(relay.url)).rejects.toThrow(/denied 4/)
    status = 500
    await expect(connectClient(relay.url)).rejects.toThrow(/denied 6/)
  })
})

describe('limits', () => {
  it('on connections, in all and of one address', async () => {
    const small = await start({ limits: { maxConnections: 1 } })
    await client(small)
    await expect(connectClient(small.url)).rejects.toThrow(/denied 5.*full/)
    const shared = await start({ limits: { maxConnectionsPerAddress: 1 } })
    await client(shared)
    await expect(connectClient(shared.url)).rejects.toThrow(/denied 5.*address/)
  })

  it('believe a trusted proxy about addresses, and nobody else', async () => {
    const relay = await start({ limits: { maxConnectionsPerAddress: 1 }, trustedProxies: 1 })
    await client(relay, { options: headers('203.0.113.1') })
    await client(relay, { options: headers('203.0.113.2') })
    const forged = headers('203.0.113.9, 203.0.113.1')
    await expect(connectClient(relay.url, { options: forged })).rejects.toThrow(/denied 5/)
    const direct = await start({ limits: { maxConnectionsPerAddress: 1 } })
    await client(direct, { options: headers('203.0.113.1') })
    const other = { options: headers('203.0.113.2') }
    await expect(connectClient(direct.url, other)).rejects.toThrow(/denied 5/)
  })

  it('on the size of a frame', async () => {
    const one = await client(await start())
    one.raw(new Uint8Array(70_000))
    expect(await one.closed).toBe(1_009)
  })

  it('on silence', async () => {
    const one = await client(await start({ limits: { idleMs: 1_000 } }))
    expect(await one.closed).toBe(closeCodes.idle)
  })

  it('on what is no frame, a text, and a path', async () => {
    const relay = await start()
    const one = await client(relay)
    one.socket.send('hello')
    expect(await one.closed).toBe(1_003)
    const two = await client(relay)
    two.raw(Uint8Array.of(0x66))
    expect(await two.closed).toBe(1_002)
    const other = await openClient(`${relay.url}/elsewhere`)
    expect(await other.closed).toBe(1_006)
    const hint = await connectClient(`${relay.url}/t/${'ab'.repeat(32)}`)
    hint.socket.terminate()
  })
})

describe('an operator', () => {
  it.each([
    { bytesPerSecond: 0 },
    { idleMs: 900 },
    { idleMs: 66_000_000 },
    { maxFrameBytes: 512 },
    { maxTopics: 70_000 },
    { maxConnections: Number.NaN },
  ])('is told of a limit that would serve nobody: %j', async (limits) => {
    await expect(start({ limits })).rejects.toMatchObject({ code: 'ERR_RELAY_CONFIG' })
  })

  it('sees whether it is well and ready', async () => {
    const relay = await start()
    const base = relay.url.replace('ws', 'http')
    expect((await fetch(`${base}/healthz`)).status).toBe(200)
    expect((await fetch(`${base}/readyz`)).status).toBe(200)
    expect((await fetch(`${base}/metrics`)).status).toBe(404)
  })

  it('sees figures, and no topic, key or address', async () => {
    const relay = await start({ metrics: { port: 0 } })
    const topic = randomBytes(32)
    const [a, b] = [await client(relay), await client(relay)]
    await Promise.all([a.join(topic), b.join(topic)])
    a.sendTo(b.endpoint, Buffer.from('hello'))
    await b.next(relayFrames.deliver)
    const text = await (await fetch(relay.metricsUrl ?? '')).text()
    expect(text).toContain('vudo_relay_connections 2')
    expect(text).toContain('vudo_relay_frames_out_total 1')
    for (const secret of [topic.toString('hex'), a.key.peerId, '127.0.0.1']) {
      expect(text).not.toContain(secret)
    }
    const second = await (await fetch(relay.metricsUrl ?? '')).text()
    expect(second).toContain('vudo_relay_frames_out_total 1')
  })

  it('reads a log without names unless they are asked for', async () => {
    const lines: string[] = []
    const log = {
      info: (fields: object, message: string) => void lines.push(message + JSON.stringify(fields)),
      warn: () => undefined,
    }
    const one = await client(await start({ log }))
    expect(lines.join('\n')).toContain('a client came')
    expect(lines.join('\n')).not.toContain(one.key.peerId)
    const named = await client(await start({ log, logsNames: true }))
    expect(lines.join('\n')).toContain(named.key.peerId)
  })

  it('lets go of clients in time, telling them before', async () => {
    const relay = await start({ limits: { drainMs: 200 } })
    const clients = [await client(relay), await client(relay)]
    const draining = relay.drain()
    await Promise.all(clients.map((one) => one.next(relayFrames.moved)))
    expect((await fetch(`${relay.url.replace('ws', 'http')}/readyz`)).status).toBe(503)
    await expect(connectClient(relay.url)).rejects.toThrow(/denied 5.*restarts/)
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([1_012, 1_012])
    await draining
    await expect(fetch(relay.url.replace('ws', 'http'))).rejects.toThrow('fetch failed')
  })

  it.each([
    ['a certificate that is none', { tls: { cert: 'nonsense', key: 'nonsense' } }],
    ['a port that is none', { port: 70_000 }],
  ])('is told of %s, and nothing stays open', async (_, init) => {
    let closes = 0
    const close = (): Promise<void> => Promise.resolve(void (closes += 1))
    const connectBackPlane = (): Promise<BackPlane> =>
      Promise.resolve({ ...memoryBackPlane, close })
    const starting = start({ ...init, connectBackPlane })
    await expect(starting).rejects.toMatchObject({ code: 'ERR_RELAY_CONFIG' })
    expect(closes).toBe(1)
  })

  it('is told when the port is taken', async () => {
    const { port } = await start()
    await expect(startRelay({ port })).rejects.toMatchObject({ code: 'ERR_RELAY_LISTEN' })
  })
})
