import { readFileSync } from 'node:fs'
import { createEntry, createPath, type McCapability } from '@vudo/meadowcap'
import { expect, test } from 'vitest'
import { decodeHeld, encodeHeld, holdEntry, rowOf } from '../../src/store/held.ts'
import { decodePage, encodePage } from '../../src/store/page-record.ts'
import { Rows } from '../../src/store/page.ts'
import { placeOf } from '../../src/store/place.ts'
import { entryKeysOf, isCutPlace } from '../../src/store/storage-keys.ts'

interface Case {
  readonly components: readonly string[]
  readonly available: string
  readonly entryKey: string
  readonly timeKey: string
  readonly pathKey: string
  readonly record: string
  readonly page: string
}

const file = new URL('../vectors/willow-store.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Case[] }
const namespaceId = new Uint8Array(32).fill(0x20)
const subspaceId = new Uint8Array(32).fill(0x31)
const capability: McCapability = {
  kind: 'communal',
  accessMode: 'write',
  namespaceKey: namespaceId,
  userKey: subspaceId,
  delegations: [],
}

test.each(cases.map((one, at) => [at, one] as const))('has the bytes of vector %i', (_, vector) => {
  const entry = createEntry({
    namespaceId,
    subspaceId,
    path: createPath(vector.components.map((component) => Buffer.from(component, 'hex'))),
    timestamp: 1_000n,
    payloadLength: 5n,
    payloadDigest: new Uint8Array(32).fill(0x44),
  })
  const available = BigInt(vector.available)
  const payloadId = available > 0n ? new Uint8Array(16).fill(0x66) : undefined
  const token = { capability, signature: new Uint8Array(64).fill(0x55) }
  const held = holdEntry({ entry, token }, { available, payloadId })
  const place = placeOf(entry)
  const keys = entryKeysOf(place, entry.timestamp)
  expect([keys.entry, keys.time, keys.path].map(hex)).toEqual([
    vector.entryKey,
    vector.timeKey,
    vector.pathKey,
  ])
  const record = encodeHeld(held, isCutPlace(place) ? entry.path.sortKey : new Uint8Array())
  expect(hex(record)).toBe(vector.record)
  const decoded = decodeHeld(namespaceId, place, record)
  expect({ ...decoded.entry, path: hex(decoded.entry.path.sortKey) }).toEqual({
    ...entry,
    path: hex(entry.path.sortKey),
  })
  expect(decoded.token).toEqual(token)
  expect([decoded.available, decoded.payloadId]).toEqual([available, payloadId])
  expect(decoded.row).toEqual(rowOf(held))
  const rows = new Rows()
  rows.insert(0, decoded.row)
  const page = { low: place, sum: rows.sum() }
  expect(hex(encodePage(page))).toBe(vector.page)
  expect(decodePage(7, encodePage(page))).toEqual({ id: 7, ...page })
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
