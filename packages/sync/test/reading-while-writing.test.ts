import { expect, test } from 'vitest'
import type { ChangeHeader } from '../src/automerge-chunks.ts'
import type { DocumentState } from '../src/document-state.ts'
import { MANY_EDITS, FORGOTTEN_CHANGES, MAX_LOGS } from '../src/limits.ts'
import { OpenDocuments } from '../src/open-documents.ts'
import { keyOf, Lab } from './replica-lab.ts'

/* What is being written cannot be read back before it is written. */

test('a document that waits for its write stays open, however many edits come meanwhile', () => {
  let isHeld = false
  const lab = new Lab({ holdsWrites: (name) => isHeld && name === 'b' })
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit('notes/0', (doc) => (doc.n = 0))
  lab.connect(a, b)
  lab.settle()
  lab.cutAll(b)
  b.read('notes/0')
  for (let at = 0; at < 2 * MANY_EDITS; at++) a.edit('notes/0', (doc) => (doc.n = at))
  lab.settle()
  isHeld = true
  lab.connect(a, b)
  lab.settle()
  for (let at = 0; at < FORGOTTEN_CHANGES + 10; at++) {
    a.edit('notes/0', (doc) => (doc.n = -at))
    lab.settle()
  }
  const value = b.read('notes/0')
  const { type } = b.events.find((event) => event.type === 'document:quarantined') ?? {}
  expect(type).toBe(undefined)
  expect(value).toEqual(a.read('notes/0'))
})

test('the last changes of a document are remembered until they are durable', () => {
  const documents = new OpenDocuments(
    { database: 'lab', author: keyOf('a'), runId: new Uint8Array(16) },
    { read: () => {}, onDamage: () => {}, vet: () => {}, isProven: () => true },
  )
  const log = (at: number): DocumentState => {
    const state = documents.obtain(at.toString(16).padStart(32, '0'))
    const change: ChangeHeader = {
      hash: at.toString(16).padStart(64, '0'),
      actor: '0'.repeat(32),
      seq: 1,
      deps: [],
      bytes: new Uint8Array(1),
      operations: 1,
      startOp: 1,
      maxOp: 1,
      hasContainers: false,
      hasMarks: false,
    }
    state.append([change], undefined)
    // As a write that has begun leaves it.
    state.unstored.take()
    state.isDirty = false
    documents.logged(state)
    return state
  }
  const [first, second] = [log(0), log(1)]
  second.settled(second.heads)
  for (let at = 2; at <= MAX_LOGS; at++) log(at)
  expect(second.log).toBe(undefined)
  expect(first.log).toBeDefined()
  first.settled(first.heads)
  log(MAX_LOGS + 1)
  expect(first.log).toBe(undefined)
})
