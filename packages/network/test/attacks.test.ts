/** Attacks of the list in the reliability rules that finding, dialling and admitting peers have to stand, by their id. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createNodeKey, createSealingKeys, signPeerRecord, type NodeKey } from '@vudo/identity'
import type { Discovery, PeerRecord } from '@vudo/transport'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { NetworkOptions } from '../src/options.ts'
import { encodeData, encodeHello, encodeOpen } from '../src/wire.ts'
import { attack, confirm, greet, helloFields } from './attacker.ts'
import { echo, pattern, startNode, type TestNode } from './nodes.ts'

const secret = new Uint8Array(32).fill(7)
const sealingKey = createSealingKeys({ now: () => Date.now() }).publicKey

/** A discovery that finds what it is told, and nothing by itself. */
function finding(records: readonly PeerRecord[], isLocal: boolean): Discovery {
  return {
    name: 'planted',
    isLocal,
    announce: async () => {},
    withdraw: async () => {},
    lookup: async () => [...records],
    watch: async function* (_topic, { signal } = {}) {
      await once(signal ?? new AbortController().signal, 'abort')
      yield* []
    },
    close: async () => {},
  }
}

function recordOf(key: NodeKey, addresses: readonly string[]): PeerRecord {
  const expiresAtMs = Date.now() + 60_000
  return signPeerRecord(key, { addresses, sequence: 1, expiresAtMs, sealingKey })
}

/** Some service of this machine that no peer of ours is: counts who knocks, and what is said. */
async function startService(answer?: string): Promise<{ port: number; heard: Buffer[] }> {
  const heard: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    heard.push(Buffer.alloc(0))
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      heard.push(bytes)
      if (answer !== undefined) socket.end(answer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, heard }
}

async function victim(options: NetworkOptions = {}): Promise<TestNode> {
  const node = await startNode(options)
  await node.network.join({ id: 'db', secret })
  echo(node.network)
  return node
}

/** An honest member gets in and is answered. */
async function expectHonestIsServed(node: TestNode): Promise<void> {
  const honest = await startNode()
  await honest.network.join({ id: 'db', secret })
  await honest.network.connectPeer(node.address)
  const channel = honest.network.session(node.key.peerId)!.openChannel('/echo/1')
  await channel.send(pattern(100))
  expect(await channel.receive()).toEqual(pattern(100))
}

describe('private addresses', () => {
  it('in the record of a stranger are not dialled: nothing knocks at the service', async () => {
    const { port, heard } = await startService()
    const key = createNodeKey()
    const addresses = [`tcp://127.0.0.1:${port}`, `tcp://localhost:${port}`, `tcp://[::1]:${port}`]
    const node = await startNode({}, { discoveries: [finding([recordOf(key, addresses)], false)] })
    const ended = node.network.events.once('dial:ended')
    await node.network.join({ id: 'db', secret })
    const { target, error } = await ended
    expect(target).toBe(key.peerId)
    expect(error).toMatchObject({ code: 'ERR_NO_TRANSPORT' })
    expect(heard).toEqual([])
  })

  it('of the local network are', async () => {
    const peer = await victim()
    const records = [recordOf(peer.key, [peer.address])]
    const node = await startNode({}, { discoveries: [finding(records, true)] })
    await node.network.join({ id: 'db', secret })
    await expect
      .poll(() => node.network.isPeerConnected(peer.key.peerId), { timeout: 5_000 })
      .toBe(true)
  })
})

