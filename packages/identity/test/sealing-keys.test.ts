import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createAgreementKey,
  createNodeKey,
  createSealingKeys,
  isIdentityError,
  MAX_SEALED_PLAINTEXT_BYTES,
  seal,
  SEALING_KEY_GRACE_MS,
  signPeerRecord,
} from '@vudo/identity'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import { aesGcmEncrypt, hkdfSha256 } from '#crypto'
import { openWith, sealWith } from '../src/sealed.ts'
import { flipEachByte, readVectors, testSeed } from './read-vectors.ts'

interface Vector {
  readonly recipientSeed: string
  readonly ephemeralSeed: string
  readonly senderSeed: string | null
  readonly context: string
  readonly plaintext: string
  readonly sealed: string
}

const { vectors } = readVectors('sealed') as { vectors: readonly Vector[] }
const hello = new TextEncoder().encode('hello')
const context = Uint8Array.of(1, 2)
const sender = createNodeKey(testSeed(7))
const invalid = expect.objectContaining({
  name: 'IdentityError',
  code: 'ERR_SEAL_INVALID',
  message: 'sealed message cannot be opened',
})

describe('sealing', () => {
  it.each(vectors)('seals and opens as in the vector', (vector) => {
    const recipient = createAgreementKey(hexToBytes(vector.recipientSeed))
    const by = vector.senderSeed === null ? undefined : createNodeKey(hexToBytes(vector.senderSeed))
    const sealed = sealWith(
      createAgreementKey(hexToBytes(vector.ephemeralSeed)),
      recipient.publicKey,
      hexToBytes(vector.plaintext),
      { context: hexToBytes(vector.context), sender: by },
    )
    expect(bytesToHex(sealed)).toBe(vector.sealed)
    expect(openWith([recipient], sealed, hexToBytes(vector.context))).toEqual({
      plaintext: hexToBytes(vector.plaintext),
      from: by?.peerId,
    })
  })

  it('goes to a peer record or its key, and proves the sender', () => {
    const keys = createSealingKeys({ now: () => 0 })
    const record = signPeerRecord(createNodeKey(), {
      addresses: [],
      sequence: 0,
      expiresAtMs: 1,
      sealingKey: keys.publicKey,
    })
    expect(keys.open(seal(record, hello))).toEqual({ plaintext: hello, from: undefined })
    const signed = seal(keys.publicKey, hello, { sender, context })
    expect(keys.open(signed, { context })).toEqual({ plaintext: hello, from: sender.peerId })
    expect(signed).toHaveLength(hello.length + 154)
    expect(seal(record, hello)).toHaveLength(hello.length + 58)
  })

  it('never makes the same message twice', () => {
    const { publicKey } = createSealingKeys({ now: () => 0 })
    const ephemerals = Array.from({ length: 50 }, () =>
      bytesToHex(seal(publicKey, hello).subarray(9, 41)),
    )
    expect(new Set(ephemerals).size).toBe(50)
  })

  it('shows neither plaintext nor sender on the way', () => {
    const { publicKey } = createSealingKeys({ now: () => 0 })
    const sealed = bytesToHex(seal(publicKey, hello, { sender }))
    expect(sealed).not.toContain(bytesToHex(hello))
    expect(sealed).not.toContain(sender.peerId)
  })

  it.each([{}, { sender }])(
    'refuses every changed byte, every cut and every addition',
    (options) => {
      const keys = createSealingKeys({ now: () => 0 })
      const sealed = seal(keys.publicKey, hello, options)
      for (const changed of flipEachByte(sealed)) expect(() => keys.open(changed)).toThrow(invalid)
      for (let length = 0; length < sealed.length; length++) {
        expect(() => keys.open(sealed.subarray(0, length))).toThrow(invalid)
      }
      expect(() => keys.open(concatBytes(sealed, Uint8Array.of(0)))).toThrow(invalid)
    },
  )

  it('refuses another context and another recipient', () => {
    const keys = createSealingKeys({ now: () => 0 })
    const sealed = seal(keys.publicKey, hello, { context })
    expect(() => keys.open(sealed)).toThrow(invalid)
    expect(() => createSealingKeys({ now: () => 0 }).open(sealed, { context })).toThrow(invalid)
  })

  it('refuses a signature that was made for another recipient', () => {
    // The recipient of a signed message re-seals it, as its sender's, to somebody else.
    const [first, second] = [createAgreementKey(), createAgreementKey()]
    const ephemeral = createAgreementKey()
    const signature = sender.sign('vudo/sealed/1', new Uint8Array(128))
    const inside = concatBytes(Uint8Array.of(1), sender.publicKey, signature, hello)
    const header = sealWith(ephemeral, second.publicKey, hello, {}).subarray(0, 41)
    const derived = hkdfSha256(ephemeral.agree(second.publicKey), {
      salt: concatBytes(ephemeral.publicKey, second.publicKey),
      info: new TextEncoder().encode('vudo/sealed/1'),
      length: 44,
    })
    const input = {
      key: derived.subarray(0, 32),
      nonce: derived.subarray(32),
      associatedData: header,
    }
    const seals = (content: Uint8Array): Uint8Array =>
      concatBytes(header, aesGcmEncrypt(input, content))
    expect(
      openWith([first, second], seals(concatBytes(Uint8Array.of(0), hello))).plaintext,
    ).toEqual(hello)
    expect(() => openWith([first, second], seals(inside))).toThrow(invalid)
    for (const content of [new Uint8Array(), Uint8Array.of(2), inside.subarray(0, 90)]) {
      expect(() => openWith([second], seals(content))).toThrow(invalid)
    }
    const large = new Uint8Array(MAX_SEALED_PLAINTEXT_BYTES + 2)
    expect(() => openWith([second], seals(large))).toThrow(invalid)
  })

  it('bounds the plaintext', () => {
    const keys = createSealingKeys({ now: () => 0 })
    const largest = new Uint8Array(MAX_SEALED_PLAINTEXT_BYTES)
    expect(keys.open(seal(keys.publicKey, largest, { sender })).plaintext).toHaveLength(
      MAX_SEALED_PLAINTEXT_BYTES,
    )
    expect(keys.open(seal(keys.publicKey, new Uint8Array())).plaintext).toHaveLength(0)
    const above = new Uint8Array(MAX_SEALED_PLAINTEXT_BYTES + 1)
    expect(() => seal(keys.publicKey, above)).toThrow(RangeError)
    expect(() => keys.open(new Uint8Array(2 * MAX_SEALED_PLAINTEXT_BYTES))).toThrow(invalid)
  })

  it('refuses keys that nobody can hold', () => {
    expect(() => seal(new Uint8Array(31), hello)).toThrow(RangeError)
    expect(() => seal(new Uint8Array(32), hello)).toThrow(
      expect.objectContaining({ code: 'ERR_AGREEMENT_INVALID' }),
    )
  })

  it('any bytes are refused with ERR_SEAL_INVALID', () => {
    const keys = createSealingKeys({ now: () => 0 })
    const header = seal(keys.publicKey, hello).subarray(0, 9)
    const hostile = fc.uint8Array({ maxLength: 200 }).map((rest) => concatBytes(header, rest))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), hostile), (bytes) => {
        try {
          keys.open(bytes)
        } catch (error) {
          if (isIdentityError(error) && error.code === 'ERR_SEAL_INVALID') return
          throw error
        }
        throw new Error('opened')
      }),
    )
  })
})

