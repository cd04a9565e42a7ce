import crypto from 'node:crypto'
import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { createEd25519Key, verifyEd25519, verifyEd25519Async } from '@vudo/identity'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import { isBelowOrder, isStrictPoint } from '../src/strict-points.ts'
import { flipEachByte, testSeed } from './read-vectors.ts'
import { smallOrderPoints } from './small-order.ts'

const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n
const text = new TextEncoder()

function littleEndian(value: bigint): Uint8Array {
  return hexToBytes(value.toString(16).padStart(64, '0')).toReversed()
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytesToHex(bytes.toReversed())}`)
}

/** Both forms, which have to agree. */
async function verifies(
  key: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const answer = verifyEd25519(key, message, signature)
  expect(await verifyEd25519Async(key, message, signature)).toBe(answer)
  return answer
}

it('signs bytes as they are (RFC 8032 section 7.1, test 2)', async () => {
  const key = createEd25519Key(
    hexToBytes('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'),
  )
  const signature = key.sign(Uint8Array.of(0x72))
  expect(bytesToHex(key.publicKey)).toBe(
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  )
  expect(bytesToHex(signature)).toBe(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  )
  expect(await verifies(key.publicKey, Uint8Array.of(0x72), signature)).toBe(true)
})

it('refuses every flipped byte and every other length', async () => {
  const key = createEd25519Key(testSeed(1))
  const message = text.encode('hello')
  const signature = key.sign(message)
  const refused = [
    ...flipEachByte(signature).map((other) => [key.publicKey, message, other] as const),
    ...flipEachByte(key.publicKey).map((other) => [other, message, signature] as const),
    ...flipEachByte(message).map((other) => [key.publicKey, other, signature] as const),
    [key.publicKey, message, signature.subarray(1)] as const,
    [key.publicKey.subarray(1), message, signature] as const,
  ]
  for (const input of refused) expect(await verifies(...input)).toBe(false)
})

it('refuses S + L, which is another form of S', async () => {
  const key = createEd25519Key(testSeed(2))
  const message = text.encode('x')
  const signature = key.sign(message)
  const s = toInteger(signature.subarray(32))
  const other = concatBytes(signature.subarray(0, 32), littleEndian(s + order))
  expect(await verifies(key.publicKey, message, signature)).toBe(true)
  expect(await verifies(key.publicKey, message, other)).toBe(false)
  expect(
    await verifies(
      key.publicKey,
      message,
      concatBytes(signature.subarray(0, 32), littleEndian(order)),
    ),
  ).toBe(false)
})

it('refuses an R of small order, though the equation holds', async () => {
  // R is the identity, so S = h·a satisfies S·B = R + h·A: some libraries say yes.
  const seed = testSeed(3)
  const key = createEd25519Key(seed)
  const message = text.encode('x')
  const scalar = new Uint8Array(crypto.createHash('sha512').update(seed).digest().subarray(0, 32))
  scalar[0] = (scalar[0] ?? 0) & 0xf8
  scalar[31] = ((scalar[31] ?? 0) & 0x7f) | 0x40
  const r = littleEndian(1n)
  const hash = crypto
    .createHash('sha512')
    .update(concatBytes(r, key.publicKey, message))
    .digest()
  const s = (toInteger(new Uint8Array(hash)) * toInteger(scalar)) % order
  expect(await verifies(key.publicKey, message, concatBytes(r, littleEndian(s)))).toBe(false)
})

it('refuses the 14 forms of points of small order as key and as R, and y above the prime', async () => {
  const prime = 2n ** 255n - 19n
  const small = smallOrderPoints.flatMap((hex) => [hexToBytes(hex), withSign(hexToBytes(hex))])
  const notCanonical = Array.from({ length: 19 }, (_, above) => littleEndian(prime + BigInt(above)))
  const key = createEd25519Key(testSeed(4))
  const message = text.encode('x')
  const s = key.sign(message).subarray(32)
  expect(small).toHaveLength(14)
  for (const point of [...small, ...notCanonical, ...notCanonical.map(withSign)]) {
    // By itself: this version of the library may refuse it for reasons of its own.
    expect(isStrictPoint(point)).toBe(false)
    expect(await verifies(point, message, concatBytes(point, new Uint8Array(32)))).toBe(false)
    expect(await verifies(key.publicKey, message, concatBytes(point, s))).toBe(false)
  }
})

it('takes the greatest point and scalar that are canonical', () => {
  expect(isStrictPoint(littleEndian(2n ** 255n - 21n))).toBe(true)
  expect(isStrictPoint(littleEndian(2n ** 255n - 19n - 256n))).toBe(true)
  expect(isBelowOrder(littleEndian(order - 1n))).toBe(true)
  expect([order, order + 1n, 2n ** 256n - 1n].map((s) => isBelowOrder(littleEndian(s)))).toEqual([
    false,
    false,
    false,
  ])
})

function withSign(point: Uint8Array): Uint8Array {
  return point.with(31, (point[31] ?? 0) | 0x80)
}

it('never shows its seed, and makes another key each time', () => {
  const seed = testSeed(0x5e)
  const key = createEd25519Key(seed)
  const hex = bytesToHex(key.publicKey)
  const shown = [inspect(key, { depth: 9 }), String(key), JSON.stringify(key)]
  for (const line of shown) {
    expect(line).toContain(hex)
    expect(line).not.toContain('5e5e')
    expect(line).not.toContain('94, 94')
  }
  seed.fill(0)
  expect(key.seed).toEqual(testSeed(0x5e))
  expect(createEd25519Key().publicKey).not.toEqual(createEd25519Key().publicKey)
  expect(() => createEd25519Key(new Uint8Array(31))).toThrow(RangeError)
})
