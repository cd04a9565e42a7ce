import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createAuthorKey, createNodeKey } from '@vudo/identity'
import { bytesToHex } from '@vudo/wire'
import { testSeed } from './read-vectors.ts'

describe.each([
  ['node', createNodeKey, 'peerId'],
  ['author', createAuthorKey, 'authorId'],
] as const)('a key of type %s', (_type, create, idField) => {
  it('is the one of its seed (RFC 8032 section 7.1, test 1)', () => {
    const seed = Buffer.from(
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'hex',
    )
    const key = create(seed)
    const id = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
    expect(bytesToHex(key.publicKey)).toBe(id)
    expect(key).toHaveProperty(idField, id)
    expect(bytesToHex(key.seed)).toBe(seed.toString('hex'))
  })

  it('is new each time without a seed', () => {
    expect(create().seed).not.toEqual(create().seed)
  })

  it('copies the seed', () => {
    const seed = testSeed(1)
    const key = create(seed)
    seed.fill(0)
    expect(key.seed).toEqual(testSeed(1))
  })

  it.each([0, 31, 33])('refuses a seed of %d bytes', (length) => {
    expect(() => create(new Uint8Array(length))).toThrow(RangeError)
  })

  it('never shows its seed when printed, cloned or serialized', () => {
    const key = create(testSeed(0xab))
    const texts = [
      inspect(key),
      inspect({ deep: [key] }, { depth: 9, showHidden: true, getters: true }),
      inspect(key, { customInspect: false, showHidden: true, depth: 9 }),
      JSON.stringify({ key }),
      inspect(structuredClone({ ...key })),
      key.toString(),
    ]
    for (const text of texts) {
      expect(text).not.toMatch(/abab|171/)
    }
    expect(texts[0]).toContain(bytesToHex(key.publicKey))
    expect(texts[3]).toContain(bytesToHex(key.publicKey))
  })
})
