/** A document with more heads than one may have is neither made, nor taken, nor in the way of the others. */
import * as Automerge from '@automerge/automerge'
import { concatBytes } from '@vudo/wire'
import { expect, test } from 'vitest'
import { deriveActor, signProof, type ActorProof } from '../src/authorship.ts'
import { applyBatch } from '../src/apply-batch.ts'
import type { ChangeBatch } from '../src/batch-wire.ts'
import { readChanges } from '../src/automerge-chunks.ts'
import type { DocumentState } from '../src/document-state.ts'
import { encodeEdits } from '../src/edits-wire.ts'
import { compactPath } from '../src/epochs.ts'
import { MAX_HEADS } from '../src/limits.ts'
import {
  decodeIndex,
  documentKey,
  encodeStoredDocument,
  nothingStored,
} from '../src/stored-keys.ts'
import { encodeMessage } from '../src/wire.ts'
import { keyOf, Lab } from './replica-lab.ts'

const path = 'notes/x'
const many = Object.fromEntries(Array.from({ length: 600 }, (_, at) => [`k${at}`, at]))

test('an initial value of many keys is joined, travels, and is there after a restart', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, () => {}, many)
  b.edit(path, () => {}, many)
  lab.settle()
  lab.connect(a, b)
  lab.settle()
  expect(a.picture).toBe(b.picture)
  lab.cutAll(a)
  a.crash()
  lab.settle()
  expect(a.read(path)).toEqual(many)
  expect(a.replica.knownDocument(b.open(path).id)?.heads.length).toBeLessThanOrEqual(2)
  lab.connect(a, b)
  b.edit(path, (doc) => (doc.k0 = 'new'))
  lab.settle()
  expect(a.read(path)).toEqual({ ...many, k0: 'new' })
  expect([...a.disconnects, ...b.disconnects]).toEqual([])
})

const onRefused = (error: unknown): never => {
  throw error
}

test('a document of more keys than a change may build on begins a new epoch, with its late edits', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, (doc) => void Object.assign(doc, many), {})
  const link = lab.connect(a, b)
  lab.settle()
  lab.cut(link)
  const before = a.replica.catalogue.winner(path)?.documentId
  b.edit(path, (doc) => void Object.assign(doc, { k0: 'late', added: [1] }))
  // Both begin it on their own, at other heads: what the one that loses holds goes on as well.
  a.edit(path, (doc) => (doc.k1 = 'a'))
  for (const node of [a, b]) {
    compactPath(node.replica, path, { force: false, onDone: () => {}, onRefused })
    node.run(node.replica.takeEffects())
    lab.settle()
  }
  const own = [a, b].map((node) => node.replica.catalogue.winner(path)?.documentId)
  expect(new Set([before, ...own]).size).toBe(3)
  lab.connect(a, b)
  lab.settle()
  const expected = { ...many, k0: 'late', k1: 'a', added: [1] }
  expect(a.read(path)).toEqual(expected)
  expect(b.read(path)).toEqual(expected)
  expect(a.picture).toBe(b.picture)
  const quarantined = [...a.events, ...b.events].filter(
    (event) => event.type === 'document:quarantined',
  )
  expect([...quarantined, ...a.disconnects, ...b.disconnects]).toEqual([])
  lab.cutAll(a)
  a.crash()
  expect(a.read(path)).toEqual(expected)
})

/** Changes of so many actors of one author, each on the same heads. */
function branches(
  state: DocumentState,
  first: number,
  count: number,
): { readonly proofs: ActorProof[]; readonly changes: Uint8Array[] } {
  const author = keyOf('m')
  const proofs: ActorProof[] = []
  const changes: Uint8Array[] = []
  for (let at = first; at < first + count; at++) {
    const nonce = Uint8Array.from({ length: 16 }, (_, byte) => (at >> (8 * (byte % 4))) & 255)
    const actor = deriveActor(author.authorId, state.id, nonce)
    const copy = Automerge.clone(state.open, { actor })
    const doc = Automerge.change(copy, { time: 0 }, (root) => {
      root.n = at + 1
    })
    const bytes = Automerge.getLastLocalChange(doc)!
    Automerge.free(doc)
    const { hash } = readChanges(bytes).at(0)!
    changes.push(bytes)
    const change = { database: 'lab', documentId: state.id, actor, hash }
    proofs.push(signProof(change, author, nonce))
  }
  return { proofs, changes }
}

