import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startRelay, type Relay, type RelayInit } from '@vudo/relay'
import { irohChallengeMessage, irohProtocols, irohTypes } from '../src/iroh-frames.ts'

/** What gives a command a network that has nothing but the loopback interface. */
const isolate = [
  'unshare',
  '--map-root-user',
  '--net',
  'sh',
  '-c',
  'ip link set lo up && exec "$@"',
  'sh',
]
const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(init: RelayInit = {}): Promise<Relay> {
  const relay = await startRelay(init)
  open.push(() => relay.close())
  return relay
}

interface IrohClient {
  readonly key: Buffer
  readonly socket: WebSocket
  readonly closed: Promise<number>
  next(): Promise<Buffer>
}

/** A client made of the protocol's description alone. */
async function connectIroh(
  relay: Relay,
  privateKey: KeyObject = generateKeyPairSync('ed25519').privateKey,
  protocols: readonly string[] = irohProtocols,
): Promise<IrohClient> {
  const socket = new WebSocket(`${relay.url}/relay`, [...protocols])
  open.push(() => socket.terminate())
  const frames: Buffer[] = []
  const waiting: ((frame: Buffer) => void)[] = []
  socket.on('error', () => undefined)
  socket.on('message', (frame: Buffer) => {
    const take = waiting.shift()
    if (take) take(frame)
    else frames.push(frame)
  })
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  const next = (): Promise<Buffer> => {
    const frame = frames.shift()
    return frame ? Promise.resolve(frame) : new Promise((resolve) => waiting.push(resolve))
  }
  const key = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32)
  await Promise.race([once(socket, 'open'), closed])
  return { key, socket, closed, next }
}

async function enter(relay: Relay, privateKey?: KeyObject): Promise<IrohClient> {
  const own = privateKey ?? generateKeyPairSync('ed25519').privateKey
  const client = await connectIroh(relay, own)
  const challenge = await client.next()
  const signature = sign(null, irohChallengeMessage(challenge.subarray(1)), own)
  client.socket.send(Buffer.concat([Uint8Array.of(1), client.key, Uint8Array.of(64), signature]))
  const answer = await client.next()
  if (answer[0] !== irohTypes.serverConfirmsAuth) throw new Error(answer.subarray(2).toString())
  return client
}

describe('iroh nodes', () => {
  it('send each other datagrams by key, and hear of an end', async () => {
    const relay = await start()
    const [a, b] = [await enter(relay), await enter(relay)]
    expect(relay.connectionCount).toBe(2)
    const content = Buffer.from('\u0000datagram')
    a.socket.send(Buffer.concat([Uint8Array.of(irohTypes.toRelay), b.key, content]))
    expect(await b.next()).toEqual(
      Buffer.concat([Uint8Array.of(irohTypes.fromRelay), a.key, content]),
    )
    b.socket.send(Buffer.concat([Uint8Array.of(irohTypes.toRelayBatch), a.key, content]))
    expect((await a.next())[0]).toBe(irohTypes.fromRelayBatch)
    a.socket.close()
    expect(await b.next()).toEqual(Buffer.concat([Uint8Array.of(irohTypes.endpointGone), a.key]))
  })

  it('are answered when they ping', async () => {
    const a = await enter(await start())
    const nonce = Buffer.from('12345678')
    a.socket.send(Buffer.concat([Uint8Array.of(irohTypes.ping), nonce]))
    expect(await a.next()).toEqual(Buffer.concat([Uint8Array.of(irohTypes.pong), nonce]))
  })

  it('are not let in with another key, without a proof, or by another version', async () => {
    const relay = await start()
    const own = generateKeyPairSync('ed25519').privateKey
    const forged = await connectIroh(relay, own)
    await forged.next()
    const signature = Buffer.alloc(64, 7)
    forged.socket.send(Buffer.concat([Uint8Array.of(1), forged.key, Uint8Array.of(64), signature]))
    expect((await forged.next())[0]).toBe(irohTypes.serverDeniesAuth)
    expect(await forged.closed).toBe(1_008)
    const mute = await connectIroh(relay)
    mute.socket.send(Buffer.from('GET / HTTP/1.1'))
    expect(await mute.closed).toBe(1_002)
    const other = await connectIroh(relay, undefined, ['iroh-relay-v99'])
    expect(await other.closed).toBe(1_006)
  })

  it('obey the rules of access', async () => {
    const withToken = await start({ access: { token: 'secret' } })
    await expect(enter(withToken)).rejects.toThrow('token')
    const closed = await start({ access: { allowKeys: new Set() } })
    await expect(enter(closed)).rejects.toThrow('may not use')
    const none = await start({ servesIroh: false })
    expect(await (await connectIroh(none)).closed).toBe(1_006)
  })

  it('are told when another connection has their key, and when the relay ends', async () => {
    const relay = await start({ limits: { drainMs: 0 } })
    const key = generateKeyPairSync('ed25519').privateKey
    const before = await enter(relay, key)
    const after = await enter(relay, key)
    expect(await before.next()).toEqual(Buffer.from([irohTypes.status, 1]))
    const draining = relay.drain()
    expect((await after.next())[0]).toBe(irohTypes.restarting)
    expect(await after.closed).toBe(1_012)
    await draining
  })

  it('count each, though several have one key', async () => {
    const relay = await start({ limits: { maxConnections: 2 } })
    const { privateKey } = generateKeyPairSync('ed25519')
    const [one] = [await enter(relay, privateKey), await enter(relay, privateKey)]
    expect(relay.connectionCount).toBe(2)
    await expect(enter(relay, privateKey)).rejects.toThrow('full')
    one?.socket.close()
    await one?.closed
    await expect.poll(() => relay.connectionCount).toBe(1)
    await enter(relay, privateKey)
  })

  it('find the probes that they look for', async () => {
    const relay = await start()
    const base = relay.url.replace('ws', 'http')
    const headers = { 'x-iroh-challenge': 'abc' }
    const answer = await fetch(`${base}/generate_204`, { headers })
    expect([answer.status, answer.headers.get('x-iroh-response')]).toEqual([204, 'response abc'])
    expect((await fetch(`${base}/ping`)).status).toBe(204)
  })

  it('of the real stack connect through it', { timeout: 60_000 }, (context) => {
    // That stack asks the router for a port whatever it is told, and tests keep to this machine.
    const [command = '', ...before] = isolate
    if (spawnSync(command, [...before, 'true']).status !== 0) {
      context.skip('this machine makes no network namespaces')
    }
    const program = fileURLToPath(new URL('iroh-program.ts', import.meta.url))
    const args = [...before, process.execPath, program]
    const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 50_000 })
    expect({ stdout, stderr }).toEqual({ stdout: 'hello from 2 clients\n', stderr: '' })
  })
})
