import { describe, expect, it } from 'vitest'
import { isTransportError, isVudoError, TransportError, VudoError } from '@vudo/transport'

describe('TransportError', () => {
  it('carries code, hint, cause and where it is explained', () => {
    const cause = new Error('why')
    const error = new TransportError('ERR_DIAL_FAILED', 'no way', { cause, hint: 'try again' })
    expect(error).toMatchObject({
      name: 'TransportError',
      code: 'ERR_DIAL_FAILED',
      message: 'no way',
      hint: 'try again',
      cause,
      docs: 'docs/errors.md#err_dial_failed',
    })
    expect(error).toBeInstanceOf(Error)
  })

  it('has no hint when none was given', () => {
    expect(new TransportError('ERR_LIMIT', 'full').hint).toBeUndefined()
  })
})

describe('isVudoError and isTransportError', () => {
  it('tell families apart', () => {
    const other = new VudoError('ERR_OTHER', 'something else')
    expect([isVudoError(other), isTransportError(other)]).toEqual([true, false])
    const ours = new TransportError('ERR_LIMIT', 'full')
    expect([isVudoError(ours), isTransportError(ours)]).toEqual([true, true])
  })

  it('refuse what is no error of ours', () => {
    for (const value of [
      undefined,
      null,
      'ERR_LIMIT',
      {},
      new Error('plain'),
      new TypeError('x'),
    ]) {
      expect(isVudoError(value)).toBe(false)
    }
  })
})
