/** What Node and browsers compute is the same, and so is what they refuse. */
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import * as browser from '../src/crypto.browser.ts'
import * as node from '../src/crypto.ts'
import { smallOrderPoints } from './small-order.ts'

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })
/** In the middle of other bytes: nobody promises a library that they begin at a multiple of four. */
const inside = fc
  .tuple(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 300 }))
  .map(([before, bytes]) => concatBytes(before, bytes).subarray(before.length))

/** What came of it as text: the bytes, the answer, or the error's name and code. */
function outcome(run: () => Uint8Array | boolean | undefined): string {
  try {
    const result = run()
    if (result instanceof Uint8Array) expect(result.constructor).toBe(Uint8Array)
    return result instanceof Uint8Array ? bytesToHex(result) : String(result)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    // Node's own codes are no contract.
    return `${(error as Error).name} ${code.startsWith('ERR_AGREEMENT') ? code : ''}`
  }
}

type Platform = typeof node

function expectSame(run: (platform: Platform) => Uint8Array | boolean | undefined): string {
  const onNode = outcome(() => run(node))
  expect(outcome(() => run(browser))).toBe(onNode)
  return onNode
}

describe('Node and browsers agree', () => {
  it('on hashes and what is derived from them', () => {
    const lengths = fc.oneof(fc.integer({ min: -1, max: 100 }), fc.constantFrom(8_160, 8_161, 1.5))
    const infos = fc.oneof(inside, fc.constantFrom(1_023, 1_024, 1_025).map(zeros))
    fc.assert(
      fc.property(inside, inside, infos, lengths, (bytes, salt, info, length) => {
        expectSame(({ sha256 }) => sha256(bytes))
        expectSame(({ hmacSha256 }) => hmacSha256(salt, bytes))
        expectSame(({ hkdfSha256 }) => hkdfSha256(bytes, { salt, info, length }))
        expectSame(({ hkdfSha256 }) => hkdfSha256(bytes, { info, length }))
        expectSame(({ timingSafeEqual }) => timingSafeEqual(bytes, salt))
        expectSame(({ timingSafeEqual }) => timingSafeEqual(bytes, Uint8Array.from(bytes)))
      }),
    )
  })

  it('on AES-256-GCM, and open what the other sealed', () => {
    const nonces = fc.uint8Array({ minLength: 12, maxLength: 12 })
    fc.assert(
      fc.property(seeds, nonces, inside, inside, (key, nonce, associatedData, plaintext) => {
        const input = { key, nonce, associatedData }
        const sealed = hexToBytes(
          expectSame(({ aesGcmEncrypt }) => aesGcmEncrypt(input, plaintext)),
        )
        expect(expectSame(({ aesGcmDecrypt }) => aesGcmDecrypt(input, sealed))).toBe(
          bytesToHex(plaintext),
        )
        const altered = sealed.with(0, (sealed[0] ?? 0) ^ 1)
        expect(expectSame(({ aesGcmDecrypt }) => aesGcmDecrypt(input, altered))).toBe('undefined')
        const cut = sealed.subarray(1)
        expect(expectSame(({ aesGcmDecrypt }) => aesGcmDecrypt(input, cut))).toBe('undefined')
      }),
    )
    const short = { key: zeros(16), nonce: zeros(12), associatedData: zeros(0) }
    expect(expectSame(({ aesGcmEncrypt }) => aesGcmEncrypt(short, zeros(1)))).toBe('RangeError ')
  })

  it('on X25519, whatever the far end sends', () => {
    const small = [
      ...smallOrderPoints,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    ]
    const hostile = fc.constantFrom(...small).map(hexToBytes)
    const theirs = fc.oneof(seeds, hostile, fc.uint8Array({ maxLength: 40 }))
    const refused = new Set<string>()
    fc.assert(
      fc.property(seeds, theirs, fc.boolean(), (seed, raw, isHigh) => {
        // The highest bit is not part of the number.
        const sent = isHigh && raw.length === 32 ? raw.with(31, (raw[31] ?? 0) | 0x80) : raw
        expectSame(({ createAgreementKey }) => createAgreementKey(seed).publicKey)
        const shared = expectSame(({ createAgreementKey }) => createAgreementKey(seed).agree(sent))
        if (shared.length !== 64) refused.add(shared)
      }),
    )
    expect([...refused]).toEqual(['IdentityError ERR_AGREEMENT_INVALID'])
    expectSame(({ createAgreementKey }) => createAgreementKey(zeros(31)).publicKey)
  })

  it('on what is signed', () => {
    fc.assert(
      fc.property(seeds, inside, (seed, message) => {
        expectSame(({ ed25519PairOf }) => ed25519PairOf(seed).publicKey)
        const signature = hexToBytes(
          expectSame(({ ed25519PairOf }) => ed25519PairOf(seed).sign(message)),
        )
        const { publicKey } = node.ed25519PairOf(seed)
        const verified = expectSame(({ ed25519Verify }) =>
          ed25519Verify(publicKey, message, signature),
        )
        expect(verified).toBe('true')
      }),
      { numRuns: 50 },
    )
  })

  it('on signatures that were altered, or made up', () => {
    const one = node.ed25519PairOf(zeros(32))
    const message = Uint8Array.of(1)
    const signature = one.sign(message)
    const points = fc.oneof(seeds, fc.constantFrom(...smallOrderPoints).map(hexToBytes))
    const made = fc.tuple(points, points, seeds).map(([key, r, s]) => [key, concatBytes(r, s)])
    const flipped = fc.nat(96 * 8 - 1).map((bit) => {
      const both = concatBytes(one.publicKey, signature)
      both[bit >> 3] = (both[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return [both.subarray(0, 32), both.subarray(32)]
    })
    fc.assert(
      fc.property(fc.oneof(made, flipped), ([key = zeros(0), changed = zeros(0)]) => {
        const answer = expectSame(({ ed25519Verify }) => ed25519Verify(key, message, changed))
        expect(answer).toBe('false')
      }),
    )
  })

  it('on signatures with a part of small order, of which libraries think differently', () => {
    const { Point } = ed25519
    const torsion = Point.fromHex(smallOrderPoints[2] ?? '')
    const [secret, nonce] = [123_456_789n, 987_654_321n]
    const [ofKey, ofR] = [Point.BASE.multiply(secret), Point.BASE.multiply(nonce)]
    const answers = { true: 0, false: 0 }
    for (let turn = 0; turn < 128; turn++) {
      const publicKey = ofKey.add(torsion.multiplyUnsafe(BigInt(turn & 7))).toBytes()
      const r = ofR.add(torsion.multiplyUnsafe(BigInt((turn >> 3) & 7))).toBytes()
      const message = Uint8Array.of(turn)
      const h = Point.Fn.create(toInteger(sha512(concatBytes(r, publicKey, message))))
      const signature = concatBytes(r, toBytes(Point.Fn.create(nonce + h * secret)))
      // Times 8, the equation holds for all of them.
      expect(ed25519.verify(signature, message, publicKey)).toBe(true)
      const answer = expectSame(({ ed25519Verify }) => ed25519Verify(publicKey, message, signature))
      answers[answer as 'true' | 'false'] += 1
    }
    expect(answers.true).toBeGreaterThan(8)
    expect(answers.false).toBeGreaterThan(80)
  })
})

it('browsers give as many random bytes as are asked for', () => {
  const bytes = browser.randomBytes(150_000)
  expect(bytes).toHaveLength(150_000)
  for (const at of [0, 65_536, 131_072, 149_900]) {
    expect(new Set(bytes.subarray(at, at + 100)).size).toBeGreaterThan(30)
  }
  expect(browser.randomBytes(0)).toHaveLength(0)
})

function zeros(count: number): Uint8Array {
  return new Uint8Array(count)
}

function toInteger(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${bytesToHex(littleEndian.toReversed())}`)
}

function toBytes(value: bigint): Uint8Array {
  return hexToBytes(value.toString(16).padStart(64, '0')).toReversed()
}
