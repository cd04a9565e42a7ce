import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createCipherState, type CipherState } from '../src/cipher-state.ts'

const nothing = new Uint8Array()
const plain = new TextEncoder().encode('plain text')
const key = new Uint8Array(32).fill(7)
const authError = expect.objectContaining({ code: 'ERR_CHANNEL_AUTH' })

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

/** As plain bytes: node gives a Buffer. */
function opened(state: CipherState, sealed: Uint8Array): Uint8Array {
  return Uint8Array.from(state.decrypt(nothing, sealed))
}

interface RekeyVector {
  readonly key: string
  readonly plaintext: string
  readonly before: string
  readonly after: string
}

const file = new URL('vectors/rekey.json', import.meta.url)
const rekeyVector = JSON.parse(readFileSync(file, 'utf8')) as RekeyVector

describe('a cipher state', () => {
  it('opens what was sealed under the same counter', () => {
    const [a, b] = [createCipherState(key), createCipherState(key)]
    for (let index = 0; index < 3; index++) {
      expect(opened(b, a.encrypt(nothing, [plain]))).toEqual(plain)
    }
  })

  it('seals the concatenation of the parts', () => {
    const whole = createCipherState(key).encrypt(nothing, [plain])
    const parts = [plain.subarray(0, 1), plain.subarray(1)]
    expect(createCipherState(key).encrypt(nothing, parts)).toEqual(whole)
  })

  it('raises the counter only when a message opens', () => {
    const [a, b] = [createCipherState(key), createCipherState(key)]
    const sealed = a.encrypt(nothing, [plain])
    expect(() => b.decrypt(nothing, new Uint8Array(30))).toThrow(authError)
    expect(opened(b, sealed)).toEqual(plain)
    expect(() => b.decrypt(nothing, sealed)).toThrow(authError)
  })

  it('refuses other associated data, and less than a tag', () => {
    const sealed = createCipherState(key).encrypt(plain, [plain])
    expect(() => createCipherState(key).decrypt(nothing, sealed)).toThrow(authError)
    for (let length = 0; length < 16; length++) {
      expect(() => createCipherState(key).decrypt(nothing, new Uint8Array(length))).toThrow(
        authError,
      )
    }
  })

  it('counts in 64 bits: the counter 2^32 is not the counter 0', () => {
    const sealed = createCipherState(key, 2 ** 32).encrypt(nothing, [plain])
    expect(() => createCipherState(key).decrypt(nothing, sealed)).toThrow(authError)
    expect(opened(createCipherState(key, 2 ** 32), sealed)).toEqual(plain)
  })

  it('ends before the counter repeats', () => {
    const state = createCipherState(key, Number.MAX_SAFE_INTEGER - 1)
    state.encrypt(nothing, [plain])
    const closed = expect.objectContaining({ code: 'ERR_CHANNEL_CLOSED' })
    expect(() => state.encrypt(nothing, [plain])).toThrow(closed)
    expect(() => state.decrypt(nothing, new Uint8Array(40))).toThrow(closed)
  })

  it('rekeys as in the vector, and goes on counting', () => {
    const state = createCipherState(bytes(rekeyVector.key))
    const message = bytes(rekeyVector.plaintext)
    expect(Buffer.from(state.encrypt(nothing, [message])).toString('hex')).toBe(rekeyVector.before)
    state.rekey()
    expect(Buffer.from(state.encrypt(nothing, [message])).toString('hex')).toBe(rekeyVector.after)
  })
})
