import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createNodeKey } from '@vudo/identity'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Link, TransportConfig } from '@vudo/transport'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { createHyperswarmMedium } from '../src/hyperswarm-medium.ts'
import { expectLink, listening, never, type Opened } from './medium-pair.ts'
import { createContext } from './nodes.ts'

// Real sockets on a machine that may have other things to do.
vi.setConfig({ testTimeout: 30_000 })

const bootstrap = await startBootstrap()
afterAll(() => bootstrap.close())

async function open(config?: TransportConfig): Promise<Opened> {
  const opened = await listening(bootstrap, config)
  onTestFinished(() => opened.close())
  return opened
}

describe('a dial', () => {
  it('refuses an address that is none, ourselves, and another peer than expected', async () => {
    const [{ medium, address }, other] = [await open(), createNodeKey().peerId]
    const codes: unknown[] = []
    for (const [to, expected] of [
      ['hyperswarm://127.0.0.1:1', undefined],
      [address, undefined],
      [`hyperswarm://${other}`, createNodeKey().peerId],
    ] as const) {
      await medium
        .dial(to, { signal: never, expected })
        .catch((error: { code: string }) => codes.push(error.code))
    }
    expect(codes).toEqual(['ERR_ADDRESS_INVALID', 'ERR_PEER_SELF', 'ERR_PEER_MISMATCH'])
  })

  it('says that a peer is not in the DHT', async () => {
    const { medium } = await open()
    const nobody = `hyperswarm://${createNodeKey().peerId}`
    await expect(medium.dial(nobody, { signal: never })).rejects.toMatchObject({
      code: 'ERR_DIAL_FAILED',
      message: expect.stringContaining('PEER_NOT_FOUND'),
    })
  })

  it('gives one connection when both ends dial at one time, dialled by the larger key', async () => {
    const [a, b] = [await open(), await open()]
    const [ab, ba] = await Promise.all([
      a.medium.dial(b.address, { signal: never }).then(expectLink),
      b.medium.dial(a.address, { signal: never }).then(expectLink),
    ])
    expect([ab.peerId, ba.peerId]).toEqual([b.peerId, a.peerId])
    expect([ab.path.outbound, ba.path.outbound]).toEqual([a.peerId > b.peerId, b.peerId > a.peerId])
    await ab.send(Uint8Array.of(1))
    expect(await ba.receive()).toEqual({ isControl: false, bytes: Uint8Array.of(1) })
  })
})

it('gives one connection at whatever moment the other end dials too', async () => {
  const [a, b] = [await open(), await open()]
  for (let turns = 0; turns < 60; turns++) {
    const [arrivedBefore, dials] = [a.arrived.length + b.arrived.length, [dial(a, b)]]
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    // As the swarm: whom it has, it does not dial.
    if (a.arrived.length + b.arrived.length === arrivedBefore) dials.push(dial(b, a))
    const links = await Promise.all(dials)
    const arrived = a.arrived.length + b.arrived.length - arrivedBefore
    expect(arrived + links.length).toBe(2)
    await Promise.all(links.map((link) => link.close()))
  }
})

async function dial(from: Opened, to: Opened): Promise<Link> {
  return expectLink(await from.medium.dial(to.address, { signal: never }))
}

describe('without the library', () => {
  it.each(['ERR_MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED'])(
    'gives the line that installs it: %s',
    async (code) => {
      const medium = createHyperswarmMedium({
        context: createContext(),
        bootstrap: [bootstrap],
        importHyperdht: () => Promise.reject(Object.assign(new Error('not there'), { code })),
      })
      const expected = { code: 'ERR_TRANSPORT_MISSING', hint: 'npm i hyperdht@6.34.0' }
      await expect(medium.listen(() => undefined, {})).rejects.toMatchObject(expected)
      const dialling = medium.dial(`hyperswarm://${createNodeKey().peerId}`, { signal: never })
      await expect(dialling).rejects.toMatchObject(expected)
      await medium.close()
    },
  )
})

describe('listening', () => {
  it.each(['::1', '192.0.2.1'])('refuses to be at %s', async (bindAddress) => {
    await expect(open({ bindAddress })).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  })

  it('takes another port when nobody chose the usual one and it is taken', async () => {
    const holder = createSocket('udp4').bind(0, '127.0.0.1')
    onTestFinished(() => void holder.close())
    await once(holder, 'listening')
    const { port } = holder.address()
    await expect(open({ port })).rejects.toMatchObject({ code: 'ERR_ADDRESS_IN_USE' })
    const context = createContext()
    const settings = { ...context.settings, port, isPortChosen: false }
    const medium = createHyperswarmMedium({
      context: { ...context, settings },
      bootstrap: [bootstrap],
    })
    onTestFinished(() => medium.close())
    expect(await medium.listen(() => undefined, {})).toEqual([`hyperswarm://${context.peerId}`])
  })
})

it('can begin offline, and says that no node of the DHT answers', async () => {
  // Nobody is there: port 9 is the discard service, which no system runs any more.
  const bootstrapNodes = [{ host: '127.0.0.1', port: 9 }]
  const medium = createHyperswarmMedium({ context: createContext(), bootstrap: bootstrapNodes })
  onTestFinished(() => medium.close())
  const topic = new Uint8Array(32)
  const [addresses] = await Promise.all([
    medium.listen(() => undefined, {}),
    expect(medium.lookup!(topic, {})).rejects.toMatchObject({
      code: 'ERR_DIAL_FAILED',
      message: 'no node of the DHT answers',
    }),
  ])
  expect(addresses).toHaveLength(1)
})

it('closes in bounded time although nobody answers', async () => {
  const context = createContext()
  const medium = createHyperswarmMedium({ context, bootstrap: [{ host: '127.0.0.1', port: 9 }] })
  const listen = medium.listen(() => undefined, {})
  await expect(medium.close()).resolves.toBeUndefined()
  await Promise.allSettled([listen])
})
