import { afterEach, describe, expect, it, vi } from 'vitest'
import { createNodeKey } from '@vudo/identity'
import type { Transport } from '@vudo/transport'
import { parseIrohAddress, type IrohOptions } from '@vudo/transport-iroh'
import { bindEndpoint } from '../src/endpoint.ts'
import { MAX_UNVALIDATED_HANDSHAKES } from '../src/limits.ts'
import { loadIroh } from '../src/load-iroh.ts'
import { isIsolated } from './namespace.ts'
import { createContext, createNode, listening } from './nodes.ts'
import { connectPlain, plainEndpoint } from './plain-endpoint.ts'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((run) => run()))
})

type Config = NonNullable<Parameters<typeof createNode>[0]>

function node(config?: Config, options?: IrohOptions): Transport {
  const made = createNode(config, options)
  cleanups.push(() => made.disconnect())
  return made
}

async function addressOf(one: Transport): Promise<string> {
  await one.listen()
  const [address = ''] = one.addresses
  return address
}

const otherProtocol = Array.from('other/1', (character) => character.charCodeAt(0))
const stranger = createNodeKey().peerId

describe.runIf(isIsolated)('a dial', () => {
  it('refuses another key than the one of the address', async () => {
    const address = await addressOf(node())
    const forged = address.replace(parseIrohAddress(address).peerId, stranger)
    await expect(node().dial(forged)).rejects.toMatchObject({ code: 'ERR_PEER_MISMATCH' })
  })

  it('refuses an address of another peer than the one that is meant', async () => {
    const address = await addressOf(node())
    const dialling = node().dial(address, { expected: stranger })
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_PEER_MISMATCH' })
  })

  it('gives up by its own clock when nobody listens', async () => {
    const dialling = node({ dialTimeoutMs: 200 }).dial(`iroh://${stranger}?addr=127.0.0.1:9`)
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_DIAL_TIMEOUT' })
  })

  it('gives up by its own clock when the relay cannot be reached', async () => {
    // Nobody is at port 1, and listening does not wait for it.
    const relay = 'http://127.0.0.1:1'
    const one = node({ dialTimeoutMs: 200 }, { relays: [relay] })
    expect(parseIrohAddress(await addressOf(one)).relay).toBe(relay)
    const dialling = one.dial(`iroh://${stranger}?relay=${relay}`)
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_DIAL_TIMEOUT' })
  })

  it('reaches others directly although the relay cannot be reached', async () => {
    const address = await addressOf(node({}, { relays: ['http://127.0.0.1:1'] }))
    const connection = await node().dial(address)
    expect(connection.path).toMatchObject({ relayed: false, outbound: true })
  })

  it('fails at once when no way is known, or none that may be used', async () => {
    const failed = { code: 'ERR_DIAL_FAILED' }
    await expect(node().dial(`iroh://${stranger}`)).rejects.toMatchObject(failed)
    const relayed = `iroh://${stranger}?relay=http://127.0.0.1:1`
    await expect(node().dial(relayed)).rejects.toMatchObject(failed)
  })

  it('fails at once at a peer of another protocol', async () => {
    const endpoint = await plainEndpoint(otherProtocol)
    cleanups.push(() => endpoint.close())
    const taking = Promise.allSettled([
      endpoint.acceptNext().then((incoming) => incoming?.accept()),
    ])
    const address = `iroh://${endpoint.id().toString()}?addr=${endpoint.boundSockets()[0]}`
    const dialling = node().dial(address)
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
    await taking
  })

  it('fails at once where it is turned away', async () => {
    const server = await listening((incoming) => incoming.refuse())
    cleanups.push(() => server.medium.close())
    const dialling = node().dial(server.address)
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
  })

  it('does not show what the stack says of itself', async () => {
    const address = await addressOf(node())
    const forged = address.replace(parseIrohAddress(address).peerId, stranger)
    const error = await node().dial(forged).catch(String)
    expect(error).not.toMatch(/\.rs|backtrace/i)
  })
})

describe.runIf(isIsolated)('a node', () => {
  it('turns peers of another protocol away and serves the next', async () => {
    const one = node()
    const address = await addressOf(one)
    const endpoint = await plainEndpoint(otherProtocol)
    cleanups.push(() => endpoint.close())
    await expect(connectPlain(endpoint, address, otherProtocol)).rejects.toThrow('known protocol')
    await expect(node().dial(address)).resolves.toMatchObject({ path: { transport: 'iroh' } })
  })

  it('serves who proves its address while many handshakes hang', async () => {
    const server = await listening()
    const endpoint = await plainEndpoint()
    cleanups.push(
      () => server.medium.close(),
      () => endpoint.close(),
    )
    // Each is connected and never opens a stream.
    const silent = Array.from({ length: MAX_UNVALIDATED_HANDSHAKES }, () =>
      connectPlain(endpoint, server.address),
    )
    await Promise.all(silent)
    const connection = await node().dial(server.address)
    expect(connection.peerId).toBe(server.peerId)
  })

  it('says that a port is taken when that very port was asked for', async () => {
    const port = Number(/:(\d+)$/.exec(await addressOf(node()))?.[1])
    const listen = node({ port }).listen()
    await expect(listen).rejects.toMatchObject({ code: 'ERR_ADDRESS_IN_USE' })
  })

  it('takes another port when the usual one is taken', async () => {
    const addresses = [node({ port: undefined }), node({ port: undefined })].map(addressOf)
    const [first, second] = (await Promise.all(addresses)).map(parseIrohAddress)
    expect(first?.direct).not.toEqual(second?.direct)
  })

  it.each(['203.0.113.9', 'localhost'])('cannot listen at %s', async (bindAddress) => {
    const error = await node({ bindAddress })
      .listen()
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    expect(String(error)).not.toMatch(/\.rs|backtrace/i)
  })

  it('names the address at which it listens, and nothing of the IPv6 socket beside it', async () => {
    expect(parseIrohAddress(await addressOf(node())).direct).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:[0-9]+$/),
    ])
    const { direct } = parseIrohAddress(await addressOf(node({ bindAddress: '0.0.0.0' })))
    expect(direct.every((one) => !one.startsWith('0.0.0.0'))).toBe(true)
  })

  it('names first where it was told that others reach it', async () => {
    const announceAddresses = ['203.0.113.7:34569', '[2001:db8::7]:34569']
    const { direct } = parseIrohAddress(await addressOf(node({}, { announceAddresses })))
    expect(direct).toEqual([...announceAddresses, expect.stringMatching(/^127\.0\.0\.1:/)])
  })

  it('has the stack tell its peers as well where they reach it', async () => {
    const announced = ['203.0.113.7:34569']
    const init = { iroh: await loadIroh(), context: createContext(), relays: undefined, announced }
    const endpoint = await bindEndpoint(init)
    cleanups.push(() => endpoint.close())
    // The stack takes it in a moment later than it says.
    await vi.waitFor(() => expect(endpoint.addr().directAddresses()).toContain(announced[0]), {
      timeout: 20_000,
    })
  })

  it('is found by the seed of its identity', async () => {
    const server = await listening()
    cleanups.push(() => server.medium.close())
    expect(parseIrohAddress(server.address).peerId).toBe(server.peerId)
    const connection = await node().dial(server.address)
    expect(connection.peerId).toBe(server.peerId)
  })
})
