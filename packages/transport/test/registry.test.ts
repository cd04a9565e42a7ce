import { afterEach, describe, expect, it } from 'vitest'
import {
  createTransport,
  parseTransportConfig,
  registeredTransports,
  registerTransport,
  usableTransports,
  type Transport,
  type TransportContext,
  type TransportFactory,
} from '@vudo/transport'

const key = Symbol.for('@vudo/transport/registry/1')
const context = {} as Omit<TransportContext, 'settings'>

/** Gives back its name and what it was given, instead of a transport. */
const named =
  (name: string): TransportFactory =>
  (given) =>
    ({ name, settings: given.settings }) as unknown as Transport

afterEach(() => {
  delete (globalThis as { [key]?: unknown })[key]
})

describe('createTransport', () => {
  it('makes the transport of that name, with complete settings', () => {
    registerTransport('my-radio', named('my-radio'))
    expect(createTransport({ mode: 'my-radio', port: 0 }, context)).toMatchObject({
      name: 'my-radio',
      settings: { port: 0, maxConnections: 100 },
    })
  })

  it('prefers what costs least first, whatever was imported first', () => {
    for (const name of ['webrtc', 'libp2p', 'tcp']) registerTransport(name, named(name))
    expect(createTransport({}, context).name).toBe('tcp')
  })

  it('lists what auto stands for', () => {
    for (const name of ['relay', 'iroh', 'my-radio', 'tcp']) registerTransport(name, named(name))
    expect(usableTransports(parseTransportConfig())).toEqual(['tcp', 'iroh'])
  })

  it('takes hyperswarm and relay only when they are configured', () => {
    for (const name of ['relay', 'hyperswarm']) registerTransport(name, named(name))
    expect(() => createTransport({}, context)).toThrow('no transport is imported')
    expect(createTransport({ relayUrl: 'wss://r.example.com' }, context).name).toBe('relay')
    const bootstrapNodes = ['hyperswarm://10.0.0.1:1']
    expect(createTransport({ bootstrapNodes }, context).name).toBe('hyperswarm')
  })

  it.each([
    ['hyperswarm', { bootstrapNodes: ['tcp://10.0.0.1:1'] }],
    ['hyperswarm', { bootstrapNodes: [`hyperswarm://${'ab'.repeat(32)}`] }],
    ['hyperswarm', { bootstrapNodes: ['hyperswarm://10.0.0.1:1'], enableDht: false }],
    ['hyperswarm', { bootstrapNodes: ['hyperswarm://10.0.0.1:1'], bindAddress: '::1' }],
    ['iroh', { enableQuic: false }],
    ['iroh', { enableNatTraversal: false }],
  ])('leaves out %s where it would refuse the settings: %j', (name, config) => {
    for (const one of [name, 'tcp']) registerTransport(one, named(one))
    expect(usableTransports(parseTransportConfig(config))).toEqual(['tcp'])
  })

  it('does not choose a transport of another name by itself', () => {
    registerTransport('memory', named('memory'))
    expect(() => createTransport({}, context)).toThrow(
      expect.objectContaining({ code: 'ERR_TRANSPORT_MISSING' }),
    )
  })

  it('says how to get what is missing', () => {
    expect(() => createTransport({ mode: 'iroh' }, context)).toThrow(
      expect.objectContaining({
        code: 'ERR_TRANSPORT_MISSING',
        hint: "npm i @vudo/transport-iroh and import '@vudo/transport-iroh'",
      }),
    )
  })

  it('checks the configuration first', () => {
    expect(() => createTransport({ port: -1 }, context)).toThrow('port is -1')
  })
})

describe('registerTransport', () => {
  it('replaces an earlier transport of the same name', () => {
    registerTransport('tcp', named('old'))
    registerTransport('tcp', named('new'))
    expect(createTransport({}, context).name).toBe('new')
  })

  it('lists names in the order of preference', () => {
    for (const name of ['memory', 'relay', 'tcp']) registerTransport(name, named(name))
    expect(registeredTransports()).toEqual(['tcp', 'relay', 'memory'])
  })
})
