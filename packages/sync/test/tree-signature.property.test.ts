import { sha256 } from '@vudo/identity'
import {
  bytesToHex,
  concatBytes,
  createByteReader,
  createByteWriter,
  isWireError,
} from '@vudo/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_SIGNED_TOGETHER } from '../src/limits.ts'
import {
  isSigned,
  leafOf,
  readTreeSignature,
  signTree,
  writeTreeSignature,
  type SignedStatement,
} from '../src/tree-signature.ts'
import { decodeJoint, encodeJoint } from './joint-lab.ts'
import { keyOf } from './keys.ts'

const author = keyOf('alice')
const { authorId } = author

function leafAt(at: number): Uint8Array {
  return leafOf('vudo/example/1', Uint8Array.of(at & 255, at >> 8))
}

function signMany(size: number, first = 0): SignedStatement[] {
  const statements = Array.from({ length: size }, (_, at) => ({ leaf: leafAt(first + at) }))
  return signTree(author, statements)
}

const sizes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(63, 64, 65, 1_023, 1_024))

test('each statement of a tree is proven by itself, whatever their number', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      for (const { leaf, signature } of signMany(size)) {
        expect(isSigned(authorId, leaf, signature)).toBe(true)
        expect(signature.path.length).toBeLessThanOrEqual(32 * Math.ceil(Math.log2(size)))
      }
    }),
    { numRuns: 20 },
  )
})

test('one signature stands for so many statements and no more', () => {
  expect(() => signMany(0)).toThrow(RangeError)
  expect(() => signMany(MAX_SIGNED_TOGETHER + 1)).toThrow(RangeError)
})

/** Some statements of some trees, in any order. */
const mixtures = fc
  .array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 })
  .map((list) => list.flatMap((size, at) => signMany(size, 1_000 * at)))
  .chain((all) => fc.shuffledSubarray(all))

test('what travels together comes back as it was signed', () => {
  fc.assert(
    fc.property(mixtures, (statements) => {
      const decoded = decodeJoint(encodeJoint(statements), statements)
      expect(decoded.map(({ signature }) => signature)).toEqual(
        statements.map(({ signature }) => signature),
      )
    }),
    { numRuns: 200 },
  )
})

test('a signature comes back by itself as well', () => {
  for (const { signature } of [...signMany(1), ...signMany(7)]) {
    const writer = createByteWriter()
    writeTreeSignature(writer, signature)
    const reader = createByteReader(writer.finish())
    expect(readTreeSignature(reader)).toEqual(signature)
    expect(reader.remaining).toBe(0)
  }
})

test('all statements of a tree take two bytes each besides the signature, and half of them few hashes', () => {
  const all = signMany(64)
  expect(encodeJoint(all).length).toBe(1 + 65 + 64)
  expect(encodeJoint(all.slice(0, 32)).length).toBe(1 + 65 + 32 + 32)
})

// What an attacker can show in place of a signature.

const [first, second, third] = signMany(5) as [SignedStatement, SignedStatement, SignedStatement]
const [other] = signMany(5, 100) as [SignedStatement]
const zeroes = new Uint8Array(32)

function isTaken(leaf: Uint8Array, changes: Partial<SignedStatement['signature']>): boolean {
  return isSigned(authorId, leaf, { ...first.signature, ...changes })
}

test('a statement is proven at its place only', () => {
  expect(isTaken(first.leaf, {})).toBe(true)
  expect(isTaken(second.leaf, {})).toBe(false)
  expect(isTaken(first.leaf, { number: 1 })).toBe(false)
  expect(isTaken(first.leaf, { number: 5 })).toBe(false)
  expect(isSigned(authorId, second.leaf, { ...second.signature, path: third.signature.path })).toBe(
    false,
  )
})

test('a path of other hashes, of another tree, or of another length proves nothing', () => {
  const { path } = first.signature
  expect(isTaken(first.leaf, { path: concatBytes(path.subarray(0, -32), zeroes) })).toBe(false)
  expect(isTaken(first.leaf, { path: other.signature.path })).toBe(false)
  expect(isTaken(first.leaf, { path: concatBytes(path, zeroes) })).toBe(false)
  expect(isTaken(first.leaf, { path: path.subarray(32) })).toBe(false)
  expect(isTaken(first.leaf, { path: new Uint8Array() })).toBe(false)
})

test('the signature of another tree, or of another author, proves nothing', () => {
  expect(isTaken(first.leaf, { signature: other.signature.signature })).toBe(false)
  expect(isSigned(keyOf('mallory').authorId, first.leaf, first.signature)).toBe(false)
  for (const { leaf, signature } of signTree(keyOf('mallory'), [first, second])) {
    expect(isSigned(authorId, leaf, signature)).toBe(false)
  }
})

test('no inner node can be shown as a statement, nor a tree of another size', () => {
  const node = sha256(concatBytes(Uint8Array.of(1), first.leaf, second.leaf))
  const { path } = first.signature
  // The node above the first two statements, as the first leaf of a smaller tree.
  const above = { leaves: 3, number: 0, path: path.subarray(32) }
  expect(isTaken(node, above)).toBe(false)
  expect(isTaken(node, { ...above, leaves: 5 })).toBe(false)
  expect(isTaken(first.leaf, { leaves: 6 })).toBe(false)
  // A message that begins with the byte of nodes is another leaf, as its tag stands before it.
  const message = concatBytes(Uint8Array.of(1), first.leaf, second.leaf)
  expect(bytesToHex(leafOf('vudo/example/1', message))).not.toBe(bytesToHex(node))
})

// What a decoder takes.

const statements = [first, second]

test('two statements at one place, a tree without any and places beyond the tree are refused', () => {
  const { signature } = first.signature
  const head = [...signature, 2]
  const good = Uint8Array.of(1, ...head, 0, 1)
  expect(decodeJoint(good, statements)).toHaveLength(2)
  const refused = [
    Uint8Array.of(1, ...head, 0, 0, ...zeroes),
    Uint8Array.of(1, ...head, 0, 2, ...zeroes),
    Uint8Array.of(2, ...head, ...head, 0, 0, 0, 1, ...zeroes),
    Uint8Array.of(3, ...head, ...head, ...head, 0, 0, 1, 0),
    Uint8Array.of(1, ...signature, 0, 0, 1),
    Uint8Array.of(0),
    good.subarray(0, -1),
    Uint8Array.of(...good, 0),
  ]
  for (const bytes of refused) expect(() => decodeJoint(bytes, statements)).toThrow(/./)
  const tooMany = Uint8Array.of(1, ...signature, 0x81, 0x08, 0, 1)
  expect(() => decodeJoint(tooMany, statements)).toThrow('1025')
})

test('whatever the bytes are, the decoders throw only their own error', () => {
  const real = encodeJoint(signMany(9).slice(2, 7))
  const damaged = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
    const copy = Uint8Array.from(real)
    copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ by
    return copy
  })
  const count = fc.integer({ min: 0, max: 6 })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), damaged), count, (bytes, size) => {
      const leaves = Array.from({ length: size }, (_, at) => ({ leaf: leafAt(at) }))
      for (const decode of [
        () => decodeJoint(bytes, leaves),
        () => readTreeSignature(createByteReader(bytes)),
      ]) {
        try {
          decode()
        } catch (error) {
          if (!isWireError(error)) throw error
        }
      }
    }),
    { numRuns: 1_000 },
  )
})
