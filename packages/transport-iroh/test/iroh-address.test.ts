import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_ADDRESS_CHARACTERS } from '@vudo/transport'
import { formatIrohAddress, parseIrohAddress } from '@vudo/transport-iroh'

const id = '1b8cefe888f3ba1e4844f72d22c12b72e8ffa175417959cffd5210b2e0f71be9'
const relay = 'https://relay.example.com'

describe('parseIrohAddress', () => {
  it.each([
    [`iroh://${id}`, { direct: [] }],
    [`iroh://${id}?addr=192.168.1.20:34569`, { direct: ['192.168.1.20:34569'] }],
    [`iroh://${id}?addr=[::1]:1&addr=10.0.0.1:65535`, { direct: ['[::1]:1', '10.0.0.1:65535'] }],
    [`iroh://${id}?relay=${relay}`, { direct: [], relay }],
    [
      `iroh://${id}?addr=10.0.0.1:9&relay=http://127.0.0.1:8080/x`,
      { direct: ['10.0.0.1:9'], relay: 'http://127.0.0.1:8080/x' },
    ],
  ])('reads %s', (address, way) => {
    expect(parseIrohAddress(address)).toEqual({ peerId: id, relay: undefined, ...way })
    expect(formatIrohAddress(parseIrohAddress(address))).toBe(address)
  })

  it.each([
    '',
    'iroh://',
    `tcp://${id}`,
    `iroh://${id.slice(1)}`,
    `iroh://${id.toUpperCase()}`,
    `iroh://${id}?`,
    `iroh://${id}?addr=`,
    `iroh://${id}?addr=host:1`,
    `iroh://${id}?addr=10.0.0.1`,
    `iroh://${id}?addr=10.0.0.1:0`,
    `iroh://${id}?addr=10.0.0.1:01`,
    `iroh://${id}?addr=10.0.0.1:65536`,
    `iroh://${id}?addr=256.0.0.1:1`,
    `iroh://${id}?addr=::1:1`,
    `iroh://${id}?addr=[10.0.0.1]:1`,
    `iroh://${id}?addr=[fe80::1%eth0]:1`,
    `iroh://${id}?${Array.from({ length: 7 }, () => 'addr=10.0.0.1:1').join('&')}`,
    `iroh://${id}?relay=relay.example.com`,
    `iroh://${id}?relay=ftp://relay.example.com`,
    `iroh://${id}?relay=https://`,
    `iroh://${id}?relay=https://user@relay.example.com`,
    `iroh://${id}?relay=https://relay.example.com/#x`,
    `iroh://${id}?relay=${relay}&relay=${relay}`,
    `iroh://${id}?relay=https://${'a'.repeat(120)}`,
    `iroh://${id}?other=1`,
    `iroh://${id}?addr=10.0.0.1:1&`,
    `iroh://${id}?addr=10.0.0.1:1?relay=${relay}`,
    `iroh://${id}?relay=${relay}/${'a'.repeat(200)}`,
  ])('refuses %s', (address) => {
    const parse = (): unknown => parseIrohAddress(address)
    expect(parse).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }))
  })

  it('throws its own error only, whatever it is given', () => {
    const near = fc
      .array(fc.constantFrom('iroh://', id, '?', '&', 'addr=', 'relay=', '10.0.0.1:1', relay, '['))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(near, fc.string(), fc.anything()), (input) => {
        const code = thrownCode(() => parseIrohAddress(input as string))
        expect(code).toBeOneOf([undefined, 'ERR_ADDRESS_INVALID'])
      }),
    )
  })

  it('reads what was written', () => {
    const port = fc.integer({ min: 1, max: 65_535 })
    const direct = fc.oneof(
      fc.tuple(fc.ipV4(), port).map(([ip, at]) => `${ip}:${at}`),
      fc.tuple(fc.ipV6(), port).map(([ip, at]) => `[${ip}]:${at}`),
    )
    const ways = {
      direct: fc.array(direct, { maxLength: 3 }),
      relay: fc.constantFrom(relay, undefined),
    }
    fc.assert(
      fc.property(fc.record(ways), (way) => {
        const address = { peerId: id, ...way }
        expect(parseIrohAddress(formatIrohAddress(address))).toEqual(address)
      }),
    )
  })
})

describe('formatIrohAddress', () => {
  it('keeps the relay and the first of the direct addresses when not all of them fit', () => {
    const direct = Array.from(
      { length: 9 },
      (_, n) => `[2001:db8:1111:2222:3333:4444:5555:${n}]:6000${n}`,
    )
    const address = formatIrohAddress({ peerId: id, direct, relay })
    expect(address.length).toBeLessThanOrEqual(MAX_ADDRESS_CHARACTERS)
    expect(parseIrohAddress(address)).toEqual({ peerId: id, direct: direct.slice(0, 3), relay })
  })

  it('has room for a direct address beside the longest relay', () => {
    const longest = `https://${'r'.repeat(100)}.example/x`.padEnd(120, 'x')
    const direct = ['[2001:db8:1111:2222:3333:4444:5555:6666]:65535']
    const address = formatIrohAddress({ peerId: id, direct, relay: longest })
    expect(parseIrohAddress(address)).toEqual({ peerId: id, direct, relay: longest })
  })
})

function thrownCode(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
