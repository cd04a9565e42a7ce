import * as Automerge from '@automerge/automerge'
import { hexToBytes, isWireError } from '@vudo/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readChanges, vetBundle, vetDocument } from '../src/automerge-chunks.ts'
import { readChangeTable } from '../src/change-table.ts'
import { decodeCatalogueRecord } from '../src/catalogue-record.ts'
import { isSyncError } from '../src/errors.ts'
import { initialChanges } from '../src/initial-changes.ts'
import { decodeEdits } from '../src/edits-wire.ts'
import { decodeBatch } from '../src/batch-wire.ts'
import { decodeMessage, encodeMessage, type SyncMessage } from '../src/wire.ts'
import vectors from './vectors/sync.json' with { type: 'json' }

const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
const id = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
const hashes = fc.array(hash, { maxLength: 5 })
const places = fc.uniqueArray(fc.nat({ max: 249 })).map((list) => list.toSorted((a, b) => a - b))
const message: fc.Arbitrary<SyncMessage> = fc.oneof(
  fc.record({ type: fc.constantFrom('take' as const, 'kept' as const), number: fc.nat(), places }),
  fc.record({
    type: fc.constant('documents' as const),
    number: fc.nat(),
    inflatedBytes: fc.nat({ max: 524_288 }),
    deflated: fc.uint8Array(),
  }),
  fc.record({ type: fc.constant('want' as const), id, heads: hashes, have: hashes }),
  fc.record({ type: fc.constantFrom('received' as const, 'stored' as const), id, heads: hashes }),
  fc.record({ type: fc.constant('page-stored' as const), number: fc.nat() }),
  fc.record({ type: fc.constant('differing' as const), records: places, documents: places }),
  fc.record({
    type: fc.constant('ranges' as const),
    ranges: fc
      .uniqueArray(fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed()))
      .map((list) => list.toSorted((a, b) => (a < b ? -1 : 1)))
      .map((list) =>
        list.map((last) => ({ last, records: 'ab'.repeat(5), documents: '00'.repeat(5) })),
      ),
  }),
  fc.record({
    type: fc.constant('edits' as const),
    id,
    isUrgent: fc.boolean(),
    bytes: fc.uint8Array(),
  }),
  fc.record({
    type: fc.constant('progress' as const),
    received: fc.nat(),
    stored: fc.nat(),
    saved: fc.nat(),
  }),
  fc.constant({ type: 'hurry' as const }),
  fc.record({ type: fc.constant('digest' as const), digest: id }),
  fc.record({
    type: fc.constant('page' as const),
    number: fc.nat(),
    upTo: fc.nat(),
    isLast: fc.boolean(),
    entries: fc.array(fc.record({ type: fc.constant('document' as const), id, heads: hashes })),
    signatures: fc.uint8Array(),
  }),
)

test('a message comes back as it was written', () => {
  fc.assert(
    fc.property(message, (value) => {
      expect(decodeMessage(encodeMessage(value))).toEqual(value)
    }),
  )
})

test('whatever the bytes are, decoders throw only their own errors', () => {
  const decoders = [
    decodeMessage,
    decodeBatch,
    decodeEdits,
    readChanges,
    vetDocument,
    vetBundle,
    (bytes: Uint8Array) => readChangeTable(vetBundle(bytes).table),
    (bytes: Uint8Array) => readChangeTable(vetDocument(bytes).table),
    (bytes: Uint8Array) => decodeCatalogueRecord('db', bytes),
  ]
  const real = [
    ...vectors.messages.map(({ hex }) => Buffer.from(hex, 'hex')),
    ...[vectors.record, vectors.deletion].map(({ hex }) => hexToBytes(hex)),
    Automerge.save(Automerge.from({ a: [1, 'x'] })),
    Automerge.saveSince(Automerge.from({ a: 'x' }), []),
    Buffer.from(vectors.bundle.hex, 'hex'),
  ]
  const damaged = fc
    .tuple(fc.constantFrom(...real), fc.nat(), fc.integer({ min: 1, max: 255 }))
    .map(([bytes, at, by]) => {
      const copy = Uint8Array.from(bytes)
      copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ by
      return copy
    })
  const run = fc.check(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged),
      fc.constantFrom(...decoders),
      (bytes, decode) => {
        try {
          decode(bytes)
        } catch (error) {
          if (!isWireError(error) && !isSyncError(error)) throw error
        }
      },
    ),
    { numRuns: 1_000 },
  )
  expect(run.failed && fc.defaultReportMessage(run)).toBe(false)
})

test('devices that begin a document alike share it, in any order of the keys', () => {
  const value = fc.jsonValue({ maxDepth: 3 })
  const documents = fc.dictionary(
    fc.string().filter((key) => key !== '__proto__' && key !== ''),
    value,
    { maxKeys: 4 },
  )
  fc.assert(
    fc.property(documents, (initial) => {
      if (JSON.stringify(initial).includes('__proto__') || JSON.stringify(initial).includes('""'))
        return
      const reversed = Object.fromEntries(Object.entries(initial).toReversed())
      const [here, there] = [
        initialChanges('00'.repeat(16), initial),
        initialChanges('00'.repeat(16), reversed),
      ]
      expect(there.map((change) => change.hash).toSorted()).toEqual(
        here.map((change) => change.hash).toSorted(),
      )
    }),
    { numRuns: 50 },
  )
})
