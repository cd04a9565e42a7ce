import * as Automerge from '@automerge/automerge'
import { expect, test } from 'vitest'
import { signProof } from '../src/authorship.ts'
import { readChanges } from '../src/automerge-chunks.ts'
import type { AnyDocument } from '../src/document-state.ts'
import { editDocument } from '../src/local-edits.ts'
import { decodeEdits, encodeEdits } from '../src/edits-wire.ts'
import { decodeMessage, encodeMessage } from '../src/wire.ts'
import { keyOf, Lab, nowMs } from './replica-lab.ts'

type Operation = Record<string, unknown>

interface Forgery {
  readonly operations: readonly Operation[]
  /** Added to the number that the first operation should have. */
  readonly skipped?: number
}

const root = { obj: '_root', pred: [] }
/** Stands for an operation that the actor never made. */
const nowhere = '999999@actor'

const forgeries: readonly (readonly [name: string, Forgery])[] = [
  [
    'write to a missing object',
    { operations: [{ ...root, action: 'set', key: 'x', value: 'y', obj: nowhere }] },
  ],
  [
    'write a sound value and then to a missing object',
    {
      operations: [
        { ...root, action: 'set', key: 'x', value: 'y' },
        { ...root, action: 'set', key: 'x', value: 'y', obj: nowhere },
      ],
    },
  ],
  [
    'replace a missing value',
    { operations: [{ ...root, action: 'set', key: 'title', value: 'y', pred: [nowhere] }] },
  ],
  [
    'delete a missing value',
    { operations: [{ ...root, action: 'del', key: 'title', pred: [nowhere] }] },
  ],
  [
    'use numbers again',
    { skipped: -1, operations: [{ ...root, action: 'set', key: 'x', value: 'y' }] },
  ],
  [
    'leave out numbers without end',
    { skipped: 100_000_000, operations: [{ ...root, action: 'set', key: 'x', value: 'y' }] },
  ],
]

/** The number of the last operation of some changes. */
function lastNumber(doc: AnyDocument, hashes: readonly string[]): number {
  const changes = Automerge.getChangesMetaSince(doc, [])
  return Math.max(...changes.map(({ hash, maxOp }) => (hashes.includes(hash) ? maxOp : 0)))
}

/** A change on top of another document that says what it likes. */
function forge(
  doc: AnyDocument,
  own: { actor: string; seq: number; deps: readonly string[] },
  forgery: Forgery,
): Uint8Array {
  const change = {
    actor: own.actor,
    seq: own.seq,
    startOp: lastNumber(doc, own.deps) + 1 + (forgery.skipped ?? 0),
    time: 0,
    message: null,
    deps: [...own.deps],
    ops: JSON.parse(JSON.stringify(forgery.operations).replaceAll('@actor', `@${own.actor}`)),
  }
  return Automerge.encodeChange(change as unknown as Parameters<typeof Automerge.encodeChange>[0])
}

/** Replaces the next live edit of a node by a change that it signs as its own. */
function forgingLab(): { readonly lab: Lab; forgery: Forgery | undefined; forged: number } {
  const seen = { forgery: undefined as Forgery | undefined, forged: 0 }
  const lab: Lab = new Lab({
    tamper: (bytes, from) => {
      const message = decodeMessage(bytes)
      if (from !== 'mallory' || message.type !== 'edits' || !seen.forgery) return bytes
      const batch = decodeEdits(message.bytes)
      const [own] = readChanges(batch.payload)
      if (!own) return bytes
      const victim = lab.node('victim').replica.document(message.id)
      const payload = forge(victim.open, own, seen.forgery)
      seen.forged += 1
      seen.forgery = undefined
      const [change] = readChanges(payload)
      const proven = {
        database: 'lab',
        documentId: message.id,
        actor: own.actor,
        hash: change?.hash ?? '',
      }
      const [real] = lab.node('mallory').replica.document(message.id).proofsOf([own.actor])
      const proof = signProof(proven, keyOf('mallory'), real?.nonce)
      return encodeMessage({
        ...message,
        bytes: encodeEdits({ isDeflated: false, proofs: [proof], payload }),
      })
    },
  })
  return Object.assign(seen, { lab })
}

test.each(forgeries)('edits that %s leave an open document as it was', (_, forgery) => {
  const seen = forgingLab()
  const { lab } = seen
  const [mallory, victim, honest] = [lab.node('mallory'), lab.node('victim'), lab.node('honest')]
  const state = victim.open('notes/x', { lines: [] })
  const edit = (line: string): void => {
    editDocument(
      victim.replica,
      state,
      (doc: Record<string, any>) => void doc['lines'].push(line),
      { nowMs },
    )
    victim.run(victim.replica.takeEffects())
  }
  edit('before')
  lab.connect(mallory, victim)
  lab.connect(honest, victim)
  lab.settle()
  mallory.edit('notes/x', (doc) => (doc.title = 'kept'))
  lab.settle()
  // Not stored yet when the change comes.
  edit('unsaved')
  const before = {
    heads: state.heads,
    value: JSON.stringify(state.open),
    saved: Automerge.save(state.open),
  }
  seen.forgery = forgery
  mallory.edit('notes/x', (doc) => (doc.title = 'never arrives'))
  // The sender, whose store is honest, would go on with what it really wrote.
  lab.runUntil(() => victim.events.some(({ type }) => type === 'document:quarantined'))
  lab.cutAll(mallory)
  expect(seen.forged).toBe(1)
  expect(victim.events).toContainEqual(
    expect.objectContaining({ type: 'peer:fault', code: 'ERR_SYNC_PROTOCOL' }),
  )
  expect(victim.events).toContainEqual(
    expect.objectContaining({ type: 'document:quarantined', peerId: mallory.peerId }),
  )
  expect(state.heads).toEqual(before.heads)
  expect(Automerge.getHeads(state.open).toSorted()).toEqual(before.heads)
  expect(JSON.stringify(state.open)).toBe(before.value)
  expect(Automerge.save(state.open)).toEqual(before.saved)
  edit('after')
  lab.settle()
  const whole = { title: 'kept', lines: ['before', 'unsaved', 'after'] }
  expect(victim.read('notes/x')).toEqual(whole)
  expect(honest.read('notes/x')).toEqual(whole)
  victim.crash()
  expect(victim.read('notes/x')).toEqual(whole)
  expect(
    victim.events.map(({ type }) => type).filter((type) => type === 'document:quarantined'),
  ).toHaveLength(1)
})
