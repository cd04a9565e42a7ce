import { once } from 'node:events'
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Link } from '@vudo/transport'
import { createCertificate } from '../src/certificate.ts'
import { createTcpMedium } from '../src/tcp-medium.ts'
import { createTlsIdentity } from '../src/tls-identity.ts'
import { expectLink, listening, never, type Opened } from './medium-pair.ts'
import { createContext, peerIdOf } from './nodes.ts'

async function server(): Promise<Opened> {
  const opened = await listening()
  onTestFinished(() => opened.medium.close())
  return opened
}

function client(context = createContext()): ReturnType<typeof createTcpMedium> {
  const medium = createTcpMedium(context, {})
  onTestFinished(() => medium.close())
  return medium
}

const portOf = (address: string): number => Number(address.split(':').at(-1))

/** Connects by bare TLS, as a peer that does as it likes. */
async function stranger(address: string, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port: portOf(address), ...options })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

/** A raw peer with a good key that has seen the server's ready frame. */
async function rawPeer(): Promise<{ socket: TLSSocket; link: Link }> {
  const { address, next } = await server()
  const socket = await stranger(address, createTlsIdentity(randomBytes(32)).client)
  const link = await next()
  const [first] = (await once(socket, 'data')) as [Buffer]
  expect(first).toEqual(Buffer.from([0, 0, 0, 1, 3]))
  return { socket, link }
}

describe('a handshake', () => {
  it('proves both keys', async () => {
    const context = createContext()
    const { address, peerId, next } = await server()
    const link = expectLink(
      await client(context).dial(address, { signal: never, expected: peerId }),
    )
    expect(link.peerId).toBe(peerId)
    expect(link.path).toEqual({ transport: 'tcp', relayed: false, address, outbound: true })
    const accepted = await next()
    expect(accepted.peerId).toBe(context.peerId)
    expect(accepted.path.outbound).toBe(false)
  })

  it('refuses another key than the one that was dialled', async () => {
    const { address } = await server()
    const expected = peerIdOf(randomBytes(32))
    await expect(client().dial(address, { signal: never, expected })).rejects.toMatchObject({
      code: 'ERR_PEER_MISMATCH',
    })
  })

  it('refuses our own key', async () => {
    const context = createContext()
    const medium = client(context)
    const [address = ''] = await medium.listen((incoming) => {
      incoming.open(never).catch(() => undefined)
    }, {})
    await expect(medium.dial(address, { signal: never })).rejects.toMatchObject({
      code: 'ERR_PEER_SELF',
    })
  })

  it.each<[string, ConnectionOptions]>([
    ['no certificate', { ALPNProtocols: ['vudo/1'] }],
    ['no protocol name', withoutAlpn(createTlsIdentity(randomBytes(32)).client)],
  ])('refuses a client that shows %s', async (_, options) => {
    const { address, next } = await server()
    const socket = await stranger(address, { ...options, rejectUnauthorized: false })
    await expect(next()).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
    await once(socket, 'close')
  })

  it('refuses other protocols, older versions and other signatures', async () => {
    const { address, next } = await server()
    const good = { ...createCertificate(randomBytes(32)), rejectUnauthorized: false }
    const attempts: ConnectionOptions[] = [
      { ...good, ALPNProtocols: ['h2'] },
      { ...good, ALPNProtocols: ['vudo/1'], maxVersion: 'TLSv1.2' },
      { rejectUnauthorized: false, ALPNProtocols: ['vudo/1'], sigalgs: 'ecdsa_secp256r1_sha256' },
    ]
    for (const options of attempts) {
      await expect(stranger(address, options)).rejects.toBeDefined()
      await expect(next()).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
    }
  })

  it('gives no tickets, so that no session is resumed', async () => {
    const { address } = await server()
    const options = createTlsIdentity(randomBytes(32)).client
    const first = await stranger(address, options)
    let session: Uint8Array | undefined
    first.on('session', (offered) => {
      session = offered
    })
    await once(first, 'data')
    const again = session
      ? await stranger(address, { ...options, session: Buffer.from(session) })
      : undefined
    expect(again?.isSessionReused() ?? false).toBe(false)
  })

  it('shows a refusal at dial, not later', async () => {
    const { medium, address } = await listening((incoming) => incoming.refuse())
    onTestFinished(() => medium.close())
    await expect(client().dial(address, { signal: never })).rejects.toMatchObject({
      code: 'ERR_HANDSHAKE_FAILED',
    })
  })

  it('survives garbage, silence and resets', async () => {
    const { address, next } = await server()
    const garbage = await rawSocket(address)
    garbage.write('GET / HTTP/1.1\r\n\r\n')
    await expect(next()).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
    const silent = await rawSocket(address)
    const handshake = next()
    silent.resetAndDestroy()
    await expect(handshake).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
    expectLink(await client().dial(address, { signal: never }))
  })

  it('ends with the signal on the side that was dialled', async () => {
    const controller = new AbortController()
    const failed = Promise.withResolvers<unknown>()
    const { medium, address } = await listening((incoming) => {
      incoming.open(controller.signal).catch((error: unknown) => failed.resolve(error))
      controller.abort(new Error('too slow'))
    })
    onTestFinished(() => medium.close())
    const silent = await rawSocket(address)
    expect(await failed.promise).toMatchObject({ message: 'too slow' })
    await once(silent, 'close')
  })
})

