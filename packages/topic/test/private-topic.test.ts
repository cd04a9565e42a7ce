import { describe, expect, it } from 'vitest'
import { derivePrivateTopic, deriveTopic, topicToHex } from '@vudo/topic'
import { fromHex, privateVectors } from './vectors.ts'

describe('derivePrivateTopic', () => {
  it.each(privateVectors)('gives the known topic of $id', ({ id, secret, topic }) => {
    expect(topicToHex(derivePrivateTopic(id, fromHex(secret)))).toBe(topic)
  })

  it('differs from the public topic', () => {
    expect(derivePrivateTopic('abc', new Uint8Array(32))).not.toEqual(deriveTopic('abc'))
  })

  it('refuses a secret of another length', () => {
    expect(() => derivePrivateTopic('abc', new Uint8Array(31))).toThrow(
      'secret has 31 bytes, expected 32',
    )
  })

  it('refuses an empty id', () => {
    expect(() => derivePrivateTopic('', new Uint8Array(32))).toThrow(RangeError)
  })
})
