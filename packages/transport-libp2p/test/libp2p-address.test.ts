import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTransportError } from '@vudo/transport'
import { parseLibp2pAddress } from '@vudo/transport-libp2p'
import { listedAddresses } from '../src/listed-addresses.ts'

const ed25519 = '12D3KooWNvSZnPi3RrhrTwEY4LuuBeB6K6facKUCJcyWG1aoDd2p'
const other = '12D3KooWKRyzVWW6ChFjQjK4miCty85Niy48tpPV95XdKu1BcvMA'
const hex = 'ab'.repeat(32)

describe('parseLibp2pAddress', () => {
  it.each([
    ['/ip4/192.168.1.20/tcp/34569', 'tcp', undefined],
    [`/ip4/192.168.1.20/tcp/34569/p2p/${ed25519}`, 'tcp', ed25519],
    ['/ip6/::1/udp/34569/quic-v1', 'quic', undefined],
    ['/dns4/peer.example.org/tcp/443/wss', 'websocket', undefined],
    ['/dns/peer.example.org/tcp/443/tls/ws', 'websocket', undefined],
    ['/ip4/127.0.0.1/tcp/80/ws', 'websocket', undefined],
    [`/ip4/203.0.113.7/tcp/4001/p2p/${other}/p2p-circuit/p2p/${ed25519}`, 'relay', ed25519],
  ])('reads %s', (multiaddr, medium, libp2pId) => {
    const host = multiaddr.split('/')[2]
    expect(parseLibp2pAddress(`libp2p://${multiaddr}`)).toEqual(
      libp2pId === undefined ? { multiaddr, medium, host } : { multiaddr, medium, host, libp2pId },
    )
  })

  it('reads a peer id, which the DHT has to find', () => {
    expect(parseLibp2pAddress(`libp2p://${hex}`)).toEqual({
      multiaddr: '',
      peerId: hex,
      medium: 'dht',
    })
  })

  it.each([
    '',
    'libp2p://',
    'libp2p://127.0.0.1:9',
    'tcp://127.0.0.1:9',
    'libp2p:///ip4/127.0.0.1',
    'libp2p:///ip4/300.0.0.1/tcp/1',
    'libp2p:///ip4/127.0.0.1/tcp/0',
    'libp2p:///ip4/127.0.0.1/tcp/65536',
    'libp2p:///ip4/127.0.0.1/tcp/01',
    'libp2p:///ip4/127.0.0.1/udp/1',
    'libp2p:///ip4/127.0.0.1/udp/1/quic',
    'libp2p:///ip4/127.0.0.1/tcp/1/http',
    'libp2p:///ip4/127.0.0.1/tcp/1/',
    'libp2p:///ip6/fe80::1%25eth0/tcp/1',
    'libp2p:///dns4/-bad/tcp/1',
    'libp2p:///dnsaddr/bootstrap.example.org',
    'libp2p:///constructor/1/tcp/1',
    'libp2p:///unix/%2Ftmp%2Fsocket',
    'libp2p:///memory/1',
    'libp2p:///ip4/127.0.0.1/tcp/1/p2p/nobody',
    'libp2p:///ip4/127.0.0.1/tcp/1/p2p',
    `libp2p:///ip4/127.0.0.1/tcp/1/p2p/${ed25519}/p2p-circuit`,
    `libp2p:///ip4/127.0.0.1/tcp/1/p2p/${ed25519}/p2p-circuit/p2p/${other}/p2p-circuit/p2p/${other}`,
    `libp2p:///ip4/127.0.0.1/tcp/1/p2p/${'1'.repeat(300)}`,
  ])('refuses %j', (address) => {
    expect(() => parseLibp2pAddress(address)).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
    )
  })

  it('answers any text with an address or one typed error', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'ip4',
        'ip6',
        'tcp',
        'udp',
        'ws',
        'p2p',
        'p2p-circuit',
        '127.0.0.1',
        '1',
        ed25519,
      ),
      fc.string({ maxLength: 8 }),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        expect(errorOf(`libp2p:///${parts.join('/')}`)).toBeOneOf([
          undefined,
          'ERR_ADDRESS_INVALID',
        ])
      }),
    )
  })
})

function errorOf(address: string): unknown {
  try {
    parseLibp2pAddress(address)
    return undefined
  } catch (error) {
    return isTransportError(error) ? error.code : error
  }
}

function tcp(host: string): string {
  return `libp2p:///ip4/${host}/tcp/1`
}

describe('listedAddresses', () => {
  it('names TCP first, and loopback only when there is nothing else', () => {
    const quic = 'libp2p:///ip4/192.168.1.20/udp/1/quic-v1'
    const all = [quic, tcp('127.0.0.1'), tcp('192.168.1.20'), 'libp2p:///ip6/fe80::1/tcp/1']
    expect(listedAddresses(all)).toEqual([tcp('192.168.1.20'), quic])
    expect(listedAddresses([tcp('127.0.0.1')])).toEqual([tcp('127.0.0.1')])
  })

  it('keeps them together small enough for a peer record', () => {
    const many = Array.from({ length: 60 }, (_, at) => tcp(`192.168.1.${at}`))
    const listed = listedAddresses(many)
    expect(listed.length).toBeGreaterThan(8)
    expect(listed.length).toBeLessThanOrEqual(16)
    expect(listed.join(' ').length).toBeLessThanOrEqual(600)
  })
})
