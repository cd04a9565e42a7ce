/**
 * Drops of the Rust implementation, read record by record with the encodings of
 * `@vudo/meadowcap` alone: a second reader, which shares nothing with that of `src/drop`.
 */
import {
  createCursor,
  createEntry,
  defaultEntry,
  defaultToken,
  encodeCapability,
  isAuthorisedWrite,
  readCompactBody,
  readCompactU64,
  readPathRelative,
  readTokenRelative,
  type AuthorisationToken,
  type Cursor,
  type Entry,
} from '@vudo/meadowcap'
import { william3 } from '@vudo/willow'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface JsonRecord {
  readonly entry: {
    readonly namespace: string
    readonly subspace: string
    readonly path: readonly string[]
    readonly timestamp: string
    readonly payloadLength: string
    readonly payloadDigest: string
  }
  readonly capability: string
  readonly signature: string
  readonly whole: boolean
}

interface Vectors {
  readonly drops: readonly { readonly code: string; readonly records: readonly JsonRecord[] }[]
}

interface DropRecord {
  readonly entry: Entry
  readonly token: AuthorisationToken
  /** `undefined` in the mode without one. */
  readonly payload: Uint8Array | undefined
}

const file = new URL('vectors/interop-drops.json', import.meta.url)
const { drops } = JSON.parse(readFileSync(file, 'utf8')) as Vectors

it('reads the records of the Rust implementation, and their tokens allow them', () => {
  for (const { code, records } of drops) {
    const read = readDrop(createCursor(fromHex(code)))
    expect(read.map(jsonOf)).toEqual(records)
    for (const { entry, token } of read) expect(isAuthorisedWrite(entry, token)).toBe(true)
  }
})

it('finds the payloads that their digests name', () => {
  for (const { code } of drops) {
    readDrop(createCursor(fromHex(code))).forEach(({ entry, payload }, index) => {
      const length = Number(entry.payloadLength)
      const expected = Uint8Array.from({ length }, (_, byte) => byte + index)
      expect(toHex(william3(expected))).toBe(toHex(entry.payloadDigest))
      expect(toHex(payload ?? expected)).toBe(toHex(expected))
    })
  }
})

function readDrop(cursor: Cursor): readonly DropRecord[] {
  const records: DropRecord[] = []
  for (let header = cursor.byte(); header !== 0; header = cursor.byte()) {
    const prior = records.at(-1) ?? { entry: defaultEntry, token: defaultToken }
    records.push(readRecord(cursor, header, prior))
  }
  expect(cursor.remaining).toBe(0)
  return records
}

function readRecord(
  cursor: Cursor,
  header: number,
  prior: Pick<DropRecord, 'entry' | 'token'>,
): DropRecord {
  expect(header >> 6).toBe(1)
  const namespaceId = (header & 0x20) === 0 ? prior.entry.namespaceId : cursor.take(32)
  const subspaceId = (header & 0x10) === 0 ? prior.entry.subspaceId : cursor.take(32)
  const path = readPathRelative(cursor, prior.entry.path)
  const timestamp = readCompactBody(cursor, (header >> 2) & 3, 2)
  const payloadLength = readCompactU64(cursor)
  const payloadDigest = cursor.take(32)
  const fields = { namespaceId, subspaceId, path, timestamp, payloadLength, payloadDigest }
  const entry = createEntry(fields)
  const token = readTokenRelative(cursor, { entry, prior: prior.token })
  const mode = header & 3
  expect([0, 1]).toContain(mode)
  const payload = mode === 1 ? cursor.take(Number(payloadLength)) : undefined
  return { entry, token, payload }
}

function jsonOf({ entry, token, payload }: DropRecord): JsonRecord {
  return {
    entry: {
      namespace: toHex(entry.namespaceId),
      subspace: toHex(entry.subspaceId),
      path: entry.path.components.map(toHex),
      timestamp: entry.timestamp.toString(),
      payloadLength: entry.payloadLength.toString(),
      payloadDigest: toHex(entry.payloadDigest),
    },
    capability: toHex(encodeCapability(token.capability)),
    signature: toHex(token.signature),
    whole: payload !== undefined,
  }
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
