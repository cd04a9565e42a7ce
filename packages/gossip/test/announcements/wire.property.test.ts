import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_ANNOUNCED_ADDRESSES,
  MAX_ANNOUNCED_DOCUMENTS,
  MAX_ANNOUNCED_HEADS,
  MAX_ANNOUNCED_PROTOCOLS,
} from '@vudo/gossip'
import { bytesToHex, encodeCbor, hexToBytes } from '@vudo/wire'
import {
  decodeCapabilities,
  encodeCapabilities,
  type CapabilityMessage,
} from '../../src/announcements/capability-wire.ts'
import {
  decodeDocuments,
  encodeDocuments,
  type DocumentMessage,
} from '../../src/announcements/document-wire.ts'
import { hex } from '../arbitraries.ts'
import { refuses } from '../refusals.ts'

const text = fc.string({ unit: 'grapheme-ascii', maxLength: 60 })

const capabilityMessages: fc.Arbitrary<CapabilityMessage> = fc.record({
  ttlMs: fc.maxSafeNat(),
  capabilities: fc.record({
    protocols: fc.array(text, { maxLength: MAX_ANNOUNCED_PROTOCOLS }),
    relay: fc.boolean(),
    blobs: fc.boolean(),
    storageBytes: fc.maxSafeNat(),
    metered: fc.boolean(),
  }),
})

const documentMessages: fc.Arbitrary<DocumentMessage> = fc.record({
  addresses: fc.array(text, { maxLength: MAX_ANNOUNCED_ADDRESSES }),
  documents: fc.array(
    fc.record({
      id: hex(16),
      heads: fc.array(hex(32), { minLength: 1, maxLength: MAX_ANNOUNCED_HEADS }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
})

function repeat(count: number, value: unknown): unknown[] {
  return Array.from({ length: count }, () => value)
}

describe('the wire formats of announcements', () => {
  it('give back what was written', () => {
    fc.assert(
      fc.property(capabilityMessages, documentMessages, (capabilities, documents) => {
        expect(decodeCapabilities(encodeCapabilities(capabilities))).toEqual(capabilities)
        expect(decodeDocuments(encodeDocuments(documents))).toEqual(documents)
      }),
    )
  })

  it('answer any bytes with a message or their one error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        refuses(() => decodeCapabilities(bytes))
        refuses(() => decodeDocuments(bytes))
      }),
    )
    fc.assert(
      fc.property(documentMessages, fc.nat(), fc.nat(255), (message, at, value) => {
        const bytes = encodeDocuments(message)
        bytes[at % bytes.length] = value
        refuses(() => decodeDocuments(bytes))
      }),
    )
  })

  const id = new Uint8Array(16)
  const head = new Uint8Array(32)
  it.each([
    ['nothing', [1, [], []]],
    ['no heads', [1, [], [[id, []]]]],
    ['a short head', [1, [], [[id, [id]]]]],
    ['too many documents', [1, [], repeat(MAX_ANNOUNCED_DOCUMENTS + 1, [id, [head]])]],
    ['too many heads', [1, [], [[id, repeat(MAX_ANNOUNCED_HEADS + 1, head)]]]],
    ['too many addresses', [1, repeat(MAX_ANNOUNCED_ADDRESSES + 1, ''), [[id, [head]]]]],
    ['a long address', [1, ['x'.repeat(513)], [[id, [head]]]]],
    ['another version', [2, [], [[id, [head]]]]],
  ])('refuse an announcement of documents with %s', (_, value) => {
    expect(refuses(() => decodeDocuments(encodeCbor(value)))).toBe(true)
  })

  it.each([
    ['too many protocols', [1, 1, repeat(MAX_ANNOUNCED_PROTOCOLS + 1, 'a'), true, true, 0, true]],
    ['a long protocol', [1, 1, ['ä'.repeat(33)], true, true, 0, true]],
    ['negative storage', [1, 1, [], true, true, -1, true]],
    ['no flag', [1, 1, [], 1, true, 0, true]],
    ['half of the storage of a byte', [1, 1, [], true, true, 0.5, true]],
  ])('refuse capabilities with %s', (_, value) => {
    expect(refuses(() => decodeCapabilities(encodeCbor(value)))).toBe(true)
  })

  it('read the vectors', () => {
    const file = new URL('../vectors/announcements.json', import.meta.url)
    const { capabilities, documents } = JSON.parse(readFileSync(file, 'utf8'))
    for (const { message, bytes } of capabilities) {
      expect(bytesToHex(encodeCapabilities(message))).toBe(bytes)
      expect(decodeCapabilities(hexToBytes(bytes))).toEqual(message)
    }
    for (const { message, bytes } of documents) {
      expect(bytesToHex(encodeDocuments(message))).toBe(bytes)
      expect(decodeDocuments(hexToBytes(bytes))).toEqual(message)
    }
  })
})
