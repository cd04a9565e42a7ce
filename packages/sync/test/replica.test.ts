import { expect, test } from 'vitest'
import { createFakeDisk } from '@vudo/storage'
import { removePath } from '../src/local-edits.ts'
import { Lab } from './replica-lab.ts'

test('two replicas exchange what each lacks', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit('notes/one', (doc) => (doc.title = 'from a'))
  b.edit('notes/two', (doc) => (doc.title = 'from b'))
  lab.connect(a, b)
  lab.settle()
  expect(b.read('notes/one')).toEqual({ title: 'from a' })
  expect(a.read('notes/two')).toEqual({ title: 'from b' })
  expect(a.picture).toBe(b.picture)
})

test('live edits travel', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  lab.connect(a, b)
  a.edit('notes/one', (doc) => doc.lines.push('1'), { lines: [] })
  lab.settle()
  b.edit('notes/one', (doc) => doc.lines.push('2'))
  lab.settle()
  a.edit('notes/one', (doc) => doc.lines.push('3'))
  lab.settle()
  expect(a.read('notes/one')).toEqual({ lines: ['1', '2', '3'] })
  expect(a.picture).toBe(b.picture)
})

test('two devices that begin a path offline share its containers', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit('notes/x', (doc) => doc.lines.push('a'), { lines: [], title: 't' })
  b.edit('notes/x', (doc) => doc.lines.push('b'), { title: 't', lines: [] })
  lab.connect(a, b)
  lab.settle()
  expect(a.picture).toBe(b.picture)
  expect(a.read('notes/x')).toMatchObject({ title: 't' })
  const { lines } = a.read('notes/x') as { lines: string[] }
  expect(lines.toSorted()).toEqual(['a', 'b'])
})

test('a deletion wins over an edit that did not know of it, everywhere', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit('notes/x', (doc) => (doc.n = 1))
  const link = lab.connect(a, b)
  lab.settle()
  lab.cut(link)
  removePath(a.replica, 'notes/x')
  a.run(a.replica.takeEffects())
  b.edit('notes/x', (doc) => (doc.n = 2))
  lab.connect(a, b)
  lab.settle()
  expect([a.read('notes/x'), b.read('notes/x')]).toEqual([undefined, undefined])
  b.edit('notes/x', (doc) => (doc.fresh = true))
  lab.settle()
  expect(a.read('notes/x')).toEqual({ fresh: true })
})

test.each(['a', 'b'])('%s may lose its store: the other one gives everything back', (loser) => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  lab.connect(a, b)
  a.edit('notes/x', (doc) => (doc.n = 1))
  b.edit('notes/y', (doc) => (doc.n = 2))
  lab.settle()
  const node = lab.node(loser)
  lab.cutAll(node)
  node.disk = createFakeDisk(() => 0)
  node.boot()
  expect(node.read('notes/x')).toBeUndefined()
  lab.connect(a, b)
  lab.settle()
  expect([node.read('notes/x'), node.read('notes/y')]).toEqual([{ n: 1 }, { n: 2 }])
  expect(a.picture).toBe(b.picture)
})

test.each(['a', 'b'])('%s may return to an older copy and go on from there', (loser) => {
  const lab = new Lab()
  const [a, b, node] = [lab.node('a'), lab.node('b'), lab.node(loser)]
  lab.connect(a, b)
  a.edit('notes/x', (doc) => doc.lines.push('old'), { lines: [] })
  lab.settle()
  const copy = createFakeDisk(() => 0)
  copy.append(node.disk.scan(new Uint8Array()).map((entry) => ({ type: 'put', ...entry })))
  copy.sync()
  for (let at = 0; at < 5; at++) {
    a.edit('notes/x', (doc) => doc.lines.push(`a${at}`))
    b.edit(`notes/b${at}`, (doc) => (doc.at = at))
    lab.settle()
  }
  lab.cutAll(node)
  node.disk = copy
  node.boot()
  // As many arrivals as the lost ones and more: numbers alone would hide the loss.
  for (let at = 0; at < 20; at++) {
    node.edit(`notes/${loser}-later${at}`, (doc) => (doc.at = at))
    lab.settle()
  }
  lab.connect(a, b)
  lab.settle()
  expect(a.picture).toBe(b.picture)
  expect(a.read('notes/b4')).toEqual({ at: 4 })
  expect(b.read(`notes/${loser}-later19`)).toEqual({ at: 19 })
})

test('only what is missing travels again after a break', () => {
  let bytes = 0
  const lab = new Lab({
    tamper: (message) => {
      bytes += message.length
      return message
    },
  })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (let at = 0; at < 20; at++) a.edit(`notes/${at}`, (doc) => (doc.text = 'x'.repeat(50)))
  const link = lab.connect(a, b)
  lab.settle()
  const first = bytes
  lab.cut(link)
  a.edit('notes/3', (doc) => (doc.more = true))
  bytes = 0
  lab.connect(a, b)
  lab.settle()
  expect(b.read('notes/3')).toMatchObject({ more: true })
  expect(bytes).toBeLessThan(first / 5)
})
