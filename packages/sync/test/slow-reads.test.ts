import * as Automerge from '@automerge/automerge'
import { expect, test, vi } from 'vitest'
import { readChanges } from '../src/automerge-chunks.ts'
import { blobReferencesOf } from '../src/blob-book.ts'
import type { AnyDocument, DocumentState } from '../src/document-state.ts'
import { OpenDocuments } from '../src/open-documents.ts'
import { nothingStored } from '../src/stored-keys.ts'
import { decodeMessage, encodeMessage, type SyncMessage } from '../src/wire.ts'
import { keyOf, Lab } from './replica-lab.ts'

/* Reads take time, and what they show is older than what is known when they end. */

vi.mock('../src/limits.ts', async (original) => {
  const limits = await original<Record<string, unknown>>()
  return { ...limits, MAX_IDLE_DOCUMENTS: 1 }
})

const only = '0'.repeat(32)

/** A document that is stored and not open, what was asked of the store, and what was thought of it. */
function storedDocument(): {
  documents: OpenDocuments
  state: DocumentState
  asked: string[]
  damaged: string[]
  chunk: Uint8Array
  /** Another program's edit, logged, written, and forgotten. */
  write: () => Uint8Array
} {
  let doc: AnyDocument = Automerge.from({ n: 0 }, { actor: '11'.repeat(16) })
  const chunk = Automerge.save(doc)
  const asked: string[] = []
  const damaged: string[] = []
  const documents = new OpenDocuments(
    { database: 'lab', author: keyOf('a'), runId: new Uint8Array(16) },
    {
      read: (one) => asked.push(one),
      onDamage: (_state, reason) => damaged.push(reason),
      vet: () => {},
      isProven: () => true,
    },
  )
  const heads = Automerge.getHeads(doc)
  const stored = { ...nothingStored, arrival: 1, heads, chunkCount: 1, snapshotBytes: chunk.length }
  documents.restore(only, stored)
  const state = documents.get(only)!
  const write = (): Uint8Array => {
    doc = Automerge.change(doc, (draft) => void (draft['n'] = Number(draft['n']) + 1))
    const bytes = Automerge.getLastLocalChange(doc)!
    state.append(readChanges(bytes), undefined)
    state.takeOperations(2)
    state.settled(state.stored.heads)
    state.dropLog()
    return bytes
  }
  return { documents, state, asked, damaged, chunk, write }
}

test('a document is not damaged because a write has overtaken the read that opens it', () => {
  const { documents, state, asked, damaged, chunk, write } = storedDocument()
  documents.whenRead(state, () => {})
  const change = write()
  let opened: unknown
  documents.whenOpen(state, () => (opened = Automerge.toJS(state.open)))
  documents.documentRead({ id: only, chunks: [chunk], proofs: [] })
  expect([damaged, opened, asked]).toEqual([[], undefined, [only, only]])
  documents.documentRead({ id: only, chunks: [chunk, change], proofs: [] })
  expect([damaged, opened]).toEqual([[], { n: 1 }])
})

test('who asks for what is stored gets nothing older than what was durable then', () => {
  const { documents, state, asked, chunk, write } = storedDocument()
  const got: string[] = []
  const read = (name: string): void =>
    documents.whenRead(state, ({ chunks }) => got.push(`${name} ${chunks.length}`))
  read('first')
  read('with the first')
  const changes = [write()]
  read('later')
  documents.documentRead({ id: only, chunks: [chunk], proofs: [] })
  expect(got).toEqual(['first 1', 'with the first 1'])
  expect(asked).toEqual([only, only])
  changes.push(write())
  read('last')
  documents.documentRead({ id: only, chunks: [chunk, ...changes.slice(0, 1)], proofs: [] })
  expect(got.slice(2)).toEqual(['later 2'])
  documents.documentRead({ id: only, chunks: [chunk, ...changes], proofs: [] })
  expect(got.slice(3)).toEqual(['last 3'])
  // Nobody waits, and nothing is read.
  expect(asked).toEqual([only, only, only])
  documents.documentRead({ id: only, chunks: [], proofs: [] })
  expect(got).toHaveLength(4)
})

