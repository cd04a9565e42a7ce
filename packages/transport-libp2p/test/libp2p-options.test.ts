import { describe, expect, it } from 'vitest'
import { libp2p } from '@vudo/transport-libp2p'
import { parseLibp2pOptions } from '../src/libp2p-options.ts'
import { createContext } from './nodes.ts'

const relay =
  'libp2p:///ip4/203.0.113.7/tcp/4001/p2p/12D3KooWNvSZnPi3RrhrTwEY4LuuBeB6K6facKUCJcyWG1aoDd2p'

function parse(options: Parameters<typeof parseLibp2pOptions>[0], bootstrapNodes: string[] = []) {
  return parseLibp2pOptions(options, createContext({ bootstrapNodes }).settings)
}

describe('options', () => {
  it('keep to this network and switch nothing on that reaches out', () => {
    expect(parse({})).toMatchObject({
      enableDht: false,
      enableMdns: false,
      enableNatTraversal: false,
      relayService: false,
      relays: [],
      bootstrapNodes: [],
      isPrivateNetwork: true,
    })
  })

  it('take part in a DHT when a bootstrap node of libp2p is named', () => {
    expect(parse({}, ['tcp://192.168.1.20:34569']).enableDht).toBe(false)
    const near = 'libp2p:///ip4/192.168.1.20/tcp/34569'
    expect(parse({}, ['tcp://192.168.1.20:34569', near])).toMatchObject({
      enableDht: true,
      bootstrapNodes: [near],
      isPrivateNetwork: true,
    })
    expect(parse({ enableDht: false }, [near]).enableDht).toBe(false)
  })

  it.each(['enableQuic', 'enableDht', 'enableNatTraversal'] as const)(
    'stay within the setting %s of all transports',
    (name) => {
      const near = 'libp2p:///ip4/192.168.1.20/tcp/34569'
      const on = { enableQuic: true, enableDht: true, enableNatTraversal: true }
      for (const options of [{}, on]) {
        const { settings } = createContext({ bootstrapNodes: [near], [name]: false })
        expect(parseLibp2pOptions(options, settings)[name]).toBe(false)
      }
      expect(parse(on, [near])).toMatchObject(on)
    },
  )

  it.each([
    ['libp2p:///ip4/203.0.113.7/tcp/1', false],
    ['libp2p:///dns4/peer.example.org/tcp/1', false],
    ['libp2p:///ip6/2001:db8::1/tcp/1', false],
    ['libp2p:///ip4/100.64.0.1/tcp/1', true],
    ['libp2p:///ip4/172.31.0.1/tcp/1', true],
    ['libp2p:///ip4/172.32.0.1/tcp/1', false],
    ['libp2p:///ip6/fd00::1/tcp/1', true],
    ['libp2p:///ip6/::1/tcp/1', true],
    ['libp2p:///ip6/0:0:0:0:0:0:0:1/tcp/1', true],
    ['libp2p:///ip6/::ffff:192.168.1.1/tcp/1', true],
    ['libp2p:///ip4/0.0.0.0/tcp/1', true],
  ])('know that %s is on a private network: %s', (address, isPrivate) => {
    expect(parse({}, [address]).isPrivateNetwork).toBe(isPrivate)
  })

  it('know a node with a public address to be on the internet', () => {
    const announceAddresses = ['libp2p:///ip4/203.0.113.7/tcp/1']
    expect(parse({ announceAddresses }).isPrivateNetwork).toBe(false)
    const { settings } = createContext({ bindAddress: '203.0.113.7' })
    expect(parseLibp2pOptions({ enableDht: true }, settings).isPrivateNetwork).toBe(false)
  })

  it.each([
    [{ announceAddresses: ['203.0.113.7:1'] }, 'ERR_ADDRESS_INVALID'],
    [{ relays: ['libp2p:///ip4/203.0.113.7/tcp/4001'] }, 'ERR_ADDRESS_INVALID'],
    [{ relays: ['wss://relay.example.com'] }, 'ERR_ADDRESS_INVALID'],
    [{ dhtProtocol: 'kad' }, 'ERR_CONFIG_INVALID'],
    [{ mdnsServiceTag: '_p2p._udp.example' }, 'ERR_CONFIG_INVALID'],
    [{ webSocketPort: 70_000 }, 'ERR_CONFIG_INVALID'],
  ])('refuse %j when the transport is made', (options, code) => {
    expect(() => libp2p(options)(createContext())).toThrow(expect.objectContaining({ code }))
  })

  it('refuse a bootstrap node that is no address', () => {
    const context = createContext({ bootstrapNodes: ['libp2p://nowhere'] })
    expect(() => libp2p()(context)).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
    )
  })

  it('take relays with their key', () => {
    expect(parse({ relays: [relay] }).relays).toEqual([relay])
  })
})
