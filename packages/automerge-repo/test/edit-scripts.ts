/** Scripts of edits for differential runs: data, so that stock peers and ours do exactly the same. */
import * as A from '@automerge/automerge'
import fc from 'fast-check'

/** What the documents of a run look like. */
export interface Page {
  text: string
  list: unknown[]
  map: Record<string, unknown>
  nested: Record<string, Record<string, unknown>>
  count: A.Counter
}

type Value = string | number | boolean | null | readonly string[] | { readonly day: number }

/** One edit. Places are taken modulo what is there, so that an edit fits every state. */
export type Edit =
  | { readonly type: 'splice'; readonly at: number; readonly remove: number; readonly text: string }
  | { readonly type: 'mark'; readonly at: number; readonly length: number; readonly name: string }
  | { readonly type: 'unmark'; readonly at: number; readonly length: number; readonly name: string }
  | { readonly type: 'insert'; readonly at: number; readonly values: readonly Value[] }
  | { readonly type: 'replace'; readonly at: number; readonly value: Value }
  | { readonly type: 'take'; readonly at: number; readonly count: number }
  | { readonly type: 'put'; readonly key: string; readonly value: Value }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'nest'; readonly key: string; readonly inner: string; readonly value: Value }
  | { readonly type: 'increment'; readonly by: number }

/** What all participants do between two looks at their lines. */
export interface Round {
  /** Numbers of participants whose line is cut for this round. */
  readonly offline: readonly number[]
  /** Our own side is closed and opened again from its store before the edits. */
  readonly restarts: boolean
  readonly edits: readonly {
    readonly who: number
    readonly document: number
    readonly edit: Edit
  }[]
  /** The next round waits until all edits are made; else they overlap with its cuts. */
  readonly settles: boolean
}

const someKey = fc.constantFrom('a', 'b', 'c', 'd')
const place = fc.nat({ max: 1_000 })
const someValue: fc.Arbitrary<Value> = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }),
  fc.constantFrom(1.5, true, false, null),
  fc.array(fc.constantFrom('x', 'y'), { maxLength: 3 }),
  fc.record({ day: fc.nat({ max: 10_000 }) }),
)
// No surrogates: an index into a text could fall between two of them.
const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', 'é', '漢'), maxLength: 12 })
const span = { at: place, length: fc.integer({ min: 1, max: 8 }) }
const markName = fc.constantFrom('bold', 'link')

const someEdit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('splice'),
      at: place,
      remove: fc.nat({ max: 3 }),
      text,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('mark'), ...span, name: markName }) },
  fc.record({ type: fc.constant('unmark'), ...span, name: markName }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('insert'),
      at: place,
      values: fc.array(someValue, { minLength: 1, maxLength: 3 }),
    }),
  },
  fc.record({ type: fc.constant('replace'), at: place, value: someValue }),
  fc.record({ type: fc.constant('take'), at: place, count: fc.integer({ min: 1, max: 3 }) }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('put'), key: someKey, value: someValue }) },
  fc.record({ type: fc.constant('delete'), key: someKey }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('nest'),
      key: someKey,
      inner: someKey,
      value: someValue,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('increment'), by: fc.integer({ min: -5, max: 5 }) }),
  },
)

/** Scripts for so many participants and documents. */
export function scripts(size: {
  readonly participants: number
  readonly documents: number
  readonly rounds: number
}): fc.Arbitrary<Round[]> {
  const who = fc.nat({ max: size.participants - 1 })
  const round: fc.Arbitrary<Round> = fc.record({
    offline: fc.uniqueArray(who, { maxLength: size.participants - 1 }),
    restarts: fc.nat({ max: 3 }).map((dice) => dice === 0),
    edits: fc.array(
      fc.record({ who, document: fc.nat({ max: size.documents - 1 }), edit: someEdit }),
      {
        minLength: 8,
        maxLength: 40,
      },
    ),
    settles: fc.boolean(),
  })
  // Automerge takes no objects without a prototype, which fast-check also makes.
  return fc
    .array(round, { minLength: size.rounds, maxLength: size.rounds })
    .map((script) => structuredClone(script))
}

/** What a document begins with; made by whoever begins it. */
export function fill(doc: Partial<Page>): void {
  doc.text = ''
  doc.list = []
  doc.map = {}
  doc.nested = {}
  doc.count = new A.Counter(0)
}

/** Makes an edit in a document that is being changed. */
export function applyEdit(doc: Page, edit: Edit): void {
  const { list, map, nested } = doc
  const { length } = doc.text
  switch (edit.type) {
    case 'splice': {
      const at = edit.at % (length + 1)
      return A.splice(doc, ['text'], at, Math.min(edit.remove, length - at), edit.text)
    }
    case 'mark':
    case 'unmark': {
      if (length === 0) return
      const start = edit.at % length
      const end = Math.min(length, start + edit.length)
      const range = { start, end, expand: edit.name === 'bold' ? 'both' : 'none' } as const
      if (edit.type === 'mark') return A.mark(doc, ['text'], range, edit.name, `${edit.at}`)
      return A.unmark(doc, ['text'], range, edit.name)
    }
    case 'insert':
      return void list.splice(edit.at % (list.length + 1), 0, ...edit.values)
    case 'replace':
      if (list.length > 0) list[edit.at % list.length] = edit.value
      return
    case 'take':
      if (list.length > 0) list.splice(edit.at % list.length, edit.count)
      return
    case 'put':
      map[edit.key] = edit.value
      return
    case 'delete':
      delete map[edit.key]
      return
    case 'nest': {
      nested[edit.key] ??= {}
      // Read again: an assignment gives what was assigned, and not what is in the document.
      const inner = nested[edit.key]
      if (inner) inner[edit.inner] = edit.value
      return
    }
    case 'increment':
      doc.count.increment(edit.by)
      return
    default:
      return edit satisfies never
  }
}

/** What somebody reads in a document, as text: values and marks. */
export function pictureOf(doc: A.Doc<Page>): string {
  return JSON.stringify({ value: ordered(A.toJS(doc)), marks: A.marks(doc, ['text']) })
}

/** What lost a conflict in a document, at its root and one level below, as text. */
export function conflictsOf(doc: A.Doc<Page>): string {
  const inRoot = Object.keys(doc).map((key) => [key, A.getConflicts(doc, key as keyof Page)])
  const inner = [doc.map, doc.nested].flatMap((map) =>
    Object.keys(map).map((key) => [key, A.getConflicts(map, key)]),
  )
  return JSON.stringify(ordered([inRoot, inner]))
}

/** The same whatever the order of its keys was. */
function ordered(value: unknown): unknown {
  if (value instanceof A.Counter) return { counter: value.value }
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([one, inner]) => [one, ordered(inner)]))
}
