import { describe, expect, it } from 'vitest'
import {
  createAgreementKey,
  createNodeKey,
  hkdfSha256,
  hmacSha256,
  MAX_CACHED_KEYS,
  randomBytes,
  sha256,
  signMessage,
  timingSafeEqual,
  verifyMessage,
} from '@vudo/identity'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import { cachedKeyCount, ed25519Verify } from '#crypto'
import { hasSmallOrder } from '../src/strict-points.ts'
import { testSeed } from './read-vectors.ts'
import { smallOrderPoints } from './small-order.ts'
import { expected, runWycheproof, zeroSecrets, type Primitive } from './wycheproof.ts'

it.each(Object.keys(expected) as Primitive[])('%s: Project Wycheproof', (name) => {
  expect(runWycheproof[name]()).toEqual(expected[name])
})

describe('X25519', () => {
  it('ID5: refuses every vector whose secret would be zero', () => {
    const zero = zeroSecrets()
    expect(zero.length).toBeGreaterThan(5)
    for (const { seed, theirs } of zero) {
      expect(() => createAgreementKey(seed).agree(theirs)).toThrow(
        expect.objectContaining({ name: 'IdentityError', code: 'ERR_AGREEMENT_INVALID' }),
      )
    }
  })

  it('agrees both ways, and refuses keys of another length', () => {
    const [a, b] = [createAgreementKey(), createAgreementKey(testSeed(1))]
    expect(a.agree(b.publicKey)).toEqual(b.agree(a.publicKey))
    expect(() => a.agree(new Uint8Array(31))).toThrow(
      expect.objectContaining({ code: 'ERR_AGREEMENT_INVALID' }),
    )
    expect(() => createAgreementKey(new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('Ed25519', () => {
  const p = 2n ** 255n - 19n

  it.each(smallOrderPoints)('ID5: refuses the key %s, under which anybody can sign', (hex) => {
    for (const sign of [0, 0x80]) {
      const key = hexToBytes(hex)
      key[31] = (key[31] ?? 0) | sign
      expect(hasSmallOrder(key)).toBe(true)
      // With S = 0 and R of small order, valid for a share of all messages where the key is let through.
      const signature = concatBytes(key, new Uint8Array(32))
      for (let message = 0; message < 16; message++) {
        expect(ed25519Verify(key, Uint8Array.of(message), signature)).toBe(false)
      }
    }
  })

  it('takes ordinary keys', () => {
    expect(hasSmallOrder(createNodeKey(testSeed(1)).publicKey)).toBe(false)
  })

  it('has a list of points that are of small order indeed', () => {
    // On the curve -x² + y² = 1 + d·x²·y² (RFC 8032 section 5.1).
    const littleEndian = (hex: string): bigint =>
      BigInt(`0x${bytesToHex(hexToBytes(hex).toReversed())}`) % p
    const d = (-121_665n * power(121_666n, p - 2n)) % p
    const orders = smallOrderPoints.map((hex) => {
      const y = littleEndian(hex)
      const y2 = (y * y) % p
      const x2 = (((y2 - 1n) * power(d * y2 + 1n, p - 2n)) % p) + p
      // Order 1 and 2: x = 0. Order 4: y = 0. Order 8: x² = -y², whose double has y = 0.
      if (x2 % p === 0n) return 'x=0'
      if (y === 0n) return 'y=0'
      return (x2 + y2) % p === 0n ? 'double y=0' : 'large'
    })
    expect(orders).toEqual(['y=0', 'x=0', 'double y=0', 'double y=0', 'x=0', 'y=0', 'x=0'])
  })

  function power(base: bigint, exponent: bigint): bigint {
    let result = 1n
    let factor = ((base % p) + p) % p
    for (let rest = exponent; rest > 0n; rest >>= 1n) {
      if (rest & 1n) result = (result * factor) % p
      factor = (factor * factor) % p
    }
    return result
  }

  it('keeps a bounded number of public keys ready', () => {
    const message = Uint8Array.of(1)
    for (let count = 0; count < MAX_CACHED_KEYS + 20; count++) {
      const key = createNodeKey()
      expect(verifyMessage(key.peerId, message, signMessage(key, message))).toBe(true)
    }
    expect(cachedKeyCount()).toBe(MAX_CACHED_KEYS)
  })
})

describe('hashes and randomness', () => {
  it('gives known answers (FIPS 180-4 example, RFC 4231 test case 2)', () => {
    const utf8 = new TextEncoder()
    expect(bytesToHex(sha256(utf8.encode('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
    expect(
      bytesToHex(hmacSha256(utf8.encode('Jefe'), utf8.encode('what do ya want for nothing?'))),
    ).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
  })

  it('compares whole buffers', () => {
    expect(timingSafeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
    expect(timingSafeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
    expect(timingSafeEqual(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false)
  })

  it('gives plain buffers that nobody shares', () => {
    for (const bytes of [sha256(Uint8Array.of(1)), randomBytes(32), createNodeKey().publicKey]) {
      expect(bytes.constructor).toBe(Uint8Array)
      expect(bytes.buffer.byteLength).toBe(32)
    }
    expect(randomBytes(32)).not.toEqual(randomBytes(32))
  })

  it.each([0, 8_161, 1.5])('refuses to derive %d bytes', (length) => {
    expect(() => hkdfSha256(testSeed(1), { info: new Uint8Array(), length })).toThrow(RangeError)
  })
})
