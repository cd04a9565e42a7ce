import {
  authoriseEntry,
  createCursor,
  createEntry,
  createNamespaceKey,
  createPath,
  createRootCapability,
  createSink,
  createUserKey,
  EMPTY_PAYLOAD_DIGEST,
} from '@vudo/meadowcap'
import { expect, it } from 'vitest'
import { readDropRecord, writeDropRecord, type DropRecord } from '../../src/drop/drop-wire.ts'

const namespaceId = createNamespaceKey({ kind: 'communal' }).publicKey
const user = createUserKey()

function recordAt(place: string): DropRecord {
  const entry = createEntry({
    namespaceId,
    subspaceId: user.publicKey,
    path: createPath([place]),
    timestamp: 1n,
    payloadLength: 0n,
    payloadDigest: EMPTY_PAYLOAD_DIGEST,
  })
  const held = createRootCapability({
    access: 'write',
    namespace: namespaceId,
    userKey: user.publicKey,
  })
  return { entry, token: authoriseEntry(entry, held, user), payload: 'none' }
}

it.each([
  ['namespace', 0x20, namespaceId],
  ['subspace', 0x10, user.publicKey],
])('refuses a %s that is written out and the same', (_, bit, id) => {
  const [before, record] = [recordAt('a'), recordAt('b')]
  const sink = createSink()
  writeDropRecord(sink, record, before)
  const [header = 0, ...rest] = sink.finish()
  expect(readDropRecord(createCursor(Uint8Array.of(header, ...rest)), before)).toEqual(record)
  const longer = Uint8Array.of(header | bit, ...id, ...rest)
  expect(() => readDropRecord(createCursor(longer), before)).toThrow(
    expect.objectContaining({ code: 'ERR_WILLOW_ENCODING' }),
  )
})
