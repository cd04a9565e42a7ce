import { describe, expect, it } from 'vitest'
import { formatHyperswarmAddress, parseHyperswarmAddress } from '@vudo/transport-hyperswarm'
import { parseBootstrapList } from '../src/hyperswarm-address.ts'

const id = 'ab'.repeat(32)

it('reads the address that it wrote', () => {
  expect(parseHyperswarmAddress(formatHyperswarmAddress(id))).toBe(id)
})

it.each([
  '',
  'hyperswarm://',
  `tcp://${id}`,
  id,
  `hyperswarm://${id.toUpperCase()}`,
  `hyperswarm://${id}0`,
  `hyperswarm://${id}/`,
  'hyperswarm://127.0.0.1:49737',
])('takes %j for no peer', (address) => {
  expect(() => parseHyperswarmAddress(address)).toThrow(
    expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
  )
})

describe('parseBootstrapList', () => {
  it('tells nodes of the DHT from peers, and leaves the addresses of others alone', () => {
    const peer = formatHyperswarmAddress(id)
    const list = ['hyperswarm://203.0.113.7:1', peer, 'tcp://h:1', 'hyperswarm://dht.example:65535']
    expect(parseBootstrapList(list)).toEqual({
      nodes: [
        { host: '203.0.113.7', port: 1 },
        { host: 'dht.example', port: 65_535 },
      ],
      peers: [peer],
    })
  })

  it.each([
    'hyperswarm://',
    'hyperswarm://host',
    'hyperswarm://host:0',
    'hyperswarm://host:65536',
    'hyperswarm://host:01',
    'hyperswarm://:1',
    'hyperswarm://[::1]:1',
    'hyperswarm://a@b:1',
    'hyperswarm://host:1/',
    'hyperswarm://-:1',
  ])('refuses %s', (address) => {
    expect(() => parseBootstrapList([address])).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringContaining(JSON.stringify(address)),
      }),
    )
  })

  it('says what to do when there is no node', () => {
    for (const list of [[], ['tcp://h:1'], [formatHyperswarmAddress(id)]]) {
      expect(() => parseBootstrapList(list)).toThrow(
        expect.objectContaining({
          code: 'ERR_CONFIG_INVALID',
          hint: expect.stringContaining('startBootstrap'),
        }),
      )
    }
  })

  it('refuses more nodes than are of use', () => {
    const many = Array.from({ length: 33 }, (_, n) => `hyperswarm://h:${n + 1}`)
    expect(() => parseBootstrapList(many)).toThrow(/33 nodes/)
  })
})
