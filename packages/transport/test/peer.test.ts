import { expect, it } from 'vitest'
import { isPeerId } from '@vudo/transport'

it('knows a peer id by its form', () => {
  expect(isPeerId('0123456789abcdef'.repeat(4))).toBe(true)
  for (const value of ['a'.repeat(63), 'A'.repeat(64), 'g'.repeat(64), `${'a'.repeat(64)}\n`, 7]) {
    expect(isPeerId(value)).toBe(false)
  }
})
