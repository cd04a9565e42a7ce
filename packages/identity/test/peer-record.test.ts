import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_RECORD_BYTES } from '@vudo/transport'
import {
  createNodeKey,
  decodePeerRecord,
  isIdentityError,
  MAX_RECORD_LIFETIME_MS,
  signPeerRecord,
  type PeerRecordContent,
} from '@vudo/identity'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import { flipEachByte, readVectors, testSeed } from './read-vectors.ts'

interface Vector {
  readonly seed: string
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly sequence: number
  readonly expiresAtMs: number
  readonly sealingKey: string
  readonly bytes: string
}

const { vectors } = readVectors('peer-record') as { vectors: readonly Vector[] }
const key = createNodeKey(testSeed(1))
const nowMs = 1_800_000_000_000
const content: PeerRecordContent = {
  addresses: ['tcp://192.168.1.20:34569', 'memory:x'],
  sequence: 3,
  expiresAtMs: nowMs + 1_000,
  sealingKey: testSeed(2),
}
const withCode = (code: string): unknown => expect.objectContaining({ name: 'IdentityError', code })

/** A record of any content bytes, properly signed: what a hostile peer can make. */
function forge(contentBytes: Uint8Array): Uint8Array {
  return concatBytes(contentBytes, key.sign('vudo/peer-record/1', contentBytes))
}

describe('peer records', () => {
  it.each(vectors)('sign and decode as in the vector', (vector) => {
    const signed = signPeerRecord(createNodeKey(hexToBytes(vector.seed)), {
      ...vector,
      sealingKey: hexToBytes(vector.sealingKey),
    })
    expect(bytesToHex(signed.bytes)).toBe(vector.bytes)
    const decoded = decodePeerRecord(hexToBytes(vector.bytes), vector.expiresAtMs - 1)
    expect(decoded).toEqual(signed)
    expect(decoded).toEqual({
      peerId: vector.peerId,
      addresses: vector.addresses,
      sequence: vector.sequence,
      expiresAtMs: vector.expiresAtMs,
      sealingKey: hexToBytes(vector.sealingKey),
      bytes: hexToBytes(vector.bytes),
    })
  })

  it('refuse every changed byte, every cut and every addition', () => {
    const { bytes } = signPeerRecord(key, content)
    for (const changed of flipEachByte(bytes)) {
      expect(() => decodePeerRecord(changed, nowMs)).toThrow(
        expect.objectContaining({ name: 'IdentityError' }),
      )
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodePeerRecord(bytes.subarray(0, length), nowMs)).toThrow(
        withCode('ERR_RECORD_INVALID'),
      )
    }
    expect(() => decodePeerRecord(concatBytes(bytes, Uint8Array.of(0)), nowMs)).toThrow(
      withCode('ERR_RECORD_INVALID'),
    )
  })

  it('refuse a signature of another key or another purpose', () => {
    const { bytes } = signPeerRecord(key, content)
    const signed = bytes.subarray(0, -64)
    for (const signature of [
      createNodeKey().sign('vudo/peer-record/1', signed),
      key.sign('vudo/message/1', signed),
    ]) {
      expect(() => decodePeerRecord(concatBytes(signed, signature), nowMs)).toThrow(
        withCode('ERR_SIGNATURE_INVALID'),
      )
    }
  })

  it('hold until they expire, and at most 7 days', () => {
    const { bytes } = signPeerRecord(key, content)
    expect(decodePeerRecord(bytes, nowMs + 999).sequence).toBe(3)
    expect(() => decodePeerRecord(bytes, nowMs + 1_000)).toThrow(withCode('ERR_RECORD_EXPIRED'))
    const longest = content.expiresAtMs - MAX_RECORD_LIFETIME_MS
    expect(decodePeerRecord(bytes, longest).sequence).toBe(3)
    expect(() => decodePeerRecord(bytes, longest - 1)).toThrow(withCode('ERR_RECORD_INVALID'))
  })

  it('copy what they are given', () => {
    const { bytes } = signPeerRecord(key, content)
    const input = bytes.slice()
    const record = decodePeerRecord(input, nowMs)
    input.fill(0)
    expect(record.bytes).toEqual(bytes)
    expect(record.sealingKey).toEqual(testSeed(2))
  })

  it('may name no address, and 16', () => {
    for (const count of [0, 16]) {
      const addresses = Array.from({ length: count }, (_, index) => `tcp://10.0.0.${index}:1`)
      const { bytes } = signPeerRecord(key, { ...content, addresses })
      expect(decodePeerRecord(bytes, nowMs).addresses).toEqual(addresses)
    }
  })

  it.each<[string, Partial<PeerRecordContent>]>([
    ['17 addresses', { addresses: Array.from({ length: 17 }, () => 'tcp://a:1') }],
    ['an address that is no URI', { addresses: ['192.168.1.20'] }],
    ['a control character', { addresses: ['tcp://a\n:1'] }],
    ['a space', { addresses: ['tcp://a b'] }],
    ['a character beyond ASCII', { addresses: ['tcp://а'] }],
    ['an address of 256 characters', { addresses: [`tcp:${'a'.repeat(252)}`] }],
    [
      'more than 1,000 bytes',
      { addresses: Array.from({ length: 4 }, () => `t:${'a'.repeat(253)}`) },
    ],
    ['a negative sequence', { sequence: -1 }],
    ['a fractional time', { expiresAtMs: 0.5 }],
    ['a short sealing key', { sealingKey: new Uint8Array(31) }],
  ])('are not signed with %s', (_name, wrong) => {
    expect(() => signPeerRecord(key, { ...content, ...wrong })).toThrow(RangeError)
  })

  it('refuse what a hostile signer can write', () => {
    const good = signPeerRecord(key, { ...content, addresses: ['tcp://a:1'] }).bytes.subarray(
      0,
      -64,
    )
    const head = good.subarray(0, -11)
    expect(decodePeerRecord(forge(good), nowMs).addresses).toEqual(['tcp://a:1'])
    const address = (text: string): Uint8Array =>
      concatBytes(head, Uint8Array.of(1, text.length), new TextEncoder().encode(text))
    for (const hostile of [
      good.with(0, 2),
      concatBytes(head, Uint8Array.of(17), new Uint8Array(17)),
      concatBytes(head, Uint8Array.of(2), good.subarray(-10)),
      address('no-uri'),
      address('tcp://\u001b[2J'),
      concatBytes(head, Uint8Array.of(1, 0x80, 0x02), new Uint8Array(256).fill(0x61)),
      concatBytes(head, Uint8Array.of(1, 3, 0x61, 0x3a, 0xff)),
      concatBytes(good, new Uint8Array(MAX_RECORD_BYTES)),
    ]) {
      expect(() => decodePeerRecord(forge(hostile), nowMs)).toThrow(withCode('ERR_RECORD_INVALID'))
    }
  })

  it('any bytes give a record or an IdentityError', () => {
    const { bytes } = signPeerRecord(key, content)
    const signed = bytes.subarray(0, -64)
    const mutated = fc
      .array(fc.tuple(fc.nat(signed.length - 1), fc.nat(255)), { maxLength: 4 })
      .map((changes) => {
        const copy = signed.slice()
        for (const [at, byte] of changes) copy[at] = byte
        return forge(copy)
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 1_100 }), mutated), (input) => {
        try {
          expect(decodePeerRecord(input, nowMs).bytes).toEqual(input)
        } catch (error) {
          if (!isIdentityError(error)) throw error
        }
      }),
      { numRuns: 300 },
    )
  })
})
