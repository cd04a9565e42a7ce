import { describe, expect, it } from 'vitest'
import { blindTopic, deriveTopic, topicToHex } from '@vudo/topic'
import { blindVectors, fromHex } from './vectors.ts'

describe('blindTopic', () => {
  it.each(blindVectors)('gives the known tag for context $context', ({ topic, context, tag }) => {
    expect(topicToHex(blindTopic(fromHex(topic), fromHex(context)))).toBe(tag)
  })

  it('differs with the context', () => {
    const topic = deriveTopic('abc')
    expect(blindTopic(topic, new Uint8Array([1]))).not.toEqual(
      blindTopic(topic, new Uint8Array([2])),
    )
  })

  it('refuses a topic of another length', () => {
    expect(() => blindTopic(new Uint8Array(33), new Uint8Array())).toThrow(
      'topic has 33 bytes, expected 32',
    )
  })
})

describe('topicToHex', () => {
  it('writes two lower-case characters for each byte', () => {
    expect(topicToHex(new Uint8Array(32).fill(0x0a))).toBe('0a'.repeat(32))
  })

  it('refuses text that only looks like a topic', () => {
    expect(() => topicToHex(new TextEncoder().encode('0a'.repeat(32)))).toThrow(RangeError)
  })
})