describe('downgrades', () => {
  it.each([
    ['DG1: a peer that strips the encryption', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['DG2: a peer that answers in plain text', 'plaintext\n'],
  ])('%s is refused, and was told nothing', async (_name, answer) => {
    const { port, heard } = await startService(answer)
    const node = await victim()
    await expect(node.network.connectPeer(`tcp://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'ERR_HANDSHAKE_FAILED',
    })
    const said = Buffer.concat(heard)
    // A ClientHello (record type 22) and nothing of ours in it.
    expect(said[0]).toBe(22)
    expect(said.includes(Buffer.from('vudo/session'))).toBe(false)
    expect(said.includes(Buffer.from(node.key.publicKey))).toBe(false)
    expect(node.network.sessions).toEqual([])
    await expectHonestIsServed(node)
  })
})

describe('identity', () => {
  it('ID2: a record that names an address where somebody else answers leads to no session', async () => {
    const other = await victim()
    const absent = createNodeKey()
    const records = [recordOf(absent, [other.address])]
    const node = await startNode({}, { discoveries: [finding(records, true)] })
    const ended = node.network.events.once('dial:ended')
    await node.network.join({ id: 'db', secret })
    expect((await ended).error).toMatchObject({ code: 'ERR_PEER_MISMATCH' })
    expect(node.network.isPeerConnected(other.key.peerId)).toBe(false)
    expect(node.network.isPeerConnected(absent.peerId)).toBe(false)
  })

  it('ID3: whoever is dialled by key has to prove that key', async () => {
    const [node, other] = [await victim(), await victim()]
    const expected = createNodeKey().peerId
    await expect(node.network.connectPeer(other.address, { expected })).rejects.toMatchObject({
      code: 'ERR_PEER_MISMATCH',
    })
    expect(node.network.sessions).toEqual([])
  })

  it('ID2: the record of another peer in a hello is not believed', async () => {
    const { port, heard } = await startService()
    const node = await victim()
    const stranger = await attack(node, secret)
    const other = createNodeKey()
    const record = recordOf(other, [`tcp://127.0.0.1:${port}`]).bytes
    const { roles } = await greet(stranger, { record })
    await confirm(stranger, roles, secret)
    await expect.poll(() => node.network.isPeerConnected(stranger.key.peerId)).toBe(true)
    await expect(node.network.connectPeer(other.peerId)).rejects.toMatchObject({
      code: 'ERR_NO_TRANSPORT',
    })
    expect(heard).toEqual([])
  })
})

describe('a member that misbehaves', () => {
  it('FR6: sends fragments of one message without end: it is out, and stays out for a while', async () => {
    const node = await victim()
    node.network.handle('/idle/1', () => {})
    const hostile = await attack(node, secret)
    const { roles } = await greet(hostile)
    const proof = await confirm(hostile, roles, secret)
    const open = { channel: 1, protocol: '/idle/1', priority: 2, proof } as const
    await hostile.connection.send(encodeOpen(open))
    const payload = new Uint8Array(1)
    for (let i = 1; i <= 300; i++) {
      const frame = encodeData({ channel: 1, sequence: i, hasMore: true, payload })
      await hostile.connection.send(frame).catch(() => undefined)
    }
    await hostile.connection.closed
    const refused = node.network.events.once('peer:refused')
    const again = await hostile.transport.dial(node.address)
    await again.send(encodeHello(helloFields())).catch(() => undefined)
    await again.closed
    expect(await refused).toMatchObject({ peerId: hostile.key.peerId, code: 'ERR_PEER_BLOCKED' })
    await expectHonestIsServed(node)
  })

  it('HO1, TF2: comes and goes over and over: it is slowed down, and nobody else is', async () => {
    // A slow clock: a busy machine does not manage more handshakes in a second than are allowed.
    const node = await victim({ now: () => performance.now() / 50 })
    const hostile = await attack(node, secret)
    const codes: string[] = []
    node.network.events.on('peer:refused', ({ code }) => codes.push(code))
    await hostile.connection.close()
    for (let i = 0; i < 40; i++) {
      const connection = await hostile.transport.dial(node.address)
      await connection.send(encodeHello(helloFields())).catch(() => undefined)
      await connection.close()
      await connection.closed
    }
    await expect.poll(() => codes).toContain('ERR_LIMIT')
    await expectHonestIsServed(node)
  })
})

describe.skipIf(process.platform !== 'linux')('strangers at the door', () => {
  it('SL1: 2,000 sockets that say half a word are closed, and an honest peer gets in meanwhile', async () => {
    const node = await victim()
    const port = Number(new URL(node.address.replace('tcp:', 'http:')).port)
    let open = 0
    const opened: Promise<unknown>[] = []
    for (let i = 0; i < 2_000; i++) {
      // From another address than the honest one: each has limits of its own.
      const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })
      open += 1
      socket.on('error', () => {})
      socket.on('close', () => (open -= 1))
      socket.on('connect', () => socket.write(Buffer.from([22, 3, 1])))
      opened.push(Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {}))
      onTestFinished(() => void socket.destroy())
      if (i % 200 === 199) await Promise.all(opened.splice(0))
    }
    await expectHonestIsServed(node)
    await expect.poll(() => open, { timeout: 15_000 }).toBe(0)
  }, 40_000)
})
