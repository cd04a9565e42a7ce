import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import { parseLibp2pAddress } from '@vudo/transport-libp2p'
import { MAX_CONNECTIONS_PER_PEER, MAX_LINKS_PER_CONNECTION } from '../src/limits.ts'
import { expectLink, listening, never } from './links.ts'
import { addressOf, createNode, createTopic, firstOf, until, type TestNode } from './nodes.ts'
import { addressOf as addressOfPlain, createPlainNode, multiaddrOf } from './plain-node.ts'

function node(...args: Parameters<typeof createNode>): TestNode {
  const made = createNode(...args)
  onTestFinished(() => made.transport.disconnect())
  return made
}

async function plain(...args: Parameters<typeof createPlainNode>) {
  const made = await createPlainNode(...args)
  onTestFinished(() => made.stop())
  return made
}

describe('dial', () => {
  it.each([
    ['nobody listens', 'libp2p:///ip4/127.0.0.1/tcp/9', 'ERR_DIAL_FAILED', /ECONNREFUSED/],
    ['nobody listens by WebSocket', 'libp2p:///ip4/127.0.0.1/tcp/9/ws', 'ERR_DIAL_FAILED', /./],
    ['QUIC is off', 'libp2p:///ip4/127.0.0.1/udp/9/quic-v1', 'ERR_DIAL_FAILED', /./],
    ['it is no multiaddr', 'libp2p://127.0.0.1:9', 'ERR_ADDRESS_INVALID', /./],
    [
      'the key in it is no Ed25519 key',
      'libp2p:///ip4/127.0.0.1/tcp/9/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN',
      'ERR_ADDRESS_INVALID',
      /RSA/,
    ],
    [
      'the relay cannot be reached',
      'libp2p:///ip4/127.0.0.1/tcp/9/p2p/12D3KooWKRyzVWW6ChFjQjK4miCty85Niy48tpPV95XdKu1BcvMA/p2p-circuit/p2p/12D3KooWNvSZnPi3RrhrTwEY4LuuBeB6K6facKUCJcyWG1aoDd2p',
      'ERR_DIAL_FAILED',
      /ECONNREFUSED/,
    ],
    ['nobody knows the peer', `libp2p://${'ab'.repeat(32)}`, 'ERR_DIAL_FAILED', /nobody knows/],
  ])('says so when %s', async (_when, address, code, message) => {
    const { transport } = node()
    await expect(transport.dial(address)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })

  it('says so when another service listens there', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    await expect(
      node().transport.dial(`libp2p:///ip4/127.0.0.1/tcp/${port}`),
    ).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
  })

  it('gives up in time when somebody listens and says nothing', async () => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => void sockets.add(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    const { port } = server.address() as { port: number }
    await expect(
      node({ dialTimeoutMs: 300 }).transport.dial(`libp2p:///ip4/127.0.0.1/tcp/${port}`),
    ).rejects.toMatchObject({ code: 'ERR_DIAL_TIMEOUT' })
  })

  it('tells a node that speaks another version of the protocol from one that is gone', async () => {
    const other = await plain()
    await other.handle('/vudo/link/2', () => undefined)
    await expect(node().transport.dial(addressOfPlain(other))).rejects.toMatchObject({
      code: 'ERR_HANDSHAKE_FAILED',
      message: expect.stringContaining('does not speak /vudo/link/1') as string,
    })
  })

  it.each(['RSA', 'secp256k1'] as const)('refuses a peer with a key of type %s', async (type) => {
    const other = await plain({ privateKey: await generateKeyPair(type as 'RSA') })
    await other.handle('/vudo/link/1', () => undefined)
    const direct = addressOfPlain(other).replace(/\/p2p\/.*/, '')
    const ours = node()
    await expect(ours.transport.dial(direct)).rejects.toMatchObject({
      code: 'ERR_HANDSHAKE_FAILED',
    })
    await expect(
      other.dial(multiaddrOf(await addressOf(ours))).then((one) => one.newStream('/vudo/link/1')),
    ).rejects.toThrow(/closed|reset|EOF|unexpected/i)
  })

  it('refuses another key than the one in the address, and names both', async () => {
    const [ours, there] = [node(), node()]
    const impostor = createNodeKey().peerId
    const dialling = ours.transport.dial(await addressOf(there), { expected: impostor })
    await expect(dialling).rejects.toMatchObject({
      code: 'ERR_PEER_MISMATCH',
      message: `found peer ${there.id}, expected ${impostor}`,
    })
  })

  it('refuses its own address', async () => {
    const ours = node()
    await expect(ours.transport.dial(await addressOf(ours))).rejects.toMatchObject({
      code: 'ERR_PEER_SELF',
    })
  })

  it('opens another connection when there are as many links on one as may be', async () => {
    const there = await listening()
    const ours = await listening()
    onTestFinished(
      async () => void (await Promise.all([there.medium.close(), ours.medium.close()])),
    )
    for (let at = 0; at < 2 * MAX_LINKS_PER_CONNECTION + 1; at++) {
      const dialling = ours.medium.dial(there.address, { signal: never, expected: there.peerId })
      expect(expectLink(await dialling).peerId).toBe(there.peerId)
    }
    const byAddress = expectLink(await ours.medium.dial(there.address, { signal: never }))
    expect(byAddress.peerId).toBe(there.peerId)
  })

  it('uses the connection that is there', async () => {
    const [ours, there] = [node(), node()]
    const address = await addressOf(there)
    const topic = createTopic()
    const [first] = await Promise.all([
      ours.transport.dial(address),
      firstOf(ours, topic),
      firstOf(there, topic),
    ])
    await first.close()
    const again = await ours.transport.dial(address, { expected: there.id })
    expect(again.path.address).toBe(first.path.address)
  })
})

