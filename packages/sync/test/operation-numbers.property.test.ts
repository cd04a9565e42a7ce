import * as Automerge from '@automerge/automerge'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { vetDocument } from '../src/automerge-chunks.ts'
import { readChangeTable } from '../src/change-table.ts'
import type { AnyDocument } from '../src/document-state.ts'
import { MAX_OPERATION_GAP } from '../src/limits.ts'
import { areNumbersSound } from '../src/operation-numbers.ts'

/** What three devices do: take what another has, or edit in one of several ways. */
const steps = fc.array(
  fc.record({ who: fc.nat(2), from: fc.nat(2), how: fc.nat(4), at: fc.nat(100) }),
  { minLength: 2, maxLength: 40 },
)

type Step = typeof steps extends fc.Arbitrary<readonly (infer One)[]> ? One : never

function edit(doc: Record<string, any>, { how, at }: Step): void {
  if (how === 0) doc[`k${at % 4}`] = at
  else if (how === 1) delete doc[`k${at % 4}`]
  else if (how === 2) Automerge.splice(doc, ['text'], at % doc['text'].length, 1, 'some')
  else if (how === 3) doc['list'].push([at])
  else doc['list'].splice(0, 1)
}

function history(list: readonly Step[]): AnyDocument {
  const first = Automerge.from<Record<string, unknown>>(
    { list: [1], text: 'some text' },
    { actor: 'a1'.repeat(16) },
  )
  const docs = ['c2', 'a0', 'b1'].map((name) => Automerge.clone(first, { actor: name.repeat(16) }))
  const docOf = (who: number): AnyDocument => docs[who] ?? first
  for (const step of list) {
    const { who, from, how } = step
    if (from !== who) docs[who] = Automerge.change(docOf(who), (doc) => edit(doc, step))
    else if (how === 0) docs[who] = Automerge.emptyChange(docOf(who))
    else docs[who] = Automerge.merge(docOf(who), Automerge.clone(docOf((who + 1) % 3)))
  }
  return Automerge.merge(Automerge.merge(docOf(0), docOf(1)), docOf(2))
}

function isSound(doc: AnyDocument): boolean {
  const { table, operations } = vetDocument(Automerge.save(doc))
  return areNumbersSound(table, readChangeTable(table), operations)
}

/** The document with a change upon all of it whose operation has this number, and one upon that. */
function numbered(doc: AnyDocument, startOp: number): AnyDocument {
  const change = {
    actor: 'dd'.repeat(16),
    seq: 1,
    startOp,
    time: 0,
    message: null,
    deps: Automerge.getHeads(doc),
    ops: [{ action: 'set', obj: '_root', key: 'forged', value: 1, pred: [] }],
  }
  const bytes = Automerge.encodeChange(
    change as unknown as Parameters<typeof Automerge.encodeChange>[0],
  )
  return Automerge.applyChanges(Automerge.clone(doc), [bytes])[0]
}

test('the numbers of what Automerge has made are sound', () => {
  fc.assert(
    fc.property(steps, (list) => {
      expect(isSound(history(list))).toBe(true)
    }),
    { numRuns: 100 },
  )
})

test('a change is to go on behind the numbers of all that it builds on, and not far behind', () => {
  const distances = fc.oneof(
    fc.integer({ min: -8, max: 8 }),
    fc.integer({ min: MAX_OPERATION_GAP - 2, max: MAX_OPERATION_GAP + 2 }),
  )
  fc.assert(
    fc.property(steps, distances, (list, distance) => {
      const doc = history(list)
      const heads = Automerge.getHeads(doc)
      const numbers = Automerge.getChangesMetaSince(doc, [])
        .filter(({ hash }) => heads.includes(hash))
        .map(({ maxOp }) => maxOp)
      const startOp = Math.max(...numbers) + distance
      fc.pre(startOp > 0)
      const isFine = distance > 0 && distance <= MAX_OPERATION_GAP
      expect(isSound(numbered(doc, startOp))).toBe(isFine)
    }),
    { numRuns: 100 },
  )
})
