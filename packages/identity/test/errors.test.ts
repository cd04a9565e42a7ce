import { expect, it } from 'vitest'
import { IdentityError, isIdentityError } from '@vudo/identity'
import { TransportError } from '@vudo/transport'

it('recognizes its own errors, from whichever copy of the package', () => {
  const error = new IdentityError('ERR_SEAL_INVALID', 'text', { hint: 'do this' })
  expect(isIdentityError(error)).toBe(true)
  expect(error.hint).toBe('do this')
  expect(error.docs).toBe('docs/errors.md#err_seal_invalid')
  expect(isIdentityError(new TransportError('ERR_LIMIT', 'text'))).toBe(false)
  expect(isIdentityError(new Error('text'))).toBe(false)
})
