/** One peer over several transports: whichever way leads there. */
import { setImmediate } from 'node:timers/promises'
import { createNodeKey, type NodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import {
  parseTransportConfig,
  TransportError,
  type Connection,
  type DialOptions,
  type Transport,
} from '@vudo/transport'
import { createMemoryMedium, memory } from '@vudo/transport-memory'
import { createNetwork, type Network } from '@vudo/network'
import { describe, expect, it, onTestFinished } from 'vitest'
import { tcpTransport } from './nodes.ts'

const secret = new Uint8Array(32).fill(7)

function memoryTransport(key: NodeKey, medium: ReturnType<typeof createMemoryMedium>): Transport {
  const settings = parseTransportConfig({ maxNewConnectionsPerSecond: 10_000 })
  return memory({ medium })({ ...createTransportContext(key), settings })
}

/** The same transport, with other features or another way to dial. */
function changed(transport: Transport, changes: Partial<Transport>): Transport {
  return new Proxy(transport, {
    get: (target, name) => {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** As a relay's transport says of itself, and of each connection that it dials. */
function relayed(transport: Transport): Transport {
  return changed(transport, {
    features: { ...transport.features, relays: true },
    dial: async (target, options) => {
      const connection = await transport.dial(target, options)
      // The same object: it is yielded on its topics as well.
      const path = { ...connection.path, relayed: true }
      return Object.defineProperty(connection, 'path', { value: path })
    },
  })
}

function refuse(): Promise<Connection> {
  return Promise.reject(new TransportError('ERR_DIAL_FAILED', 'nothing gets through here'))
}

/** Never answers, until it is aborted. */
function hangs(_target: string, options?: DialOptions): Promise<Connection> {
  const { promise, reject } = Promise.withResolvers<Connection>()
  options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
  return promise
}

async function start(key: NodeKey, transports: readonly Transport[]): Promise<Network> {
  const network = createNetwork({ key, transports })
  onTestFinished(() => network.stop())
  await network.start()
  await network.join({ id: 'db', secret })
  return network
}

describe('a peer that several transports reach', () => {
  it('is reached over the one that works, at once when the other fails', async () => {
    const [keyA, keyB] = [createNodeKey(), createNodeKey()]
    const medium = createMemoryMedium()
    const b = await start(keyB, [tcpTransport(keyB), memoryTransport(keyB, medium)])
    const a = await start(keyA, [
      changed(tcpTransport(keyA), { dial: refuse }),
      memoryTransport(keyA, medium),
    ])
    const tcpAddress = b.addresses.find((address) => address.startsWith('tcp:')) ?? ''
    await expect(a.connectPeer(tcpAddress)).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
    expect(await a.connectPeer(b.peerId)).toBe(b.peerId)
    expect(a.session(b.peerId)?.path?.transport).toBe('memory')
  })

  it('is reached over the relay while the direct way hangs', async () => {
    const [keyA, keyB] = [createNodeKey(), createNodeKey()]
    const medium = createMemoryMedium()
    const tcp = tcpTransport(keyA)
    const relay = memoryTransport(keyA, medium)
    const b = await start(keyB, [tcpTransport(keyB), memoryTransport(keyB, medium)])
    const a = await start(keyA, [
      changed(tcp, { dial: hangs, features: { ...tcp.features, discovers: true } }),
      relayed(relay),
    ])
    await a.connectPeer(b.peerId)
    expect(a.session(b.peerId)?.path?.transport).toBe('memory')
    // `stop` ends what is still under way: the test would hang otherwise.
  })

  it('is reached over the relay first, and directly when that stands, in one session', async () => {
    const [keyA, keyB] = [createNodeKey(), createNodeKey()]
    const medium = createMemoryMedium()
    const [tcp, relay] = [tcpTransport(keyA), memoryTransport(keyA, medium)]
    const b = await start(keyB, [tcpTransport(keyB), memoryTransport(keyB, medium)])
    const tcpAddress = b.addresses.find((address) => address.startsWith('tcp:')) ?? ''
    const punched = Promise.withResolvers<void>()
    const punches: Transport['dial'] = async (_target, options) => {
      await punched.promise
      return tcp.dial(tcpAddress, options)
    }
    const a = await start(keyA, [
      changed(tcp, { dial: punches, features: { ...tcp.features, discovers: true } }),
      relayed(relay),
    ])
    await a.connectPeer(b.peerId)
    const session = a.session(b.peerId)!
    expect(session.path).toMatchObject({ transport: 'memory' })
    b.handle('/count/1', async (channel) => {
      for await (const message of channel) await channel.send(message)
    })
    const channel = session.openChannel('/count/1', { database: 'db' })
    punched.resolve()
    for (let i = 0; session.path?.transport !== 'tcp'; i = (i + 1) & 255) {
      await channel.send(Uint8Array.of(i))
      expect(await channel.receive()).toEqual(Uint8Array.of(i))
      // Within one process messages take no turn of the event loop: TCP needs some.
      await setImmediate()
    }
    expect(a.session(b.peerId)).toBe(session)
    expect(a.sessions).toHaveLength(1)
    expect(b.sessions).toHaveLength(1)
  })

  it('is dialled directly as soon as it has proven the database and said where it is', async () => {
    const [keyA, keyB] = [createNodeKey(), createNodeKey()]
    const medium = createMemoryMedium()
    const b = await start(keyB, [tcpTransport(keyB), memoryTransport(keyB, medium)])
    const a = await start(keyA, [tcpTransport(keyA), relayed(memoryTransport(keyA, medium))])
    const failures: unknown[] = []
    a.events.on('dial:ended', ({ error }) => error !== undefined && failures.push(error))
    await a.connectPeer(b.peerId)
    expect(a.session(b.peerId)?.path?.transport).toBe('memory')
    await expect.poll(() => a.session(b.peerId)?.path?.transport, { timeout: 5_000 }).toBe('tcp')
    expect(a.sessions).toHaveLength(1)
    expect(failures).toEqual([])
  })

  it('is dialled directly at once at a public address, too, which its hello has named already', async () => {
    const [keyA, keyB] = [createNodeKey(), createNodeKey()]
    const medium = createMemoryMedium()
    const [tcpA, tcpB] = [tcpTransport(keyA), tcpTransport(keyB)]
    await tcpB.listen()
    const [behindRouter = ''] = tcpB.addresses
    const b = await start(keyB, [
      changed(tcpB, { addresses: ['tcp://11.0.0.101:34569'] }),
      memoryTransport(keyB, medium),
    ])
    const a = await start(keyA, [
      changed(tcpA, { dial: (_target, options) => tcpA.dial(behindRouter, options) }),
      relayed(memoryTransport(keyA, medium)),
    ])
    await a.connectPeer(b.peerId)
    await expect.poll(() => a.session(b.peerId)?.path?.transport, { timeout: 5_000 }).toBe('tcp')
    expect(a.sessions).toHaveLength(1)
  })

  it('keeps nobody waiting that gets no answer in this place, and joins in later', async () => {
    const [keyA, keyB] = [createNodeKey(), createNodeKey()]
    const medium = createMemoryMedium()
    const b = await start(keyB, [tcpTransport(keyB), memoryTransport(keyB, medium)])
    const tcp = tcpTransport(keyA)
    const answered = Promise.withResolvers<void>()
    const late = changed(tcp, {
      listen: async (options) => {
        await answered.promise
        return tcp.listen(options)
      },
    })
    const a = await start(keyA, [late, memoryTransport(keyA, medium)])
    await a.connectPeer(b.peerId)
    expect(a.addresses.some((address) => address.startsWith('tcp:'))).toBe(false)
    answered.resolve()
    const isListening = (): boolean => a.addresses.some((address) => address.startsWith('tcp:'))
    await expect.poll(isListening, { timeout: 5_000 }).toBe(true)
  })

  it('has no session when nobody answers in time', async () => {
    const key = createNodeKey()
    const tcp = tcpTransport(key)
    let aborted = 0
    const hangsAndCounts: Transport['dial'] = (target, options) => {
      options?.signal?.addEventListener('abort', () => (aborted += 1))
      return hangs(target, options)
    }
    const network = createNetwork({
      key,
      transports: [changed(tcp, { dial: hangsAndCounts })],
      options: { connectionTimeoutMs: 50 },
    })
    onTestFinished(() => network.stop())
    await network.start()
    await expect(network.connectPeer('tcp://127.0.0.1:9')).rejects.toMatchObject({
      code: 'ERR_DIAL_TIMEOUT',
    })
    expect(aborted).toBe(1)
    await expect(
      network.connectPeer('tcp://127.0.0.1:9', { signal: AbortSignal.abort(new Error('mine')) }),
    ).rejects.toThrow('mine')
  })
})