test('a blob that a document names in a write that is under way is found', () => {
  let isHeld = false
  const lab = new Lab({ holdsWrites: (name) => isHeld && name === 'b' })
  const [a, b] = [lab.node('a'), lab.node('b')]
  const edit = (path: string, task: (doc: Record<string, any>) => void): void => {
    a.edit(path, task)
    lab.settle()
  }
  lab.connect(a, b)
  edit('notes/x', (doc) => (doc['photo'] = {}))
  edit('notes/x', (doc) => (doc['n'] = 1))
  // Another one takes its place in memory.
  edit('notes/y', (doc) => (doc['n'] = 1))
  edit('notes/y', (doc) => (doc['n'] = 2))
  const state = b.replica.document(b.replica.catalogue.winner('notes/x')!.documentId)
  isHeld = true
  const hash = '5'.repeat(64)
  edit('notes/x', (doc) => (doc['photo'].$blob = new Automerge.ImmutableString(hash)))
  // As a program has it that relays documents: closed, and written without being opened.
  expect([state.doc, state.isDirty, state.isDurable]).toEqual([undefined, false, false])
  const found: string[] = []
  b.replica.blobs.look(() => found.push(...blobReferencesOf(b.replica).documentsByHash.keys()))
  b.run(b.replica.takeEffects())
  lab.settle()
  expect(found).toEqual([hash])
})

test('what a peer has stored counts, also when it says so while its edits wait for a read', () => {
  const lab = new Lab({ holdsReads: (name) => name === 'b' })
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit('notes/x', (doc) => (doc.n = 1))
  lab.connect(a, b)
  lab.settle()
  expect(b.replica.unstoredCount).toBe(0)
  a.edit('notes/x', (doc) => (doc.n = 2))
  lab.settle()
  expect(lab.heldReads).toHaveLength(1)
  lab.releaseReads()
  lab.settle()
  expect(b.picture).toBe(a.picture)
  // Or whoever waits for it at b would wait for ever.
  expect(b.replica.unstoredCount).toBe(0)
})

test('what a peer has stored is not forgotten for what it announced before, and a read has held up', () => {
  let isHeld = false
  let page: SyncMessage | undefined
  const lab = new Lab({
    holdsReads: (name) => isHeld && name === 'b',
    tamper: (bytes, from) => {
      const message = decodeMessage(bytes)
      if (from === 'a' && message.type === 'page') page = message
      return bytes
    },
  })
  const [a, b] = [lab.node('a'), lab.node('b')]
  lab.connect(a, b)
  for (let n = 0; n < 3; n++) {
    a.edit('notes/x', (doc) => (doc.n = n))
    lab.settle()
  }
  b.crash()
  const link = lab.connect(a, b)
  lab.settle()
  const state = b.replica.document(b.replica.catalogue.winner('notes/x')!.documentId)
  const { id, heads } = state
  b.read('notes/x')
  const older = Automerge.getHistory(state.open).at(-1)?.change.deps ?? []
  isHeld = true
  b.crash()
  const again = lab.connect(a, b)
  lab.settle()
  const closed = b.replica.document(id)
  b.replica.writeAck(closed, a.peerId, undefined)
  expect(b.replica.unstoredCount).toBe(1)
  const say = (message: SyncMessage): void =>
    b.input({ type: 'peer-message', link: again, bytes: encodeMessage(message) })
  if (page?.type !== 'page') throw new Error('no page')
  say({ ...page, number: page.number + 1, entries: [{ type: 'document', id, heads: older }] })
  say({ type: 'stored', id, heads })
  expect(b.replica.unstoredCount).toBe(0)
  lab.settle()
  lab.releaseReads()
  lab.settle()
  expect(again).toBeGreaterThan(link)
  expect(b.disconnects).toEqual([])
  expect(b.replica.unstoredCount).toBe(0)
})
