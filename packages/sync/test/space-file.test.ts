import { openMemoryStore } from '@vudo/storage'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { openDatabase, type Database, type Policy } from '@vudo/sync'
import { isSyncError } from '../src/errors.ts'
import { decodeSpaceFile, encodeSpaceFile } from '../src/space-file.ts'
import vectors from './vectors/space-file.json' with { type: 'json' }
import { keyOf } from './keys.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function device(
  name: string,
  options: { id?: string; policy?: Policy } = {},
): Promise<Database> {
  const store = await openMemoryStore()
  const { id = 'db', policy } = options
  const database = await openDatabase({ id, store, author: keyOf(name), policy })
  closers.push(() => database.close())
  return database
}

const notOfA: Policy = (author, action) => action !== 'write' || author !== keyOf('a').authorId

const invalid = { code: 'ERR_SPACE_FILE_INVALID' }

test('a space goes out as a file and comes in with history, deletions and authors', async () => {
  const a = await device('a')
  await a.writeDoc('notes/x', { lines: ['1'] })
  await a.writeDoc('notes/x', { lines: ['1', '2'] })
  await a.writeDoc('notes/gone', { n: 1 })
  await a.remove('notes/gone')
  await a.writeDoc('other/y', { n: 1 })
  const file = await a.exportSpace('notes')
  const b = await device('b')
  await b.writeDoc('notes/x', { title: 'of b' })
  expect(await b.importSpace(file)).toEqual({ records: 3, changed: 1, refused: [] })
  expect(await b.readDoc('notes/x')).toEqual({ lines: ['1', '2'], title: 'of b' })
  expect((await b.ls()).map(({ path }) => path)).toEqual(['notes/x'])
  expect((await b.deleted()).map(({ path }) => path)).toEqual(['notes/gone'])
  const note = await b.open('notes/x')
  expect(note.history().some(({ author }) => author === keyOf('a').authorId)).toBe(true)
  await note.close()
  expect(await b.importSpace(file)).toMatchObject({ changed: 0, refused: [] })
})

test('what the policy does not allow is not taken, and told', async () => {
  const a = await device('a')
  await a.writeDoc('notes/x', { n: 1 })
  const file = await a.exportSpace()
  const b = await device('b', { policy: notOfA })
  await b.writeDoc('notes/x', { m: 2 })
  const report = await b.importSpace(file)
  expect(report).toMatchObject({
    records: 0,
    changed: 0,
    refused: [{ reason: expect.any(String) }],
  })
  expect(await b.readDoc('notes/x')).toEqual({ m: 2 })
})

test('a file of another database, or one that was changed, is refused as a whole', async () => {
  const a = await device('a')
  await a.writeDoc('notes/x', { n: 1 })
  const file = await a.exportSpace()
  const other = await device('a', { id: 'other' })
  await expect(other.importSpace(file)).rejects.toMatchObject(invalid)
  const b = await device('b')
  await expect(b.importSpace(file.subarray(0, -1))).rejects.toMatchObject(invalid)
  await expect(b.importSpace(new Uint8Array())).rejects.toMatchObject(invalid)
  // A right checksum does not help: who wrote what is signed.
  const { records, ...rest } = decodeSpaceFile(file)
  const forged = records.map((record) =>
    record.map((byte, at) => (at === record.length - 1 ? byte ^ 1 : byte)),
  )
  await expect(b.importSpace(encodeSpaceFile({ ...rest, records: forged }))).rejects.toMatchObject(
    invalid,
  )
  expect(await b.ls()).toEqual([])
})

test('whatever the bytes are, the decoder throws only its own error', () => {
  const real = new Uint8Array(Buffer.from(vectors.file, 'hex'))
  const content = decodeSpaceFile(real)
  const damaged = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
    const copy = Uint8Array.from(real)
    copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ by
    return copy
  })
  // Its checksum would catch all: what lies behind it is damaged before it is made.
  const inside = fc.uint8Array({ maxLength: 200 }).map((bytes) => {
    return encodeSpaceFile({ ...content, records: [bytes], documents: [] })
  })
  const run = fc.check(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged, inside), (bytes) => {
      try {
        decodeSpaceFile(bytes)
      } catch (error) {
        if (!isSyncError(error) || error.code !== invalid.code) throw error
      }
    }),
    { numRuns: 500 },
  )
  expect(run.failed && fc.defaultReportMessage(run)).toBe(false)
})