test('plain changes of a peer make no more heads than a document may have', () => {
  const lab = new Lab()
  const [a, m] = [lab.node('a'), lab.node('m')]
  a.edit(path, () => {}, { n: 0 })
  const state = a.open(path)
  const link = lab.connect(a, m)
  lab.settle()
  const { proofs, changes } = branches(state, 0, 600)
  for (let at = 0; at < 600; at += 300) {
    const payload = concatBytes(...changes.slice(at, at + 300))
    const edits = { isDeflated: false, proofs: proofs.slice(at, at + 300), payload }
    const bytes = encodeMessage({
      type: 'edits',
      id: state.id,
      isUrgent: false,
      bytes: encodeEdits(edits),
    })
    a.input({ type: 'peer-message', link, bytes })
  }
  lab.settle()
  expect(state.heads).toHaveLength(300)
  a.crash()
  lab.settle()
  expect(a.replica.knownDocument(state.id)?.heads).toHaveLength(300)
})

test('a saved document does not bring more heads than a document may have', () => {
  const lab = new Lab()
  const a = lab.node('a')
  a.edit(path, () => {}, { n: 0 })
  const state = a.open(path)
  const rules = { database: 'lab', mayWrite: () => true }
  const batchOf = ({ proofs, changes }: ReturnType<typeof branches>): ChangeBatch => {
    const copy = Automerge.clone(state.open)
    const [doc] = Automerge.applyChanges(copy, changes)
    const [payload, heads] = [Automerge.save(doc), Automerge.getHeads(doc)]
    Automerge.free(doc)
    return { isAnswer: false, isSaved: true, isDeflated: false, heads, proofs, payload }
  }
  const batches = [batchOf(branches(state, 0, 300)), batchOf(branches(state, 300, 300))]
  expect(applyBatch(state, batches.at(0)!, rules)).toBe('applied')
  expect(() => applyBatch(state, batches.at(1)!, rules)).toThrow(
    expect.objectContaining({ code: 'ERR_DOCUMENT_TOO_LARGE' }),
  )
  expect(state.heads).toHaveLength(300)
  expect(Automerge.getHeads(state.open)).toHaveLength(300)
})

test('a document that was stored with too many heads does not end the channel of the others', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, () => {}, { n: 0 })
  a.edit('notes/other', () => {}, { n: 42 })
  const state = a.open(path)
  const { proofs, changes } = branches(state, 0, 600)
  state.replace(Automerge.applyChanges(state.open, changes)[0])
  state.addProofs(proofs)
  a.replica.changed(state, 'local')
  a.run(a.replica.takeEffects())
  lab.settle()
  a.crash()
  lab.settle()
  expect(a.replica.knownDocument(state.id)?.heads).toHaveLength(600)
  lab.connect(a, b)
  lab.settle()
  expect([...a.disconnects, ...b.disconnects]).toEqual([])
  expect(b.read('notes/other')).toEqual({ n: 42 })
  expect(a.read(path)).toEqual(expect.objectContaining({ n: expect.any(Number) }))
})

test('a document that was stored with too many heads does not keep a database from opening', () => {
  const heads = Array.from({ length: MAX_HEADS + 88 }, (_, at) => at.toString(16).padStart(64, '0'))
  const id = '5'.repeat(32)
  const value = encodeStoredDocument({ ...nothingStored, heads })
  const { documents } = decodeIndex([{ key: documentKey(id), value }])
  expect(documents.get(id)?.heads).toEqual(heads)
})
