import { createRandom } from '@vudo/testing'
import fc from 'fast-check'
import { deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import * as browser from '../src/zlib.browser.ts'
import * as node from '../src/zlib.ts'

const words = ['abc', 'hello ', '{"x":1}', '\0\0\0\0', 'qwertzuiop', 'zz', 'ä']

/** What deflates to blocks of every kind: repetitions, and bytes of which nothing repeats. */
const content = fc
  .tuple(fc.array(fc.constantFrom(...words), { maxLength: 300 }), fc.uint8Array({ maxLength: 60 }))
  .map(([repeated, others]) => Buffer.concat([Buffer.from(repeated.join('')), others]))

const dictionary = fc.option(
  fc.constantFrom(...words).map((word) => Buffer.from(`abchello {"x":1}${word}`)),
  { nil: undefined },
)

/** The platform's way to deflate, in all its kinds of blocks. */
const deflated = fc
  .tuple(content, dictionary, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 4 }))
  .map(([bytes, known, level, strategy]) => {
    const init = known ? { dictionary: known } : {}
    return { bytes, known, sent: deflateRawSync(bytes, { level, strategy, ...init }) }
  })

function inflated(
  platform: typeof node | typeof browser,
  sent: Uint8Array,
  init: { readonly maxBytes: number; readonly dictionary?: Uint8Array | undefined },
): Uint8Array | 'refused' {
  try {
    return platform.inflateRaw(sent, init)
  } catch {
    return 'refused'
  }
}

test('a browser inflates what Node deflates, and Node what a browser does', () => {
  fc.assert(
    fc.property(deflated, fc.boolean(), ({ bytes, known, sent }, isLive) => {
      const init = { maxBytes: bytes.length + 1, dictionary: known }
      expect(Buffer.from(browser.inflateRaw(sent, init))).toEqual(bytes)
      const back = browser.deflateRaw(bytes, { dictionary: known, isLive })
      expect(Buffer.from(node.inflateRaw(back, init))).toEqual(bytes)
      expect(Buffer.from(browser.inflateRaw(back, init))).toEqual(bytes)
    }),
    { numRuns: 500 },
  )
})

test('a browser deflates about as well as Node', () => {
  const notes = Array.from({ length: 2_000 }, (_, id) => ({
    id,
    text: `note ${id}`,
    done: id % 3 === 0,
  }))
  const random = createRandom(1)
  const letters = Uint8Array.from({ length: 50_000 }, () => 97 + random.int(26))
  for (const bytes of [new TextEncoder().encode(JSON.stringify(notes)), letters]) {
    const size = browser.deflateRaw(bytes).length
    expect(size).toBeLessThan(1.05 * node.deflateRaw(bytes).length)
  }
  const noise = Uint8Array.from({ length: 50_000 }, () => random.int(256))
  const inflatedNoise = browser.inflateRaw(browser.deflateRaw(noise), { maxBytes: 50_000 })
  expect(inflatedNoise).toEqual(noise)
})

test('both stop at the same byte', () => {
  fc.assert(
    fc.property(deflated, fc.integer({ min: -2, max: 2 }), ({ bytes, known, sent }, beside) => {
      const init = { maxBytes: Math.max(1, bytes.length + beside), dictionary: known }
      expect(inflated(browser, sent, init)).toEqual(inflated(node, sent, init))
    }),
    { numRuns: 500 },
  )
})

test('both refuse the same damaged bytes, and agree on what the others hold', () => {
  const seeds = fc.nat()
  let refused = 0
  fc.assert(
    fc.property(deflated, seeds, ({ known, sent }, seed) => {
      const damaged = damage(sent, seed)
      const init = { maxBytes: 100_000, dictionary: known }
      const here = inflated(browser, damaged, init)
      expect(here).toEqual(inflated(node, damaged, init))
      if (here === 'refused') refused += 1
    }),
    { numRuns: 5_000 },
  )
  expect(refused).toBeGreaterThan(1_000)
})

/** Flips bits near the beginning, where the codes stand, cuts, appends. */
function damage(sent: Uint8Array, seed: number): Uint8Array {
  const random = createRandom(seed)
  const bytes = Uint8Array.from(sent)
  for (let left = random.int(3); left > 0; left--) {
    const at = random.int(Math.min(80, bytes.length))
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8))
  }
  const kind = random.int(6)
  if (kind === 0) return bytes.subarray(0, random.int(bytes.length + 1))
  if (kind === 1) return Buffer.concat([bytes, Buffer.from('more')])
  return bytes
}

/** A block that brings its own codes (RFC 1951, section 3.2.7), of these lengths and no others, and bits behind. */
function blockOf(
  literals: readonly number[],
  distances: readonly number[],
  end: readonly number[],
): Uint8Array {
  const bits: number[] = []
  const write = (value: number, count: number): void => {
    for (let at = 0; at < count; at++) bits.push((value >>> at) & 1)
  }
  write(0b101, 3)
  write(literals.length - 257, 5)
  write(distances.length - 1, 5)
  write(19 - 4, 4)
  // The lengths 0 to 15 have codes of four bits each, which is a full set: 16, 17 and 18, which come first, have none.
  for (let at = 0; at < 19; at++) write(at < 3 ? 0 : 4, 3)
  for (const length of [...literals, ...distances]) {
    for (let at = 3; at >= 0; at--) bits.push((length >>> at) & 1)
  }
  bits.push(...end)
  return Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, at) =>
    bits.slice(8 * at, 8 * at + 8).reduce((byte, bit, place) => byte | (bit << place), 0),
  )
}

test('both refuse the same sets of codes: over-full ones, and those with gaps', () => {
  const length = fc.integer({ min: 0, max: 4 })
  // With the end of the block; some of them full.
  const few = fc.oneof(
    fc.tuple(fc.array(length, { maxLength: 6 }), length),
    fc.constantFrom<[number[], number]>([[1], 1], [[2, 2], 1], [[2, 2, 2], 2], [[0, 1, 0, 2], 2]),
  )
  const distances = fc.oneof(
    fc.array(length, { minLength: 1, maxLength: 5 }),
    fc.constantFrom([0], [1], [1, 1], [2, 1, 2]),
  )
  const outcomes = { refused: 0, inflated: 0 }
  fc.assert(
    fc.property(few, distances, fc.array(fc.nat(1), { maxLength: 60 }), (some, far, end) => {
      const [first, ofEnd] = some
      const literals = Array.from({ length: 259 }, (_, symbol) => {
        if (symbol === 256) return ofEnd
        return first[symbol < 256 ? symbol : symbol - 253] ?? 0
      })
      const block = blockOf(literals, far, end)
      const here = inflated(browser, block, { maxBytes: 1_000 })
      expect(here).toEqual(inflated(node, block, { maxBytes: 1_000 }))
      outcomes[here === 'refused' ? 'refused' : 'inflated'] += 1
    }),
    { numRuns: 3_000 },
  )
  expect(outcomes.refused).toBeGreaterThan(1_000)
  expect(outcomes.inflated).toBeGreaterThan(100)
})

test('a bomb is stopped at its limit', () => {
  const bomb = deflateRawSync(new Uint8Array(32 << 20))
  expect(bomb.length).toBeLessThan(40_000)
  expect(() => browser.inflateRaw(bomb, { maxBytes: 1 << 20 })).toThrow('more than 1048576 bytes')
  expect(browser.inflateRaw(bomb, { maxBytes: 32 << 20 })).toHaveLength(32 << 20)
})
