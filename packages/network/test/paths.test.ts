import { createNodeKey } from '@vudo/identity'
import { createNetwork, type Channel, type Network, type NetworkEvents } from '@vudo/network'
import { parseTransportConfig, type Transport } from '@vudo/transport'
import { tcp } from '@vudo/transport-tcp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { contextOf, nextChannel, pattern } from './nodes.ts'
import { openProxy, type TcpProxy } from './proxy.ts'

const secret = new Uint8Array(32).fill(7)

/** Two transports over TCP under two names, as if they were different ones. */
function twoTransports(key: ReturnType<typeof createNodeKey>): Transport[] {
  const settings = parseTransportConfig({
    port: 0,
    bindAddress: '127.0.0.1',
    maxNewConnectionsPerSecond: 10_000,
  })
  return ['tcp', 'copper'].map((name) => renamed(tcp()({ ...contextOf(key), settings }), name))
}

function tcpOf(address: string): string {
  return address.replace(/^[a-z]+:/, 'tcp:')
}

function renamed(transport: Transport, name: string): Transport {
  const own = (address: string): string => address.replace(/^[a-z]+:/, `${name}:`)
  return new Proxy(transport, {
    get(target, field) {
      if (field === 'name') return name
      if (field === 'addresses') return target.addresses.map(own)
      if (field === 'dial') {
        return async (address: string, options?: object) =>
          labelled(await target.dial(tcpOf(address), options), name)
      }
      if (field === 'connect') {
        return async function* (...args: Parameters<Transport['connect']>) {
          for await (const connection of target.connect(...args)) yield labelled(connection, name)
        }
      }
      const value: unknown = Reflect.get(target, field)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const labels = new WeakMap<object, object>()

/** The same connection each time, with the path of the transport's name. */
function labelled<Conn extends { readonly path: object }>(
  connection: Conn,
  transport: string,
): Conn {
  const present = labels.get(connection)
  // The map keeps what was made of this very connection.
  if (present !== undefined) return present as Conn
  const made = new Proxy(connection, {
    get(target, field) {
      if (field === 'path') return { ...target.path, transport }
      const value: unknown = Reflect.get(target, field)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  labels.set(connection, made)
  return made
}

interface Scene {
  readonly a: Network
  readonly b: Network
  readonly peerId: string
  readonly proxies: readonly [TcpProxy, TcpProxy]
  readonly paths: NetworkEvents['path:added'][]
}

async function startNetwork(): Promise<Network> {
  const key = createNodeKey()
  const network = createNetwork({ key, transports: twoTransports(key) })
  onTestFinished(() => network.stop())
  await network.start()
  await network.join({ id: 'db', secret })
  return network
}

/** Two nodes with a session over two paths, each through a proxy of its own. */
async function scene(): Promise<Scene> {
  const [a, b] = [await startNetwork(), await startNetwork()]
  const proxies = [
    await openProxy(tcpOf(b.addresses[0] ?? '')),
    await openProxy(tcpOf(b.addresses[1] ?? '')),
  ] as const
  const paths: NetworkEvents['path:added'][] = []
  a.events.on('path:added', (event) => void paths.push(event))
  const [first, second] = proxies
  const peerId = await a.connectPeer(first.address)
  await a.connectPeer(second.address.replace('tcp:', 'copper:'))
  await expect.poll(() => a.session(peerId)?.paths.length).toBe(2)
  await expect.poll(() => b.session(a.peerId)?.paths.length).toBe(2)
  return { a, b, peerId, proxies, paths }
}

async function sendNumbers(channel: Channel, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) await channel.send(numbered(number))
}

function numbered(number: number): Uint8Array {
  const bytes = pattern(number % 7 === 0 ? 60_000 : 100, number)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

async function expectNumbers(channel: Channel, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) {
    expect(await channel.receive()).toEqual(numbered(number))
  }
}

function pathOf({ a, peerId }: Scene): string | undefined {
  return a.session(peerId)?.path?.transport
}

function proxyOf({ proxies }: Scene, transport: string | undefined): TcpProxy {
  return proxies[transport === 'tcp' ? 0 : 1]
}

function count(network: Network, peerId: string): number | undefined {
  return network.session(peerId)?.paths.length
}

describe('a session over two transports', () => {
  it('is one session, and says what it knows of its paths', async () => {
    const { a, peerId } = await scene()
    expect(a.sessions).toHaveLength(1)
    const paths = a.session(peerId)!.paths
    expect(paths.map(({ path }) => path.transport).toSorted()).toEqual(['copper', 'tcp'])
    expect(paths.filter(({ isBest }) => isBest)).toHaveLength(1)
    await expect
      .poll(() => a.session(peerId)!.paths.every(({ rttMs }) => rttMs !== undefined))
      .toBe(true)
  })

  it('loses, doubles and reorders nothing when the best path falls silent', async () => {
    const at = await scene()
    const incoming = nextChannel(at.b, '/numbers/1')
    const channel = at.a.session(at.peerId)!.openChannel('/numbers/1', { database: 'db' })
    await sendNumbers(channel, 0, 20)
    const receiver = await incoming
    await expectNumbers(receiver, 0, 20)
    const before = pathOf(at)
    proxyOf(at, before).silence()
    const sent = sendNumbers(channel, 20, 120)
    await expectNumbers(receiver, 20, 120)
    await sent
    expect(pathOf(at)).not.toBe(before)
    expect(at.a.session(at.peerId)!.paths.filter(({ isAnswering }) => isAnswering)).toHaveLength(1)
  })

  it('goes on over the other path at once when one breaks, in the middle of a transfer', async () => {
    const at = await scene()
    const incoming = nextChannel(at.b, '/numbers/1')
    const channel = at.a.session(at.peerId)!.openChannel('/numbers/1', { database: 'db' })
    const interrupted: unknown[] = []
    at.a.events.on('session:interrupted', (event) => void interrupted.push(event))
    const sent = sendNumbers(channel, 0, 300)
    const receiver = await incoming
    await expectNumbers(receiver, 0, 50)
    proxyOf(at, pathOf(at)).cut()
    await expectNumbers(receiver, 50, 300)
    await sent
    expect(interrupted).toEqual([])
  })

  it('finds a new way by itself when every path falls silent', async () => {
    const at = await scene()
    const incoming = nextChannel(at.b, '/numbers/1')
    const channel = at.a.session(at.peerId)!.openChannel('/numbers/1', { database: 'db' })
    await sendNumbers(channel, 0, 5)
    const receiver = await incoming
    await expectNumbers(receiver, 0, 5)
    const { id } = at.a.session(at.peerId)!
    for (const proxy of at.proxies) proxy.silence()
    const sent = sendNumbers(channel, 5, 40)
    await expectNumbers(receiver, 5, 40)
    await sent
    expect(at.a.session(at.peerId)?.id).toBe(id)
  }, 15_000)

  it('settles two connections over the same transport: one stays, at both ends the same', async () => {
    const at = await scene()
    const { a, b, peerId, proxies } = at
    await a.connectPeer(proxies[0].address)
    await expect.poll(() => count(a, peerId)).toBe(2)
    await expect.poll(() => count(b, a.peerId)).toBe(2)
    expect(at.paths.length).toBe(3)
  })
})
