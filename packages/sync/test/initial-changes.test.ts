import fc from 'fast-check'
import { expect, test } from 'vitest'
import { initialChanges } from '../src/initial-changes.ts'
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
