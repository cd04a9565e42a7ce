import { expect, it } from 'vitest'
import { MAX_U64, timestampFromUnixMs, timestampToUnixMs } from '@vudo/meadowcap'
import { example } from '../examples.ts'

it('counts microseconds as the examples do', () => {
  const { examples } = example('timestamps') as { examples: { utc: string; timestamp: string }[] }
  for (const { utc, timestamp } of examples) {
    expect(timestampFromUnixMs(Date.parse(utc))).toBe(BigInt(timestamp))
    expect(timestampToUnixMs(BigInt(timestamp))).toBe(Date.parse(utc))
  }
})

it('keeps microseconds, starts at 0 and ends at the greatest U64', () => {
  expect(timestampFromUnixMs(1_500_000_000_000.5) - timestampFromUnixMs(1_500_000_000_000)).toBe(
    500n,
  )
  expect(timestampFromUnixMs(0)).toBe(0n)
  expect(() => timestampFromUnixMs(Number.NaN)).toThrow(RangeError)
  expect(() => timestampFromUnixMs(2e19)).toThrow(RangeError)
  expect(timestampToUnixMs(MAX_U64)).toBeGreaterThan(0)
})
