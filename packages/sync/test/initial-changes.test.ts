import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { epochChanges, initialChanges, isInitialChange } from '../src/initial-changes.ts'
import { Lab, type Node } from './replica-lab.ts'

function connectAll(lab: Lab, nodes: readonly Node[]): void {
  for (const [at, node] of nodes.entries()) {
    const next = nodes[at + 1]
    if (next) lab.connect(node, next)
  }
  lab.settle()
}

test('edits of devices that begin a path offline all survive, whatever each began it with', () => {
  const key = fc.constantFrom('lines', 'tags', 'log')
  const device = fc.record({
    keys: fc.uniqueArray(key, { minLength: 1, maxLength: 3 }),
    edits: fc.array(fc.tuple(fc.nat(2), fc.nat(99)), { maxLength: 4 }),
  })
  fc.assert(
    fc.property(fc.array(device, { minLength: 2, maxLength: 3 }), (devices) => {
      const lab = new Lab()
      const expected = new Map<string, string[]>()
      const nodes = devices.map(({ keys, edits }, at) => {
        const node = lab.node(`n${at}`)
        const initial = Object.fromEntries(keys.map((name) => [name, []]))
        node.edit('notes/x', () => {}, initial)
        for (const [pick, value] of edits) {
          const name = keys.at(pick % keys.length)!
          const line = `n${at} ${value}`
          node.edit('notes/x', (doc) => doc[name].push(line))
          expected.set(name, [...(expected.get(name) ?? []), line])
        }
        for (const name of keys) expected.set(name, expected.get(name) ?? [])
        return node
      })
      connectAll(lab, nodes)
      for (const node of nodes) {
        const value = node.read('notes/x') as Record<string, string[]>
        expect(node.picture).toBe(nodes.at(0)!.picture)
        expect(Object.keys(value).toSorted()).toEqual([...expected.keys()].toSorted())
        for (const [name, lines] of expected) {
          expect(value[name]?.toSorted()).toEqual(lines.toSorted())
        }
      }
    }),
    { numRuns: 20 },
  )
})

test('different first values of one key: all devices choose the same one', () => {
  const lab = new Lab()
  const nodes = ['a', 'b', 'c'].map((name) => lab.node(name))
  for (const node of nodes) node.edit('notes/x', () => {}, { title: node.name })
  connectAll(lab, nodes)
  const [first, ...others] = nodes.map((node) => node.read('notes/x') as { title: string })
  expect(['a', 'b', 'c']).toContain(first?.title)
  expect(others).toEqual([first, first])
})

test('what was taken out does not come back by opening the path again', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  const initial = { title: 't', lines: [] }
  a.edit('notes/x', (doc) => delete doc.title, initial)
  lab.connect(a, b)
  lab.settle()
  b.edit('notes/x', (doc) => doc.lines.push('b'), initial)
  lab.settle()
  a.crash()
  a.edit('notes/x', (doc) => doc.lines.push('a'), initial)
  expect(a.read('notes/x')).toEqual({ lines: ['b', 'a'] })
})

test('a device that begins a path late adds nothing to what is there', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  const initial = { title: 't', lines: [] }
  a.edit('notes/x', (doc) => (doc.title = 'mine'), initial)
  b.edit('notes/x', () => {}, initial)
  lab.connect(a, b)
  lab.settle()
  expect([a.read('notes/x'), b.read('notes/x')]).toEqual([
    { title: 'mine', lines: [] },
    { title: 'mine', lines: [] },
  ])
})

test('refuses values that would read back as others', () => {
  const id = '00'.repeat(16)
  for (const value of [
    undefined,
    () => 1,
    Symbol('x'),
    1n,
    new Map(),
    { deep: { in: undefined } },
  ]) {
    expect(() => initialChanges(id, { value })).toThrow(
      expect.objectContaining({ code: 'ERR_VALUE_UNSUPPORTED' }),
    )
  }
})

const value = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at]))

interface BeginningVectors {
  readonly documentId: string
  readonly changes: number
  /** Of the first, the second and the last change. */
  readonly actors: readonly string[]
  readonly hashes: readonly string[]
}

test('an epoch of many keys begins with as few changes as its vectors say', () => {
  const file = new URL('vectors/epoch-beginning.json', import.meta.url)
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as BeginningVectors
  const id = vectors.documentId
  const keys = Array.from({ length: 600 }, (_, at): [string, number] => [`k${at}`, at])
  const changes = epochChanges(id, Object.fromEntries(keys))
  expect(changes).toHaveLength(vectors.changes)
  const shown = [changes[0], changes[1], changes.at(-1)]
  expect(shown.map((change) => change?.actor)).toEqual(vectors.actors)
  expect(shown.map((change) => change?.hash)).toEqual(vectors.hashes)
  // The order in which a device holds the keys decides nothing.
  expect(epochChanges(id, Object.fromEntries(keys.toReversed()))).toEqual(changes)
  expect(changes.every((change) => isInitialChange(id, change.bytes, change))).toBe(true)
  expect(changes.some((change) => isInitialChange('22'.repeat(16), change.bytes, change))).toBe(
    false,
  )
})

test('an epoch begins with 512 changes at most, and as an initial value as long as it can', () => {
  const id = '11'.repeat(16)
  expect(epochChanges(id, value(512))).toEqual(initialChanges(id, value(512)))
  const counts = [0, 1, 513, 1_000, 5_000].map((count) => epochChanges(id, value(count)).length)
  expect(counts).toEqual([0, 1, 171, 250, 250])
})