describe('rotation', () => {
  it('opens what was sealed to the two keys before, and no older one', () => {
    const keys = createSealingKeys({ now: () => 0 })
    const sealed = [0, 1, 2, 3].map(() => {
      const message = seal(keys.publicKey, hello)
      keys.rotate()
      return message
    })
    const opens = sealed.map((message) => {
      try {
        return keys.open(message).plaintext.length
      } catch {
        return 'closed'
      }
    })
    expect(opens).toEqual(['closed', 'closed', 5, 5])
  })

  it('forgets a replaced key after 7 days', () => {
    let nowMs = 5
    const keys = createSealingKeys({ now: () => nowMs })
    expect(keys.createdAtMs).toBe(5)
    const sealed = seal(keys.publicKey, hello)
    keys.rotate()
    nowMs += SEALING_KEY_GRACE_MS
    expect(keys.open(sealed).plaintext).toEqual(hello)
    nowMs += 1
    expect(() => keys.open(sealed)).toThrow(invalid)
  })

  it('takes its keys from the given source', () => {
    let value = 0
    const keys = createSealingKeys({ now: () => 9, random: () => testSeed(++value) })
    expect(keys.publicKey).toEqual(createAgreementKey(testSeed(1)).publicKey)
    keys.rotate()
    expect(keys.publicKey).toEqual(createAgreementKey(testSeed(2)).publicKey)
  })
})
