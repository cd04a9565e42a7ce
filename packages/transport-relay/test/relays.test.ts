import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { startRelay, type Relay, type RelayInit } from '@vudo/relay'
import { createTransportContext } from '@vudo/secure-channel'
import { createNodeKey } from '@vudo/identity'
import { createTransport, MAX_HALF_OPEN_PER_ADDRESS } from '@vudo/transport'
import { relay } from '@vudo/transport-relay'
import { MAX_PIPES_PER_ENDPOINT } from '../src/limits.ts'
import { createNodeConnector } from '../src/node-socket.ts'
import { createRelayFactory } from '../src/relay-transport.ts'
import { createNode, meet, next, type TestNode } from './nodes.ts'
import { createPlainClient } from './plain-client.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(init: RelayInit = {}): Promise<Relay> {
  const one = await startRelay(init)
  open.push(() => one.close())
  return one
}

function certificate(name: string): string {
  return readFileSync(fileURLToPath(new URL(`certificates/${name}.pem`, import.meta.url)), 'utf8')
}

function node(factory = relay()): TestNode {
  const one = createNode(factory)
  open.push(() => one.transport.disconnect())
  return one
}

describe('a node', () => {
  it('is made by name, with the relay of the settings', async () => {
    const { url } = await start()
    const context = createTransportContext(createNodeKey())
    const transport = createTransport({ mode: 'relay', relayUrl: url }, context)
    open.push(() => transport.disconnect())
    await transport.listen()
    const host = new URL(url).host
    expect(transport.addresses[0]).toMatch(
      new RegExp(`^relay://${host}/${context.peerId}/[0-9a-f]{32}$`),
    )
  })

  it.each([
    ['http://relay.example.com', 'ERR_CONFIG_INVALID'],
    ['wss://user:word@relay.example.com', 'ERR_CONFIG_INVALID'],
    [`wss://${'a'.repeat(150)}.example.com`, 'ERR_CONFIG_INVALID'],
  ])('is not made with %s', (url, code) => {
    expect(() => createNode(relay({ urls: [url] }))).toThrowError(expect.objectContaining({ code }))
  })

  it('is not made with two URLs of one relay that differ, and takes the same one for one', async () => {
    const host = 'wss://relay.example.com'
    for (const other of [`${host}/?token=secret`, `${host}/path`, 'ws://relay.example.com']) {
      expect(() => createNode(relay({ urls: [host, other] }))).toThrowError(/named twice/)
    }
    const { url } = await start()
    const twice = node(relay({ urls: [url, `${url}/`] }))
    await twice.transport.listen()
    expect(twice.transport.addresses).toHaveLength(1)
  })

  it('is not made without a relay', () => {
    expect(() => createNode(relay())).toThrowError(/expected 1 to 4/)
  })

  it('says that its connections are relayed', async () => {
    const { url } = await start()
    const [ab] = await meet(node(relay({ urls: [url] })), node(relay({ urls: [url] })))
    expect(ab.path).toMatchObject({ transport: 'relay', relayed: true })
  })

  it('hears at once what only its operator can change', async () => {
    const { url } = await start({ access: { token: 'secret' } })
    const wrong = node(relay({ urls: [`${url}?token=guess`] }))
    await expect(wrong.transport.listen()).rejects.toMatchObject({
      code: 'ERR_HANDSHAKE_FAILED',
      hint: expect.stringContaining('token'),
    })
    await node(relay({ urls: [`${url}?token=secret`] })).transport.listen()
    await node(relay({ urls: [url], token: 'secret' })).transport.listen()
  })

  it('hears that the relay does not go by that name', async () => {
    const { url } = await start({ names: ['relay.example.com'] })
    await expect(node(relay({ urls: [url] })).transport.listen()).rejects.toMatchObject({
      hint: expect.stringContaining('name'),
    })
  })

  it('cannot dial through a relay that is not its own, or whom nobody knows', async () => {
    const { url } = await start()
    const one = node(relay({ urls: [url] }))
    const peer = `${'ab'.repeat(32)}/${'00'.repeat(16)}`
    const { host } = new URL(url)
    for (const address of [`relay://elsewhere.example.com/${peer}`, `relay://${host}/${peer}`]) {
      await expect(one.transport.dial(address)).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
    }
    for (const address of ['relay://', `relay://${host}/ab/cd`, `relay://${'ab'.repeat(32)}`]) {
      await expect(one.transport.dial(address)).rejects.toMatchObject({
        code: 'ERR_ADDRESS_INVALID',
      })
    }
  })
})

