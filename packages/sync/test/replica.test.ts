import { expect, test } from 'vitest'
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
