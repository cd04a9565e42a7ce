import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeyIndex, keyOfText, keyText } from '../src/key-index.ts'
import type { DatabaseRange } from '../src/keys.ts'

const all: DatabaseRange = { gte: new Uint8Array(), lt: Uint8Array.of(0xff, 0xff) }

function walked(keys: Iterator<string, undefined>): string[] {
  const found: string[] = []
  for (let next = keys.next(); next.done !== true; next = keys.next()) found.push(next.value)
  return found
}

/** Numbers as keys of two bytes: enough of them for many blocks. */
const numberKey = (number: number): string => String.fromCharCode(number >> 8, number & 0xff)

it('holds what a sorted set would hold, after any additions and deletions', () => {
  const changes = fc.array(fc.tuple(fc.nat(4_000), fc.boolean()), { maxLength: 400 })
  const range = fc.tuple(fc.nat(4_000), fc.nat(4_000), fc.boolean())
  fc.assert(
    fc.property(fc.nat(3_000), changes, range, (initial, steps, [from, to, isOpen]) => {
      const model = new Set(Array.from({ length: initial }, (_, at) => numberKey(at)))
      const index = new KeyIndex([...model].toReversed())
      for (const [number, isAdded] of steps) {
        const key = numberKey(number)
        if (isAdded) model.add(key)
        else model.delete(key)
        if (isAdded) index.add(key)
        else index.delete(key)
        expect(index.has(key)).toBe(isAdded)
      }
      expect(index.size).toBe(model.size)
      const [low, high] = [keyOfText(numberKey(from)), keyOfText(numberKey(to))]
      const bounds = isOpen ? { gt: low, lt: high } : { gte: low, lt: high }
      const expected = [...model]
        .filter(
          (key) => key < numberKey(to) && (isOpen ? key > numberKey(from) : key >= numberKey(from)),
        )
        .toSorted()
      expect(walked(index.walk(bounds, false))).toEqual(expected)
      expect(walked(index.walk(bounds, true))).toEqual(expected.toReversed())
    }),
    { numRuns: 60 },
  )
})

it('gives a walk the keys of its beginning, however the index changes meanwhile', () => {
  const index = new KeyIndex(Array.from({ length: 2_000 }, (_, at) => numberKey(2 * at)))
  const [forwards, backwards] = [index.walk(all, false), index.walk(all, true)]
  for (let at = 0; at < 2_000; at += 1) {
    index.add(numberKey(2 * at + 1))
    if (at % 3 === 0) index.delete(numberKey(2 * at))
  }
  const expected = Array.from({ length: 2_000 }, (_, at) => numberKey(2 * at))
  expect(walked(forwards)).toEqual(expected)
  expect(walked(backwards)).toEqual(expected.toReversed())
  expect(index.size).toBe(4_000 - 667)
})

it('keeps bytes as they are', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(keyOfText(keyText(bytes))).toEqual(bytes)
    }),
  )
})
