import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MAX_SEALED_BYTES } from '../src/limits.ts'
import {
  answerBytes,
  askedTags,
  encodeAnswer,
  readAnswers,
  type DnsPacket,
} from '../src/packets.ts'
import { openRecord, sealRecord } from '../src/sealed-record.ts'

const names = { serviceName: 'vudo', serviceType: '_vudo._tcp' }
const hex = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((b) => Buffer.from(b).toString('hex'))
const key = new Uint8Array(32).fill(3)

const name = fc.oneof(
  fc.string(),
  hex.map((tag) => `${tag}._sub._vudo._tcp.local`),
)
const record = fc.record({
  name,
  type: fc.constantFrom('PTR', 'TXT', 'SRV', 'OPT', 'ANY'),
  ttl: fc.nat(),
  data: fc.oneof(
    name,
    fc.array(fc.uint8Array({ maxLength: 255 }), { maxLength: 9 }),
    fc.anything(),
  ),
})
const packet = fc.record(
  { questions: fc.array(record), answers: fc.array(record), additionals: fc.array(record) },
  { requiredKeys: [] },
)

it('reads any packet into tags and answers within the limits', () => {
  fc.assert(
    fc.property(packet, (any: DnsPacket) => {
      for (const tag of askedTags(names, any)) expect(tag).toMatch(/^[0-9a-f]{32}$/)
      for (const answer of readAnswers(names, any)) {
        expect(answer.sealed.length).toBeLessThanOrEqual(MAX_SEALED_BYTES)
      }
    }),
  )
})

it('gives back what was put into an answer, which fits into what a query pays', () => {
  const sealed = fc.uint8Array({ minLength: 1, maxLength: MAX_SEALED_BYTES })
  fc.assert(
    fc.property(hex, sealed, fc.boolean(), (tag, bytes, isGoodbye) => {
      const long = { serviceName: 'n'.repeat(40), serviceType: '_abcdefghijklmno._udp' }
      const encoded = encodeAnswer(long, { tag, sealed: bytes, isGoodbye }, '00000000')
      expect(readAnswers(long, encoded)).toEqual([{ tag, sealed: Buffer.from(bytes), isGoodbye }])
      expect(answerBytes(encoded)).toBeLessThanOrEqual(1_400)
    }),
  )
})

it('opens what was sealed for the same tag, and nothing else', () => {
  fc.assert(
    fc.property(
      hex,
      fc.uint8Array({ minLength: 1, maxLength: 1_000 }),
      fc.nat(),
      (tag, bytes, at) => {
        const of = { tag, isGoodbye: false }
        const sealed = sealRecord(key, bytes, of)
        expect(openRecord(key, sealed, of)).toEqual(bytes)
        expect(openRecord(key, sealed, { tag, isGoodbye: true })).toBeUndefined()
        expect(openRecord(new Uint8Array(32), sealed, of)).toBeUndefined()
        sealed[at % sealed.length] = (sealed[at % sealed.length] ?? 0) ^ 1
        expect(openRecord(key, sealed, of)).toBeUndefined()
      },
    ),
  )
})

it('answers any sealed bytes with nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_200 }), (bytes) => {
      expect(openRecord(key, bytes, { tag: '00'.repeat(16), isGoodbye: false })).toBeUndefined()
    }),
  )
})