describe('dialling', () => {
  it('says that nobody listens', async () => {
    const { medium, address } = await listening()
    await medium.close()
    await expect(client().dial(address, { signal: never })).rejects.toMatchObject({
      code: 'ERR_DIAL_FAILED',
      hint: expect.stringContaining('nobody listens') as string,
    })
  })

  it('ends with the signal while the far end says nothing', async () => {
    const silent = createServer(() => controller.abort(reason)).listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const controller = new AbortController()
    const reason = new Error('enough')
    const { port } = silent.address() as AddressInfo
    const dialling = client().dial(`tcp://127.0.0.1:${port}`, { signal: controller.signal })
    await expect(dialling).rejects.toBe(reason)
  })

  it('takes a name', async () => {
    const { address } = await server()
    const named = address.replace('127.0.0.1', 'localhost')
    expectLink(await client().dial(named, { signal: never }))
  })
})

describe('listening', () => {
  it('names the port that is taken', async () => {
    const { address } = await server()
    const port = portOf(address)
    const second = client(createContext({ port }))
    await expect(second.listen(() => undefined, {})).rejects.toMatchObject({
      code: 'ERR_ADDRESS_IN_USE',
      message: `port ${port} of 127.0.0.1 is taken`,
    })
  })

  it('refuses an address that is not of this machine', async () => {
    const elsewhere = client(createContext({ bindAddress: '203.0.113.7' }))
    await expect(elsewhere.listen(() => undefined, {})).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
  })

  it('tells the addresses that it was given instead of its own', async () => {
    const announceAddresses = ['tcp://203.0.113.7:34569']
    const { medium, address } = await listening(undefined, { announceAddresses })
    onTestFinished(() => medium.close())
    expect(address).toBe('tcp://203.0.113.7:34569')
    expect(() => createTcpMedium(createContext(), { announceAddresses: ['x'] })).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
    )
  })

  it('frees the port when it is closed', async () => {
    const { medium, address } = await listening()
    const link = expectLink(await client().dial(address, { signal: never }))
    await medium.close()
    expect((await link.closed).clean).toBe(true)
    const again = client(createContext({ port: portOf(address) }))
    expect(await again.listen(() => undefined, {})).toEqual([address])
  })
})