describe('listen', () => {
  it('says so when the port that was chosen is taken', async () => {
    const first = node()
    const port = Number(parseLibp2pAddress(await addressOf(first)).multiaddr.split('/')[4])
    await expect(node({ port }).transport.listen()).rejects.toMatchObject({
      code: 'ERR_ADDRESS_IN_USE',
    })
  })

  it('refuses an address that this machine does not have', async () => {
    await expect(node({ bindAddress: '203.0.113.7' }).transport.listen()).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
  })

  it('tells others the addresses that were given by hand', async () => {
    const announceAddresses = ['libp2p:///ip4/203.0.113.7/tcp/34569']
    const ours = node({}, { announceAddresses })
    await ours.transport.listen()
    expect(ours.transport.addresses).toEqual(announceAddresses)
  })

  it('is reached by WebSocket and by QUIC too', async () => {
    const options = { enableWebSocket: true, enableQuic: true }
    const [ours, there] = [node({}, options), node({}, options)]
    await there.transport.listen()
    const kinds = there.transport.addresses.map((one) => parseLibp2pAddress(one).medium)
    expect(kinds).toEqual(['tcp', 'quic', 'websocket'])
    for (const address of there.transport.addresses.slice(1)) {
      const connection = await ours.transport.dial(address)
      expect(connection.peerId).toBe(there.id)
      await connection.close()
    }
  })

  it('lets a peer in although a stranger has opened more connections than there are', async () => {
    const there = node({ maxConnections: 1 })
    const target = multiaddrOf(await addressOf(there))
    const strangers = await Promise.all(
      Array.from({ length: 20 }, () => plain({ connectionMonitor: { enabled: false } })),
    )
    // One after the other at each: 160, and the stack takes 129.
    await Promise.all(
      strangers.map(async (stranger) => {
        for (let at = 0; at < 8; at++) {
          // oxlint-disable-next-line no-await-in-loop
          await stranger.dial(target, { force: true }).catch(() => undefined)
        }
      }),
    )
    const connection = await node().transport.dial(await addressOf(there))
    expect(connection.peerId).toBe(there.id)
  })

  it('takes a few connections of one key and no more', async () => {
    const target = multiaddrOf(await addressOf(node()))
    const stranger = await plain({ connectionMonitor: { enabled: false } })
    for (let at = 0; at < MAX_CONNECTIONS_PER_PEER; at++) {
      await stranger.dial(target, { force: true })
    }
    await stranger.dial(target, { force: true }).catch(() => undefined)
    await until(() => stranger.getConnections().length <= MAX_CONNECTIONS_PER_PEER)
    expect(stranger.getConnections()).toHaveLength(MAX_CONNECTIONS_PER_PEER)
  })

  it('bounds a flood of connections, and serves its peers meanwhile', async () => {
    const there = node({ maxConnections: 4, maxNewConnectionsPerSecond: 5 })
    const address = await addressOf(there)
    const topic = createTopic()
    const ours = node()
    const [theirs, connection] = await Promise.all([
      firstOf(there, topic),
      ours.transport.dial(address).then(() => firstOf(ours, topic)),
    ])
    const port = Number(address.split('/').at(-1))
    const sockets = Array.from({ length: 400 }, () => connect(port, '127.0.0.1'))
    let open = sockets.length
    for (const socket of sockets) {
      socket.on('error', () => undefined)
      socket.resume()
      socket.once('close', () => open--)
    }
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
    // Four times 5 a second from one address: the rest is turned away at once.
    await until(() => open <= 40)
    await connection.send(Uint8Array.of(1))
    expect(await theirs.receive()).toEqual(Uint8Array.of(1))
    expect(open).toBeLessThanOrEqual(40)
  })
})
