/** What every platform must make of the same input: run by Node, and inside Chromium by vectors.browser.test.ts. */
import * as Automerge from '@automerge/automerge'
import { openMemoryStore } from '@vudo/storage'
import { bytesToHex, createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase, type Database } from '@vudo/sync'
import { deriveActor, deriveNonce, isProven, readProof, writeProof } from '../src/authorship.ts'
import { vetBundle } from '../src/automerge-chunks.ts'
import { decodeCatalogueRecord, encodeRecord, signRecord } from '../src/catalogue-record.ts'
import { actorSpans, readChangeTable } from '../src/change-table.ts'
import { documentIdToUrl, firstDocumentId } from '../src/document-id.ts'
import { digestOfAll, rangesOf } from '../src/fingerprints.ts'
import { initialChanges } from '../src/initial-changes.ts'
import { decodeSpaceFile, encodeSpaceFile } from '../src/space-file.ts'
import { encodeAck, encodePosition } from '../src/stored-keys.ts'
import { isSigned, leafOf, signTree, writeTreeSignature } from '../src/tree-signature.ts'
import { decodeMessage, encodeMessage } from '../src/wire.ts'
import { decodeJoint, encodeJoint } from './joint-lab.ts'
import { keyOf } from './keys.ts'
import edits from './vectors/edits.json' with { type: 'json' }
import space from './vectors/space-file.json' with { type: 'json' }
import vectors from './vectors/sync.json' with { type: 'json' }

test('the vectors of messages, records and proofs hold', () => {
  for (const { hex } of vectors.messages) {
    const bytes = hexToBytes(hex)
    expect(bytesToHex(encodeMessage(decodeMessage(bytes)))).toBe(hex)
  }
  expect(firstDocumentId(vectors.document.database, vectors.document.path)).toBe(
    vectors.document.id,
  )
  expect(documentIdToUrl(vectors.document.id)).toBe(vectors.document.url)
  const { record } = vectors
  const bytes = hexToBytes(record.hex)
  const decoded = decodeCatalogueRecord(vectors.document.database, bytes)
  expect(decoded.hash).toBe(record.hash)
  const signed = signRecord(vectors.document.database, decoded, keyOf('vectors'))
  expect(bytesToHex(encodeRecord(signed))).toBe(record.hex)
  for (const { hex, hash: expected } of [vectors.deletion, vectors.successor]) {
    const other = decodeCatalogueRecord(vectors.document.database, hexToBytes(hex))
    expect(other.hash).toBe(expected)
    expect(bytesToHex(encodeRecord(other))).toBe(hex)
  }
  const { imageProof } = vectors
  const proof = readProof(createByteReader(hexToBytes(imageProof.hex)))
  expect(proof).toMatchObject({ isImage: true, actor: imageProof.actor })
  expect(isProven(proof, vectors.document.database, vectors.document.id)).toBe(true)
  const writer = createByteWriter()
  writeProof(writer, proof)
  expect(bytesToHex(writer.finish())).toBe(imageProof.hex)
  const [change] = initialChanges(vectors.document.id, vectors.initial.value)
  expect(change).toMatchObject({ actor: vectors.initial.actor, hash: vectors.initial.hash })
})

test('the vectors of comparisons, of deflated pages and of the store hold', () => {
  const { salt, contents, ranges } = vectors.fingerprints
  expect(rangesOf(contents, salt)).toEqual(ranges)
  expect(digestOfAll(contents)).toBe(vectors.fingerprints.digest)
  const { inflated, hex } = vectors.deflatedPage
  expect(decodeMessage(hexToBytes(hex))).toEqual(decodeMessage(hexToBytes(inflated)))
  const { position, acknowledgements } = vectors.stored
  const { features, hex: positionHex, ...where } = position
  expect(bytesToHex(encodePosition(where, features))).toBe(positionHex)
  for (const { heads, digest, hex: ackHex } of acknowledgements) {
    expect(bytesToHex(encodeAck(heads ?? digest ?? ''))).toBe(ackHex)
  }
})

test('the vector of a bundle holds: its table, and what Automerge makes of it', () => {
  const { actor, outside, hex } = vectors.bundle
  const bytes = hexToBytes(hex)
  const table = readChangeTable(vetBundle(bytes).table)
  expect(table.outside).toEqual(outside)
  expect(actorSpans(table)).toEqual([{ actor, firstSeq: 2, lastSeq: 6 }])
  const { changes } = Automerge.readBundle(bytes)
  expect(changes.map(({ hash: one }) => one)).toEqual(vectors.bundle.hashes)
})

test('the vectors of trees of signatures, and of actors, hold', () => {
  const { tag, texts, leaves, signatures, joint } = vectors.tree
  const key = keyOf('vectors')
  const signed = signTree(
    key,
    texts.map((text) => ({ leaf: leafOf(tag, new TextEncoder().encode(text)) })),
  )
  expect(signed.map(({ leaf }) => bytesToHex(leaf))).toEqual(leaves)
  const encoded = signed.map(({ signature }) => {
    const writer = createByteWriter()
    writeTreeSignature(writer, signature)
    return bytesToHex(writer.finish())
  })
  expect(encoded).toEqual(signatures)
  for (const { numbers, hex } of joint) {
    const some = signed.filter((_, at) => numbers.includes(at))
    const inOrder = some.toSorted(
      (a, b) => numbers.indexOf(a.signature.number) - numbers.indexOf(b.signature.number),
    )
    expect(bytesToHex(encodeJoint(inOrder))).toBe(hex)
    for (const { leaf, signature } of decodeJoint(hexToBytes(hex), inOrder)) {
      expect(isSigned(key.authorId, leaf, signature)).toBe(true)
    }
  }
  const nonce = deriveNonce(hexToBytes(vectors.nonce.run))
  expect(bytesToHex(nonce)).toBe(vectors.nonce.nonce)
  expect(deriveActor(key.authorId, vectors.document.id, nonce)).toBe(vectors.nonce.actor)
})

test('the vector of a space file holds', () => {
  const bytes = hexToBytes(space.file)
  const file = decodeSpaceFile(bytes)
  expect(file.database).toBe(space.database)
  expect(file.documents.map(({ id }) => id)).toEqual(space.documents)
  expect(bytesToHex(encodeSpaceFile(file))).toBe(space.file)
})

interface Note {
  title: string
  lines: string[]
}

/** A device of which everything is known: its key, its clock, its random numbers. */
async function device(name: string): Promise<Database> {
  const database = await openDatabase({
    id: 'vectors',
    store: await openMemoryStore(),
    author: keyOf(name),
    now: () => 1_700_000_000_000,
    random: (length) => new Uint8Array(length).fill(name.charCodeAt(0)),
  })
  onTestFinished(() => database.close())
  return database
}

test('edits and their merge have the same bytes everywhere', async () => {
  const [a, b] = [await device('a'), await device('b')]
  const here = await a.open<Note>('notes/x', { title: 'T', lines: ['ä'] })
  here.change(({ lines }) => lines.push('of a'))
  await b.importSpace(await a.exportSpace())
  const there = await b.open<Note>('notes/x')
  there.change((note) => {
    note.title = 'U'
    note.lines.unshift('of b')
  })
  here.change(({ lines }) => lines.splice(1, 1, 'again of a'))
  const file = await b.exportSpace()
  await a.importSpace(file)
  expect(here.current).toEqual(edits.merged)
  expect(here.heads).toEqual(edits.heads)
  expect(bytesToHex(file)).toBe(edits.file)
})
