import { describe, expect, it } from 'vitest'
import { parseTransportConfig, type TransportConfig } from '@vudo/transport'

describe('parseTransportConfig', () => {
  it('fills in the defaults', () => {
    expect(parseTransportConfig()).toEqual({
      mode: 'auto',
      relayUrl: undefined,
      port: 34_569,
      isPortChosen: false,
      bindAddress: '0.0.0.0',
      dialTimeoutMs: 10_000,
      connectionTimeoutMs: 30_000,
      maxConnections: 100,
      maxNewConnectionsPerSecond: 5,
      bootstrapNodes: [],
      encryption: true,
      enableQuic: true,
      enableNatTraversal: true,
      enableDht: true,
    })
  })

  it('takes other names of options, and prefers its own', () => {
    expect(
      parseTransportConfig({
        connectionTimeout: 7,
        enableEncryption: false,
        relay: 'wss://r.example.com',
      }),
    ).toMatchObject({
      connectionTimeoutMs: 7,
      encryption: false,
      relayUrl: 'wss://r.example.com',
    })
    expect(parseTransportConfig({ encryption: true, enableEncryption: false }).encryption).toBe(
      true,
    )
  })

  it('describes any value without failing over it', () => {
    for (const value of [1n, Symbol('x'), Object.create(null), [[]], () => 1, Number.NaN]) {
      const config = { port: value } as unknown as TransportConfig
      expect(() => parseTransportConfig(config)).toThrow('expected a whole number')
    }
  })

  it('takes undefined as the default, and timeoutMs as the older name', () => {
    expect(parseTransportConfig({ port: undefined }).port).toBe(34_569)
    expect(parseTransportConfig({ timeoutMs: 7 }).connectionTimeoutMs).toBe(7)
    expect(parseTransportConfig({ timeoutMs: 7, connectionTimeoutMs: 8 }).connectionTimeoutMs).toBe(
      8,
    )
  })

  it('knows whether the port was named', () => {
    expect(parseTransportConfig({ port: 34_569 }).isPortChosen).toBe(true)
    const config = { isPortChosen: true } as TransportConfig
    expect(() => parseTransportConfig(config)).toThrow('expected a known option')
  })

  it('accepts the bounds', () => {
    const config = { port: 65_535, maxConnections: 1, dialTimeoutMs: 2_147_483_647 }
    expect(parseTransportConfig(config)).toMatchObject(config)
  })

  const mistakes: [string, unknown][] = [
    ['port', 65_536],
    ['port', -1],
    ['port', 1.5],
    ['port', '80'],
    ['dialTimeoutMs', 0],
    ['dialTimeoutMs', 2_147_483_648],
    ['connectionTimeoutMs', Number.NaN],
    ['maxConnections', 0],
    ['maxNewConnectionsPerSecond', 0],
    ['mode', 'TCP'],
    ['mode', 5],
    ['bindAddress', 'my host'],
    ['encryption', 'yes'],
    ['bootstrapNodes', 'tcp://127.0.0.1:1'],
    ['bootstrapNodes', ['127.0.0.1:1']],
    ['relayUrl', 'http://relay.example.com'],
    ['relayUrl', 'no url'],
  ]
  it.each(mistakes)('refuses %s of %j, naming it', (field, value) => {
    expect(() => parseTransportConfig({ [field]: value })).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringContaining(`${field} is `) as string,
        hint: expect.stringMatching(/./) as string,
      }),
    )
  })

  it('refuses an option that it does not know', () => {
    const config = { prot: 1 } as TransportConfig
    expect(() => parseTransportConfig(config)).toThrow('prot is "prot", expected a known option')
  })

  it('wants a relay URL for mode relay', () => {
    expect(() => parseTransportConfig({ mode: 'relay' })).toThrow('because mode is "relay"')
    const relayUrl = 'wss://relay.example.com'
    expect(parseTransportConfig({ mode: 'relay', relayUrl }).relayUrl).toBe(relayUrl)
  })

  it.each(['relay', 'webrtc', 'memory'])('does not let %s go without encryption', (mode) => {
    const config = { mode, relayUrl: 'wss://relay.example.com', encryption: false }
    expect(() => parseTransportConfig(config)).toThrow('does not prove')
    expect(parseTransportConfig({ mode: 'tcp', encryption: false }).encryption).toBe(false)
  })
})
