import * as Automerge from '@automerge/automerge'
import { concatBytes } from '@vudo/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { vetDocument } from '../src/automerge-chunks.ts'
import { ChunkCursor } from '../src/chunk-cursor.ts'
import type { AnyDocument } from '../src/document-state.ts'
import { chunk } from './hostile-chunks.ts'

const keys = ['a', 'b', 'ä', 'z', '\u{1f600}', '\uffee', '', 'aa']
/** What three devices do: take what another has, or edit in one of several ways. */
const steps = fc.array(
  fc.record({ who: fc.nat(2), from: fc.nat(2), how: fc.nat(8), at: fc.nat(1000) }),
  { minLength: 2, maxLength: 60 },
)

type Step = typeof steps extends fc.Arbitrary<readonly (infer One)[]> ? One : never

function edit(doc: Record<string, any>, { how, at }: Step): void {
  const key = keys[at % keys.length] ?? ''
  const list = doc['list'] as unknown[] & { insertAt(at: number, ...items: unknown[]): void }
  const text = String(doc['text'])
  if (how === 0) doc[key] = at
  else if (how === 1) delete doc[key]
  else if (how === 2) list.insertAt(at % (list.length + 1), at, `t${at}`)
  else if (how === 3 && list.length > 0) list[at % list.length] = { [key]: [at] }
  else if (how === 4 && list.length > 0) list.splice(at % list.length, 1)
  else if (how === 5) Automerge.splice(doc, ['text'], at % (text.length + 1), 0, `x${at}ä`)
  else if (how === 6 && text.length > 2) Automerge.splice(doc, ['text'], at % (text.length - 1), 1)
  else if (how === 7 && text.length > 3) {
    const start = at % (text.length - 2)
    Automerge.mark(doc, ['text'], { start, end: start + 2, expand: 'both' }, 'bold', true)
  } else if (how === 8) doc['count'].increment(at)
}

function history(list: readonly Step[]): AnyDocument {
  const first = Automerge.from<Record<string, unknown>>(
    { list: [1, { a: 1 }], text: 'some text', count: new Automerge.Counter(0) },
    { actor: 'a1'.repeat(16) },
  )
  const docs = ['c2', 'a0', 'b1'].map((name) => Automerge.clone(first, { actor: name.repeat(16) }))
  const docOf = (who: number): AnyDocument => docs[who] ?? first
  for (const step of list) {
    const { who, from } = step
    docs[who] =
      from === who
        ? Automerge.merge(docOf(who), Automerge.clone(docOf((who + 1) % 3)))
        : Automerge.change(docOf(who), (doc) => edit(doc, step))
  }
  return Automerge.merge(Automerge.merge(docOf(0), docOf(1)), docOf(2))
}

test('whatever Automerge saves is in order', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const saved = Automerge.save(history(list))
      vetDocument(saved)
      vetDocument(Automerge.save(Automerge.load(saved)))
    }),
    { numRuns: 150 },
  )
})

const head = { a: 'aa'.repeat(16), b: 'bb'.repeat(16) }

/** What two devices have made at the same time. */
function together(initial: object, edits: Record<'a' | 'b', (doc: any) => void>): AnyDocument {
  const base = Automerge.change(
    Automerge.init<Record<string, unknown>>({ actor: head.a }),
    { time: 0 },
    (doc) => void Object.assign(doc, initial),
  )
  const [a, b] = (['a', 'b'] as const).map((who) =>
    Automerge.change(Automerge.clone(base, { actor: head[who] }), { time: 0 }, edits[who]),
  )
  return Automerge.merge(a ?? base, b ?? base)
}

/** A saved document in which bytes are others, with a true checksum. */
function changed(saved: Uint8Array, from: string, to: string): Uint8Array {
  const hex = Buffer.from(saved.subarray(8 + 3)).toString('hex')
  expect(hex.split(from)).toHaveLength(2)
  return chunk('document', Buffer.from(hex.replace(from, to), 'hex'))
}

test('another order of a list is refused, though heads and changes are the same', () => {
  const doc = together(
    { list: [] },
    { a: (list) => list.list.insertAt(0, 7), b: (list) => list.list.insertAt(0, 8) },
  )
  const saved = Automerge.save(doc)
  vetDocument(saved)
  // The actors of the three operations, and the two values.
  const swapped = changed(changed(saved, '7d000100', '02007f01'), '0807', '0708')
  // The control: Automerge takes it for the same.
  const opened = Automerge.load<Record<string, unknown>>(swapped)
  expect(Automerge.getHeads(opened).toSorted()).toEqual(Automerge.getHeads(doc).toSorted())
  expect(opened['list']).toEqual([7, 8])
  expect(doc['list']).toEqual([8, 7])
  expect(() => vetDocument(swapped)).toThrow(/not in their order/)
})

/** The parts of a small saved document: actors, heads, both lists of columns, and the bytes of both. */
function partsOf(saved: Uint8Array): Record<'actors' | 'heads' | 'rest', Uint8Array> & {
  readonly lists: readonly Uint8Array[]
  readonly columns: readonly Uint8Array[]
} {
  const cursor = new ChunkCursor(saved, 9)
  cursor.unsigned()
  const taken = (read: () => unknown): Uint8Array => {
    const { position } = cursor
    read()
    return saved.subarray(position, cursor.position)
  }
  const actors = taken(() => {
    for (let left = cursor.unsigned(); left > 0; left--) cursor.take(cursor.unsigned())
  })
  const heads = taken(() => cursor.take(cursor.unsigned() * 32))
  const sizes: number[] = []
  const lists = [0, 1].map((at) =>
    taken(() => {
      sizes[at] = 0
      for (let left = cursor.unsigned(); left > 0; left--) {
        cursor.unsigned()
        sizes[at] += cursor.unsigned()
      }
    }),
  )
  const columns = sizes.map((size) => cursor.take(size))
  return { actors, heads, lists, columns, rest: saved.subarray(cursor.position) }
}

/** The changes and heads of one document with the operations of another. */
function withOperationsOf(signed: AnyDocument, other: AnyDocument): Uint8Array {
  const [own, theirs] = [signed, other].map((doc) => partsOf(Automerge.save(doc)))
  if (!own || !theirs) throw new Error('nothing was saved')
  const lists = [own.lists[0], theirs.lists[1], own.columns[0], theirs.columns[1]]
  const parts = [own.actors, own.heads, ...lists.map((part) => part ?? nothing), own.rest]
  return chunk('document', concatBytes(...parts))
}

const nothing = new Uint8Array()

test.each([
  ['add a key', (doc: Record<string, unknown>): void => void (doc['b'] = 2), { a: 1, b: 2 }],
  ['delete one', (doc: Record<string, unknown>): void => void delete doc['a'], {}],
])(
  'operations of no change that %s are refused, though heads and changes are the same',
  (_, forge, shown) => {
    const signed = Automerge.change(
      Automerge.init<Record<string, unknown>>({ actor: head.a }),
      (doc) => void (doc['a'] = 1),
    )
    const edited = Automerge.change(Automerge.clone(signed, { actor: head.a }), forge)
    const forged = withOperationsOf(signed, edited)
    // The control: Automerge takes it for the same.
    const opened = Automerge.load<Record<string, unknown>>(forged)
    expect(Automerge.getHeads(opened)).toEqual(Automerge.getHeads(signed))
    expect(opened).toEqual(shown)
    vetDocument(withOperationsOf(edited, edited))
    expect(() => vetDocument(forged)).toThrow(/an operation of no change/)
  },
)
