import { expect, it } from 'vitest'
import { createStaticKeys } from '@vudo/secure-channel'

it('keeps a static key for 24 hours and then makes another', () => {
  let nowMs = 1_000
  const keys = createStaticKeys(() => nowMs)
  const first = keys.current()
  nowMs += 86_399_999
  expect(keys.current()).toBe(first)
  nowMs += 1
  const second = keys.current()
  expect(second.publicKey).not.toEqual(first.publicKey)
  expect(keys.current()).toBe(second)
})

it('makes another when the clock was set back', () => {
  let nowMs = 1_000_000
  const keys = createStaticKeys(() => nowMs)
  const first = keys.current()
  nowMs = 0
  expect(keys.current()).not.toBe(first)
})
