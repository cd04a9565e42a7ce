import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createRandom } from '@vudo/testing'

const seed = fc.maxSafeNat()

it('gives the same draws for the same seed', () => {
  fc.assert(
    fc.property(seed, (one) => {
      expect(createRandom(one).bytes(16)).toEqual(createRandom(one).bytes(16))
    }),
  )
})

it('keeps to its ranges', () => {
  fc.assert(
    fc.property(seed, fc.integer({ min: 1, max: 2 ** 32 }), (one, n) => {
      const random = createRandom(one)
      const [drawn, number] = [random.next(), random.int(n)]
      expect(drawn >= 0 && drawn < 1 && number >= 0 && number < n).toBe(true)
      expect(Number.isInteger(number)).toBe(true)
      expect(random.chance(0)).toBe(false)
      expect(random.chance(1)).toBe(true)
    }),
  )
})

it('spreads its draws evenly', () => {
  const random = createRandom(1)
  const draws = Array.from({ length: 10_000 }, () => random.int(10))
  for (let n = 0; n < 10; n++) {
    expect(draws.filter((draw) => draw === n).length).toBeGreaterThan(850)
  }
})

it('forks generators that do not shift each other', () => {
  const [one, two] = [createRandom(9), createRandom(9)]
  const [fork, sameFork] = [one.fork(), two.fork()]
  fork.bytes(100)
  expect(one.next()).toBe(two.next())
  expect(sameFork.bytes(8)).not.toEqual(two.bytes(8))
})

it('refuses what it cannot draw from', () => {
  const random = createRandom(1)
  expect(() => random.int(0)).toThrow(RangeError)
  expect(() => random.pick([])).toThrow(RangeError)
  expect(() => createRandom(1.5)).toThrow(RangeError)
  expect(random.pick(['only'])).toBe('only')
})