describe('a relay that takes few topics', () => {
  it('makes announce, lookup and dial of one more fail, and say why', async () => {
    // One is the inbox.
    const { url } = await start({ limits: { maxTopics: 2 } })
    const [a, b] = [node(relay({ urls: [url] })), node(relay({ urls: [url] }))]
    await Promise.all([a.transport.listen(), b.transport.listen()])
    const [first, second] = [1, 2].map((n) => new Uint8Array(32).fill(n))
    if (!first || !second) throw new Error('there are two')
    await a.transport.announce(first)
    const error = { code: 'ERR_LIMIT', hint: expect.stringContaining('--max-topics') }
    await expect(a.transport.announce(second)).rejects.toMatchObject(error)
    await expect(a.transport.lookup(second)).rejects.toMatchObject(error)
    await expect(a.transport.dial(b.transport.addresses[0] ?? '')).rejects.toMatchObject(error)
    expect((await b.transport.lookup(first)).map(({ id }) => id)).toEqual([a.id])
  })
})

describe('a client that opens pipes and says nothing', () => {
  it('keeps nobody else out', async () => {
    const { url } = await start()
    const [victim, honest] = [node(relay({ urls: [url] })), node(relay({ urls: [url] }))]
    await Promise.all([victim.transport.listen(), honest.transport.listen()])
    const [address = ''] = victim.transport.addresses
    const silent = await createPlainClient(url)
    open.push(() => silent.close())
    const pipes = await Promise.all(
      Array.from({ length: MAX_PIPES_PER_ENDPOINT + 1 }, () => silent.dial(address)),
    )
    let refused = 0
    for (const pipe of pipes) void pipe.ended.then(() => (refused += 1))
    // Opens pass in order: when the last is refused, all have been looked at.
    await pipes.at(-1)?.ended
    expect(pipes.length - refused).toBe(MAX_HALF_OPEN_PER_ADDRESS)
    expect((await honest.transport.dial(address)).peerId).toBe(victim.id)
  })
})

describe('a relay that ends', () => {
  it('is found again, and its nodes find each other', async () => {
    const first = await start()
    const [a, b] = [node(relay({ urls: [first.url] })), node(relay({ urls: [first.url] }))]
    const topic = crypto.getRandomValues(new Uint8Array(32))
    const [atA, atB] = [a.join(topic), b.join(topic)]
    const [before] = await Promise.all([next(atA), next(atB)])
    await first.close()
    expect((await before.closed).clean).toBe(false)
    await start({ port: first.port })
    const [again, far] = await Promise.all([next(atA), next(atB)])
    void again.send(Uint8Array.of(1))
    expect(await far.receive()).toEqual(Uint8Array.of(1))
  })

  it('is no loss where there is another', async () => {
    const [one, two] = [await start(), await start()]
    const urls = [one.url, two.url]
    const [a, b] = [node(relay({ urls })), node(relay({ urls }))]
    await Promise.all([a.transport.listen(), b.transport.listen()])
    await one.close()
    const [ab, ba] = await meet(a, b)
    void ab.send(Uint8Array.of(1))
    expect(await ba.receive()).toEqual(Uint8Array.of(1))
    expect(ab.path.address).toContain(new URL(two.url).host)
  })
})

describe('the way to a relay', () => {
  it('is TLS with an authority of its own, and fails without', async () => {
    const cert = certificate('cert')
    const { url } = await start({ tls: { cert, key: certificate('key') } })
    const [ab] = await meet(
      node(relay({ urls: [url], ca: cert })),
      node(relay({ urls: [url], ca: [cert] })),
    )
    expect(ab.path.relayed).toBe(true)
    const events = { onOpen: () => undefined, onMessage: () => undefined, onRoom: () => undefined }
    const connectSocket = createNodeConnector({ environment: {} })
    const { signal } = new AbortController()
    await expect(connectSocket(new URL(url), events, { signal })).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    })
  })

  it.each(['ws', 'wss'])('leads through a proxy: %s', async (scheme) => {
    const cert = certificate('cert')
    const tls = scheme === 'wss' ? { cert, key: certificate('key') } : undefined
    const { url } = await start({ tls })
    const asked: string[] = []
    const proxy = createServer()
    proxy.on('connect', (request: IncomingMessage, near: Socket) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization']}`)
      const [host, port] = request.url?.split(':') ?? []
      const far = connect(Number(port), host, () => near.write('HTTP/1.1 200 OK\r\n\r\n'))
      far.pipe(near).pipe(far)
      far.on('error', () => near.destroy())
      near.on('error', () => far.destroy())
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    open.push(() => proxy.close())
    const { port } = proxy.address() as AddressInfo
    const address = `http://user:word@127.0.0.1:${port}`
    const environment = { [scheme === 'wss' ? 'https_proxy' : 'HTTP_PROXY']: address }
    const connector = createNodeConnector({ environment, ca: cert })
    const factory = createRelayFactory({ urls: [url] }, connector)
    const [ab] = await meet(node(factory), node(factory))
    expect(ab.path.relayed).toBe(true)
    const login = Buffer.from('user:word').toString('base64')
    expect(asked[0]).toBe(`${new URL(url).host} Basic ${login}`)
  })
})
