import { createByteReader, createByteWriter } from '@vudo/wire'
import { expect, test } from 'vitest'
import { isProven, type LeanProof } from '../src/authorship.ts'
import { readChanges } from '../src/automerge-chunks.ts'
import type { ChangeBatch } from '../src/batch-wire.ts'
import { decodeEdits, encodeEdits } from '../src/edits-wire.ts'
import { readLeanProofs, wholeProofs, writeLeanProofs } from '../src/lean-proofs.ts'
import type { Policy } from '../src/replica.ts'
import type { TreeSignature } from '../src/tree-signature.ts'
import { decodeMessage, encodeMessage } from '../src/wire.ts'
import { keyOf, Lab, type Node } from './replica-lab.ts'
import vectors from './vectors/sync.json' with { type: 'json' }

interface Pair {
  readonly lab: Lab
  readonly writer: Node
  readonly reader: Node
  /** The proofs of each message of edits of the writer. */
  readonly sent: (readonly LeanProof[] | undefined)[]
  /** Changes what the writer sends from now on. */
  forge: (batch: ChangeBatch) => ChangeBatch
}

function pair(policy?: Policy): Pair {
  const sent: (readonly LeanProof[] | undefined)[] = []
  const seen = { forge: (batch: ChangeBatch): ChangeBatch => batch }
  const lab = new Lab({
    ...(policy && { policy }),
    tamper: (bytes, from) => {
      const message = decodeMessage(bytes)
      if (message.type !== 'edits' || from !== 'a') return bytes
      const batch = decodeEdits(message.bytes)
      sent.push(batch.leanProofs)
      return encodeMessage({ ...message, bytes: encodeEdits(seen.forge(batch)) })
    },
  })
  const [writer, reader] = [lab.node('a'), lab.node('b')]
  reader.edit('notes/x', () => {}, { lines: [] })
  lab.connect(writer, reader)
  lab.settle()
  return Object.assign(seen, { lab, writer, reader, sent })
}

/** Of nothing. */
const sevens: TreeSignature = {
  signature: new Uint8Array(64).fill(7),
  leaves: 1,
  number: 0,
  path: new Uint8Array(),
}

function type(node: Node, line: number): void {
  node.edit('notes/x', (doc) => doc.lines.push(line), { lines: [] })
  node.lab.settle()
}

function linesOf(node: Node): readonly number[] {
  return (node.read('notes/x') as { lines: number[] }).lines
}

function faultsOf(node: Node): readonly string[] {
  return node.events.flatMap((event) => (event.type === 'peer:fault' ? event.code : []))
}

test('an author is named with the first change of an actor, and then no more', () => {
  const { lab, writer, reader, sent } = pair()
  type(writer, 1)
  type(writer, 2)
  expect(sent.map((proofs) => proofs?.map(({ by }) => by?.author))).toEqual([
    [writer.author.authorId],
    [undefined],
  ])
  expect(linesOf(reader)).toEqual([1, 2])
  // What is stored is whole: whoever has nothing is told of it.
  reader.crash()
  const third = lab.node('c')
  lab.connect(reader, third)
  lab.settle()
  expect(linesOf(third)).toEqual([1, 2])
})

test('a lean proof of an actor that is not known there is no fault, and what it is for is asked for', () => {
  const seen = pair()
  seen.forge = (batch) => ({
    ...batch,
    leanProofs: batch.leanProofs?.map(({ signature }) => ({ signature })),
  })
  type(seen.writer, 1)
  expect(seen.sent).toHaveLength(1)
  expect(linesOf(seen.reader)).toEqual([1])
  expect(faultsOf(seen.reader)).toEqual([])
})

test.each([
  [
    'the signature of another change',
    ({ leanProofs: [first] = [], ...batch }: ChangeBatch, before: LeanProof): ChangeBatch => {
      return { ...batch, leanProofs: first && [{ ...first, signature: before.signature }] }
    },
  ],
  ['no proof', (batch: ChangeBatch): ChangeBatch => ({ ...batch, leanProofs: [] })],
  [
    'one proof more than actors',
    (batch: ChangeBatch, before: LeanProof): ChangeBatch => {
      return { ...batch, leanProofs: [...(batch.leanProofs ?? []), before] }
    },
  ],
  [
    'another author',
    ({ leanProofs: [first] = [], ...batch }: ChangeBatch): ChangeBatch => {
      const by = { author: keyOf('b').authorId, nonce: new Uint8Array(16) }
      return { ...batch, leanProofs: first && [{ ...first, by }] }
    },
  ],
])('edits with %s are refused', (_, forge) => {
  const seen = pair()
  type(seen.writer, 1)
  const [before = { signature: sevens }] = seen.sent[0] ?? []
  seen.forge = (batch) => forge(batch, before)
  type(seen.writer, 2)
  expect(linesOf(seen.reader)).toEqual([1])
  expect(faultsOf(seen.reader)).toContain('ERR_AUTHORSHIP_INVALID')
})

test('whoever may not write any more is refused, although only a signature came', () => {
  const revoked = new Set<string>()
  const seen = pair((author, action) => action === 'read' || !revoked.has(author))
  type(seen.writer, 1)
  seen.writer.open('notes/x')
  let isForged = false
  seen.forge = (batch) => {
    // From here on only for the reader: the writer's own policy would refuse its edit.
    isForged = batch.leanProofs?.every(({ by }) => by === undefined) ?? false
    revoked.add(seen.writer.author.authorId)
    return batch
  }
  type(seen.writer, 2)
  expect(isForged).toBe(true)
  expect(linesOf(seen.reader)).toEqual([1])
})

test('the vectors of lean proofs hold', () => {
  const { database, id } = vectors.document
  for (const { hex } of vectors.leanProofs) {
    const batch = decodeEdits(Buffer.from(hex, 'hex'))
    expect(Buffer.from(encodeEdits(batch)).toString('hex')).toBe(hex)
  }
  const hex = vectors.leanProofs[0]?.hex ?? ''
  const { leanProofs = [], payload } = decodeEdits(Buffer.from(hex, 'hex'))
  const changes = readChanges(payload)
  const state = new Lab().node('a').replica.document(id)
  const whole = wholeProofs(state, leanProofs, { changes, fresh: changes })
  const [proof] = [...(whole?.values() ?? [])]
  expect(proof).toMatchObject(vectors.initial.value ? { hash: vectors.initial.hash } : {})
  expect(proof && isProven(proof, database, id)).toBe(true)
})

test('lean proofs of every kind come back as they were written', () => {
  const [author, signature] = [keyOf('a').authorId, sevens]
  const nonce = new Uint8Array(16).fill(3)
  const proofs: LeanProof[] = [
    { signature },
    { by: { author, nonce }, signature },
    { by: { author, nonce: undefined }, signature },
    { by: { author, nonce, isImage: true }, signature },
    { by: { author, nonce: undefined, isAdmitted: true }, signature },
  ]
  const writer = createByteWriter()
  writeLeanProofs(writer, proofs)
  const bytes = writer.finish()
  expect(readLeanProofs(createByteReader(bytes))).toEqual(proofs)
  expect(bytes).toHaveLength(1 + 66 + 114 + 98 + 114 + 98)
})
