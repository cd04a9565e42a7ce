import { readFileSync } from 'node:fs'
import process from 'node:process'
import { expect, it } from 'vitest'
import { createLibp2pMedium } from '../src/libp2p-medium.ts'
import { parseLibp2pOptions, type Libp2pOptions } from '../src/libp2p-options.ts'
import { loadPart, stackLoaders, stackVersions, type StackLoaders } from '../src/stack.ts'
import { createContext } from './nodes.ts'

const missing = (name: string) => async () => {
  const text = `Cannot find package '${name}' imported from here`
  throw Object.assign(new Error(text), { code: 'ERR_MODULE_NOT_FOUND' })
}

function createMedium(loaders: StackLoaders, options: Libp2pOptions = {}) {
  const context = createContext()
  return createLibp2pMedium(context, parseLibp2pOptions(options, context.settings), loaders)
}

it('was made for the versions that it depends on', () => {
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as Record<string, Record<string, string>>
  expect({ ...dependencies, ...optionalDependencies }).toMatchObject(stackVersions)
})

it.each(['libp2p', '@libp2p/tcp', '@libp2p/crypto'] as const)(
  'names the line that installs %s where it is missing',
  async (name) => {
    const medium = createMedium({ ...stackLoaders, [name]: missing(name) }, { enableQuic: false })
    await expect(medium.listen(() => undefined, {})).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_MISSING',
      hint: `npm i ${name}@${stackVersions[name]}`,
    })
    await medium.close()
  },
)

it('goes on without QUIC where its binary is missing, and says so once', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  const quic = '@chainsafe/libp2p-quic'
  const loaders = { ...stackLoaders, [quic]: missing(quic) }
  const media = [createMedium(loaders), createMedium(loaders)]
  for (const medium of media) {
    const addresses = await medium.listen(() => undefined, {})
    expect(addresses).toEqual([expect.stringMatching(/^libp2p:\/\/\/ip4\/127.0.0.1\/tcp\/\d+$/)])
  }
  await Promise.all(media.map((medium) => medium.close()))
  process.off('warning', onWarning)
  expect(warnings.map(({ message }) => message)).toEqual([
    'libp2p goes on without QUIC, whose binary cannot be loaded here (npm i @chainsafe/libp2p-quic@2.1.1)',
  ])
})

it('loads NAT traversal, mDNS and the DHT only when they are switched on', async () => {
  const asked = new Set<string>()
  const names = Object.keys(stackLoaders) as (keyof StackLoaders)[]
  const loaders = Object.fromEntries(
    names.map((name) => [name, () => (asked.add(name), stackLoaders[name]())]),
  ) as StackLoaders
  const medium = createMedium(loaders, { enableQuic: false })
  await medium.listen(() => undefined, {})
  await medium.close()
  for (const name of ['autonat', 'dcutr', 'kad-dht', 'mdns', 'upnp-nat']) {
    expect(asked).not.toContain(`@libp2p/${name}`)
  }
  expect(await loadPart(loaders, '@libp2p/dcutr')).toHaveProperty('dcutr')
  expect(asked).toContain('@libp2p/dcutr')
})

it('gives NAT traversal its services, and mDNS a name of our own', async () => {
  const made: unknown[] = []
  // Stand-ins: the real ones send to every network this machine is on.
  const service = (name: string) => (init?: unknown) => () => {
    made.push(init === undefined ? name : [name, init])
    return new EventTarget()
  }
  const loaders = {
    ...stackLoaders,
    '@libp2p/autonat': async () => ({ autoNAT: service('autonat') }),
    '@libp2p/dcutr': async () => ({ dcutr: service('dcutr') }),
    '@libp2p/upnp-nat': async () => ({ uPnPNAT: service('upnp') }),
    '@libp2p/mdns': async () => ({ mdns: service('mdns') }),
  } as unknown as StackLoaders
  const medium = createMedium(loaders, {
    enableQuic: false,
    enableNatTraversal: true,
    enableMdns: true,
  })
  await medium.listen(() => undefined, {})
  await medium.close()
  expect(made).toEqual([
    ['autonat', expect.objectContaining({ maxInboundStreams: 2, maxMessageSize: 8_192 })],
    ['dcutr', expect.objectContaining({ maxInboundStreams: 2, retries: 3 })],
    ['upnp', { portMappingDescription: 'vudo' }],
    ['mdns', { serviceTag: '_vudo-libp2p._udp.local' }],
  ])
})
