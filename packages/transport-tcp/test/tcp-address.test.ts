import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTransportError } from '@vudo/transport'
import { formatTcpAddress, parseTcpAddress } from '@vudo/transport-tcp'
import { listenerAddresses } from '../src/local-addresses.ts'

describe('parseTcpAddress', () => {
  it.each([
    ['tcp://192.168.1.100:34569', { host: '192.168.1.100', port: 34_569 }],
    ['192.168.1.100:34569', { host: '192.168.1.100', port: 34_569 }],
    ['tcp://[::1]:1', { host: '::1', port: 1 }],
    ['tcp://[fe80::1%eth0]:65535', { host: 'fe80::1%eth0', port: 65_535 }],
    ['tcp://localhost:80', { host: 'localhost', port: 80 }],
    ['tcp://my-host.example.com:80', { host: 'my-host.example.com', port: 80 }],
  ])('reads %s', (text, address) => {
    expect(parseTcpAddress(text)).toEqual(address)
  })

  it.each([
    '',
    'tcp://',
    'tcp://host',
    'tcp://host:',
    'tcp://host:0',
    'tcp://host:080',
    'tcp://host:65536',
    'tcp://host:80/',
    'tcp://user@host:80',
    'tcp://::1:80',
    'tcp://[127.0.0.1]:80',
    'tcp://127.1:80',
    'tcp://256.1.1.1:80',
    'tcp://-host:80',
    'tcp://host..name:80',
    'tcp://ho st:80',
    'udp://host:80',
    `tcp://${'a'.repeat(64)}:80`,
    `tcp://${'a.'.repeat(200)}b:80`,
  ])('refuses %j', (text) => {
    expect(() => parseTcpAddress(text)).toThrow(
      expect.objectContaining({
        code: 'ERR_ADDRESS_INVALID',
        hint: expect.stringContaining('tcp://host:port') as string,
      }),
    )
  })

  it('gives back what was formatted', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain())
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
        fc.pre(name.length < 240)
        expect(parseTcpAddress(formatTcpAddress({ host: name, port }))).toEqual({
          host: name,
          port,
        })
      }),
    )
  })

  it('throws only its typed error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(thrown(() => parseTcpAddress(text))).toSatisfy(
          (error) => error === undefined || isTransportError(error),
        )
      }),
    )
  })
})

describe('the addresses of a listener', () => {
  const loopback = { address: '127.0.0.1', family: 'IPv4', internal: true }
  const lan = { address: '192.168.1.20', family: 'IPv4', internal: false }
  const lan6 = { address: '2001:db8::1', family: 'IPv6', internal: false }
  const linkLocal = { address: 'fe80::1', family: 'IPv6', internal: false }

  it('is the one it was bound to', () => {
    expect(listenerAddresses('127.0.0.1', 1, [lan])).toEqual(['tcp://127.0.0.1:1'])
    expect(listenerAddresses('::1', 1, [lan])).toEqual(['tcp://[::1]:1'])
  })

  it('are those of all interfaces, without loopback', () => {
    const all = [loopback, lan6, linkLocal, lan]
    expect(listenerAddresses('0.0.0.0', 1, all)).toEqual(['tcp://192.168.1.20:1'])
    expect(listenerAddresses('::', 1, all)).toEqual([
      'tcp://192.168.1.20:1',
      'tcp://[2001:db8::1]:1',
    ])
  })

  it('are loopback on a machine without a network, and 16 at most', () => {
    expect(listenerAddresses('0.0.0.0', 1, [loopback])).toEqual(['tcp://127.0.0.1:1'])
    const many = Array.from({ length: 40 }, () => lan)
    expect(listenerAddresses('0.0.0.0', 1, many)).toHaveLength(16)
  })
})

function thrown(run: () => void): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}