describe('a peer that breaks the protocol', () => {
  it.each<[string, number[]]>([
    ['a length of 0', [0, 0, 0, 0]],
    ['a length above the limit', [0, 16, 0, 2]],
    ['an unknown lane', [0, 0, 0, 2, 4, 1]],
    ['an empty message', [0, 0, 0, 1, 0]],
    ['a goodbye with words', [0, 0, 0, 2, 2, 1]],
    ['a second ready', [0, 0, 0, 1, 3]],
  ])('loses its connection for %s', async (_, bytes) => {
    const { socket, link } = await rawPeer()
    socket.write(Buffer.from(bytes))
    await expect(link.receive()).rejects.toMatchObject({ code: 'ERR_PEER_PROTOCOL' })
    expect(await link.closed).toMatchObject({ clean: false })
    await expect(link.send(Uint8Array.of(1))).rejects.toMatchObject({ code: 'ERR_PEER_PROTOCOL' })
  })

  it('keeps what came before the breach', async () => {
    const { socket, link } = await rawPeer()
    socket.write(Buffer.from([0, 0, 0, 2, 0, 7, 0, 0, 0, 2, 1, 8, 0, 0, 0, 0]))
    expect(await link.receive()).toEqual({ isControl: false, bytes: Uint8Array.of(7) })
    expect(await link.receive()).toEqual({ isControl: true, bytes: Uint8Array.of(8) })
    await expect(link.receive()).rejects.toMatchObject({ code: 'ERR_PEER_PROTOCOL' })
  })

  it.each<[string, (socket: TLSSocket) => void]>([
    ['ends its stream', (socket) => socket.end()],
    ['vanishes', (socket) => socket.destroy()],
    ['stops within a frame', (socket) => socket.end(Buffer.from([0, 0, 1, 0, 0, 1]))],
  ])('is lost when it %s without a goodbye', async (_, leave) => {
    const { socket, link } = await rawPeer()
    leave(socket)
    await expect(link.receive()).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
    expect((await link.closed).clean).toBe(false)
  })

  it('is told apart from one that says goodbye', async () => {
    const { socket, link } = await rawPeer()
    socket.write(Buffer.from([0, 0, 0, 2, 0, 7, 0, 0, 0, 1, 2]))
    expect((await link.receive())?.bytes).toEqual(Uint8Array.of(7))
    expect(await link.receive()).toBeUndefined()
    expect(await link.closed).toEqual({ clean: true })
  })

  it('is cut off when somebody garbles a record on the way', async () => {
    const { address, next } = await server()
    const { proxy, garble } = await garblingProxy(portOf(address))
    const link = expectLink(await client().dial(proxy, { signal: never }))
    const accepted = await next()
    garble()
    await link.send(new Uint8Array(100))
    await expect(accepted.receive()).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
    expect((await accepted.closed).clean).toBe(false)
    expect((await link.closed).clean).toBe(false)
  })
})

function withoutAlpn(options: ConnectionOptions): ConnectionOptions {
  const { secureContext, requestCert } = options
  return secureContext ? { secureContext, ...(requestCert ? { requestCert } : {}) } : {}
}

async function rawSocket(address: string): Promise<Socket> {
  const socket = connectTcp(portOf(address), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Passes bytes on, and turns over the last one of each chunk to the server from `garble` on. */
async function garblingProxy(port: number): Promise<{ proxy: string; garble: () => void }> {
  let isGarbling = false
  const front = createServer((near) => {
    const far = connectTcp(port, '127.0.0.1')
    near.on('error', () => far.destroy()).on('close', () => far.destroy())
    far.on('error', () => near.destroy()).on('close', () => near.destroy())
    far.pipe(near)
    near.on('data', (chunk: Buffer) => {
      if (isGarbling) chunk.writeUInt8(chunk.readUInt8(chunk.length - 1) ^ 1, chunk.length - 1)
      far.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void front.close())
  await once(front, 'listening')
  const proxy = `tcp://127.0.0.1:${(front.address() as AddressInfo).port}`
  return { proxy, garble: () => (isGarbling = true) }
}
