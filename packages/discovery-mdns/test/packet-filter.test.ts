import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPacketFilter } from '../src/packet-filter.ts'

const judge = createPacketFilter('_vudo._tcp')
const labels = Buffer.from('\u0005_vudo\u0004_tcp\u0005local\0')

/** A header with so many questions, answers, authorities and additionals, and what follows it. */
function packet(counts: readonly number[], body: Uint8Array = labels): Buffer {
  const header = Buffer.alloc(12)
  for (const [at, count] of counts.entries()) header.writeUInt16BE(count, 4 + 2 * at)
  return Buffer.concat([header, body])
}

describe('the packet filter', () => {
  it('lets through what speaks of the service, in any case and anywhere', () => {
    expect(judge(packet([1]))).toBe('ours')
    expect(judge(packet([8, 32]))).toBe('ours')
    expect(judge(packet([1], Buffer.from('\u0005_VuDo\u0004_TCP')))).toBe('ours')
    expect(judge(packet([1], Buffer.concat([Buffer.alloc(8_000, 0xff), labels])))).toBe('ours')
    const shortened = Buffer.from(
      '\u0004_ipp\u0004_tcp\u0005local\0\u0005_vudo\u00c0\u0011',
      'latin1',
    )
    expect(judge(packet([2], shortened))).toBe('ours')
    const padded = Buffer.concat([Buffer.alloc(5), packet([1])])
    expect(judge(new Uint8Array(padded.buffer, padded.byteOffset + 5, padded.length - 5))).toBe(
      'ours',
    )
  })

  it.each([
    ['other services', packet([1], Buffer.from('\u0004_ipp\u0004_tcp')), 'foreign'],
    [
      'a name that only begins alike',
      packet([1], Buffer.from('\u0006_vudo2\u0004_tcp')),
      'foreign',
    ],
    ['nothing', new Uint8Array(), 'garbage'],
    ['less than a header', packet([]).subarray(0, 11), 'garbage'],
    ['more than 9,000 bytes', packet([1], Buffer.concat([labels, Buffer.alloc(8_972)])), 'garbage'],
    ['nine questions', packet([9]), 'garbage'],
    ['33 answers', packet([0, 33]), 'garbage'],
    ['33 records in all', packet([0, 11, 11, 11]), 'garbage'],
    ['counts that overflow 16 bits together', packet([0, 65_535, 1, 0]), 'garbage'],
  ] as const)('keeps out %s', (_what, bytes, verdict) => {
    expect(judge(bytes)).toBe(verdict)
  })

  it('takes exactly 9,000 bytes', () => {
    const body = Buffer.concat([labels, Buffer.alloc(9_000 - 12 - labels.length)])
    expect(judge(packet([1], body))).toBe('ours')
  })

  it('judges whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 10_000 }), (bytes) =>
        ['ours', 'foreign', 'garbage'].includes(judge(bytes)),
      ),
    )
  })
})
