import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostOf, publicPart } from '../src/private-address.ts'

const key = 'ab'.repeat(32)

describe('an address on the word of a stranger', () => {
  it.each([
    'tcp://8.8.8.8:34569',
    'tcp://[2001:4860:4860::8888]:1',
    'libp2p:///ip4/203.0.113.7/tcp/34569',
    'libp2p:///ip6/2606:4700::1/udp/4001/quic-v1',
    `hyperswarm://${key}`,
    `libp2p://${key}`,
    `iroh://${key}?addr=198.51.100.7:1234&relay=https%3A%2F%2Frelay.example.com`,
    'memory://3',
    'relay://relay.example.com/x',
    'relay://127.0.0.1:8080/x',
  ])('%s may be dialled', (address) => {
    expect(publicPart(address)).toBe(address)
  })

  it.each([
    'tcp://127.0.0.1:631',
    'tcp://0.0.0.0:1',
    'tcp://10.1.2.3:1',
    'tcp://172.16.0.1:1',
    'tcp://172.31.255.255:1',
    'tcp://192.168.1.1:80',
    'tcp://169.254.169.254:80',
    'tcp://100.64.0.1:1',
    'tcp://198.18.0.1:1',
    'tcp://224.0.0.251:5353',
    'tcp://255.255.255.255:1',
    'tcp://[::1]:1',
    'tcp://[::]:1',
    'tcp://[::ffff:127.0.0.1]:1',
    'tcp://[::ffff:7f00:1]:1',
    'tcp://[64:ff9b::10.0.0.1]:1',
    'tcp://[fe80::1%eth0]:1',
    'tcp://[fd00::1]:1',
    'tcp://[ff02::fb]:1',
    'tcp://localhost:1',
    'tcp://2130706433:1',
    'tcp://127.1:1',
    'tcp://0x7f.0.0.1:1',
    'tcp://router.home:1',
    'tcp://innocent.example.com:22',
    'libp2p:///ip4/127.0.0.1/tcp/1',
    'libp2p:///dns4/innocent.example.com/tcp/1',
    'libp2p:///ip6/::1/tcp/1',
    `iroh://${key}?addr=192.168.1.5:1`,
  ])('%s may not', (address) => {
    expect(publicPart(address)).toBeUndefined()
  })

  it('loses the private ones of several places, and keeps the rest', () => {
    const address = `iroh://${key}?addr=192.168.1.5:1&addr=203.0.113.9:2&addr=%5B::1%5D:3`
    expect(publicPart(address)).toBe(`iroh://${key}?addr=203.0.113.9:2`)
  })

  it('never throws, and never adds anything', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.ipV6().map((ip) => `tcp://[${ip}]:1`),
        ),
        (text) => {
          expect((publicPart(text) ?? '').length).toBeLessThanOrEqual(text.length)
          hostOf(text)
        },
      ),
    )
  })

  it('is counted by its host', () => {
    expect(hostOf('tcp://203.0.113.7:1')).toBe('203.0.113.7')
    expect(hostOf('tcp://203.0.113.7:2')).toBe('203.0.113.7')
    expect(hostOf('libp2p:///ip4/203.0.113.7/tcp/1')).toBe('203.0.113.7')
    expect(hostOf('tcp://[2001:db8::1]:9')).toBe('2001:db8::1')
    expect(hostOf('memory://3')).toBe('3')
  })
})
