import * as Automerge from '@automerge/automerge'
import { expect, test } from 'vitest'
import { compactPath } from '../src/epochs.ts'
import { signRecord } from '../src/catalogue-record.ts'
import { beginDocument, followerOf } from '../src/local-edits.ts'
import type { Replica } from '../src/replica.ts'
import { chunkPrefix } from '../src/stored-keys.ts'
import { keyOf, Lab, type Node } from './replica-lab.ts'

const path = 'notes/x'

function act(node: Node, task: (replica: Replica) => void): void {
  task(node.replica)
  node.run(node.replica.takeEffects())
  node.lab.settle()
}

function compact(node: Node, force = false): void {
  const errors: unknown[] = []
  const compaction = { force, onDone: () => {}, onRefused: (error: unknown) => errors.push(error) }
  act(node, (replica) => compactPath(replica, path, compaction))
  if (errors.length > 0) throw errors[0]
}

function liveId(node: Node): string {
  return node.replica.catalogue.winner(path)?.documentId ?? ''
}

function bytesOn(node: Node, id: string): number {
  return node.disk.scan(chunkPrefix(id)).reduce((sum, { value }) => sum + value.length, 0)
}

function pair(): { lab: Lab; a: Node; b: Node; link: number; old: string } {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, (doc) => doc.lines.push('1'), { lines: [], text: 'hello' })
  const link = lab.connect(a, b)
  lab.settle()
  return { lab, a, b, link, old: liveId(a) }
}

test('a new epoch holds the content without the past, and the past goes everywhere', () => {
  const { lab, a, b, old } = pair()
  for (let at = 0; at < 40; at++) a.edit(path, (doc) => (doc.count = at))
  lab.settle()
  const before = bytesOn(b, old)
  compact(a)
  expect(liveId(a)).not.toBe(old)
  expect(a.read(path)).toEqual({ lines: ['1'], text: 'hello', count: 39 })
  expect(b.read(path)).toEqual(a.read(path))
  expect([bytesOn(a, old), bytesOn(b, old)]).toEqual([0, 0])
  expect(bytesOn(b, liveId(b))).toBeLessThan(before)
  expect(a.picture).toBe(b.picture)
})

test('whoever begins the epoch, with the same heads it is the same document', () => {
  const { lab, a, b, link } = pair()
  lab.cut(link)
  compact(a)
  compact(b)
  expect(liveId(a)).toBe(liveId(b))
  lab.connect(a, b)
  lab.settle()
  expect(a.picture).toBe(b.picture)
  expect(a.read(path)).toEqual({ lines: ['1'], text: 'hello' })
})

test('edits to the old epoch go on into the new one, once, whoever has them', () => {
  const { lab, a, b, link, old } = pair()
  const c = lab.node('c')
  const other = lab.connect(b, c)
  lab.settle()
  lab.cut(link)
  // What the epoch begins with stands before the place where the others go on.
  a.edit(path, (doc) => Automerge.splice(doc, ['text'], 0, 0, 'Oh, '))
  compact(a)
  a.edit(path, (doc) => doc.lines.push('a2'))
  b.edit(path, (doc) => Automerge.splice(doc, ['text'], 5, 0, ' world'))
  b.edit(path, (doc) => doc.lines.push('b2'))
  lab.settle()
  c.edit(path, (doc) => doc.lines.push('c2'))
  c.edit(path, (doc) => delete doc.missing)
  lab.settle()
  lab.cut(other)
  // Both have the same edits of b, and carry them over on their own.
  lab.connect(a, b)
  lab.connect(a, c)
  lab.settle()
  lab.connect(b, c)
  lab.settle()
  const content = a.read(path) as { lines: string[]; text: string }
  expect(content.lines.toSorted()).toEqual(['1', 'a2', 'b2', 'c2'])
  expect(content.text).toBe('Oh, hello world')
  expect([b.read(path), c.read(path)]).toEqual([content, content])
  expect(a.picture).toBe(b.picture)
  expect([a, b, c].map((node) => bytesOn(node, old))).toEqual([0, 0, 0])
})

test('of concurrent successors the lower hash wins, and the edits of the other go on into it', () => {
  const { lab, a, b, link } = pair()
  lab.cut(link)
  a.edit(path, (doc) => doc.lines.push('before a'))
  b.edit(path, (doc) => Automerge.splice(doc, ['text'], 0, 0, '>> '))
  compact(a)
  compact(b)
  expect(liveId(a)).not.toBe(liveId(b))
  a.edit(path, (doc) => doc.lines.push('after a'))
  b.edit(path, (doc) => Automerge.splice(doc, ['text'], doc.text.length, 0, ' <<'))
  b.edit(path, (doc) => (doc.map = { deep: [1, 2] }))
  lab.connect(a, b)
  lab.settle()
  expect(liveId(a)).toBe(liveId(b))
  expect(a.read(path)).toEqual({
    lines: ['1', 'before a', 'after a'],
    text: '>> hello <<',
    map: { deep: [1, 2] },
  })
  expect(b.read(path)).toEqual(a.read(path))
  expect(a.picture).toBe(b.picture)
})

test('a key that was deleted in the old epoch goes in the new one', () => {
  const { lab, a, b, link } = pair()
  a.edit(path, (doc) => (doc.gone = { x: 1 }))
  lab.settle()
  lab.cut(link)
  compact(a)
  b.edit(path, (doc) => delete doc.gone)
  lab.connect(a, b)
  lab.settle()
  expect(a.read(path)).toEqual({ lines: ['1'], text: 'hello' })
  expect(a.picture).toBe(b.picture)
})

test('with force the past goes at once; edits that come later are quarantined and told', () => {
  const { lab, a, b, link, old } = pair()
  lab.cut(link)
  a.edit(path, (doc) => doc.lines.push('2'))
  compact(a, true)
  expect(bytesOn(a, old)).toBe(0)
  b.edit(path, (doc) => doc.lines.push('late'))
  lab.connect(a, b)
  lab.settle()
  expect(a.read(path)).toMatchObject({ lines: ['1', '2'] })
  const told = a.events.filter((event) => event.type === 'document:quarantined')
  expect(told.length).toBeGreaterThan(0)
  expect(bytesOn(a, old)).toBeGreaterThan(0)
  expect(bytesOn(b, old)).toBeGreaterThan(0)
})

test('a power cut between the epoch and what follows loses nothing', () => {
  const { lab, a, b, link, old } = pair()
  lab.cut(link)
  compact(a)
  b.edit(path, (doc) => doc.lines.push('b2'))
  lab.connect(a, b)
  for (let step = 0; step < 400; step++) {
    lab.step()
    if (step % 40 !== 39) continue
    lab.node(step % 80 === 39 ? 'a' : 'b').crash()
    lab.connect(a, b)
  }
  lab.settle()
  expect(a.read(path)).toMatchObject({ lines: ['1', 'b2'] })
  expect(a.picture).toBe(b.picture)
  expect([bytesOn(a, old), bytesOn(b, old)]).toEqual([0, 0])
})

test('marks of a text, which a successor could not hold, refuse it', () => {
  const { lab, a } = pair()
  a.edit(path, (doc) => {
    Automerge.mark(doc, ['text'], { start: 0, end: 2, expand: 'none' }, 'bold', true)
  })
  lab.settle()
  expect(() => compact(a)).toThrow(expect.objectContaining({ code: 'ERR_VALUE_UNSUPPORTED' }))
})

test('blocks of a text, which a successor could not hold, refuse it', () => {
  const { lab, a, old } = pair()
  a.edit(path, (doc) => Automerge.splitBlock(doc, ['text'], 2, { kind: 'heading' }))
  lab.settle()
  expect(() => compact(a)).toThrow(expect.objectContaining({ code: 'ERR_VALUE_UNSUPPORTED' }))
  expect(liveId(a)).toBe(old)
})

test('a text with the character that stands for a block, and no block, begins one', () => {
  const { a, old } = pair()
  a.edit(path, (doc) => (doc.plain = 'x\u{FFFC}y'))
  compact(a)
  expect(liveId(a)).not.toBe(old)
  expect(a.read(path)).toMatchObject({ plain: 'x\u{FFFC}y' })
})

test('who may not delete may not begin an epoch, here and elsewhere', () => {
  const lab = new Lab({ policy: (_author, action) => action !== 'delete' })
  const a = lab.node('a')
  a.edit(path, (doc) => (doc.n = 1))
  expect(() => compact(a)).toThrow(expect.objectContaining({ code: 'ERR_NOT_ALLOWED' }))
})

test('whoever opens a new epoch before its content is there waits for it', () => {
  const { lab, a, b, link } = pair()
  lab.cut(link)
  compact(a)
  a.edit(path, (doc) => doc.lines.push('2'))
  const c = lab.node('c')
  lab.connect(b, c)
  lab.settle()
  const wire = lab.connect(a, c)
  lab.runUntil(() => (c.replica.catalogue.winner(path)?.generation ?? 0) === 1)
  const opened: unknown[] = []
  const opening = {
    onOpen: () => opened.push('open'),
    onRefused: (error: unknown) => opened.push(error),
  }
  beginDocument(c.replica, path, { lines: [] }, opening)
  expect(opened).toEqual([])
  c.run(c.replica.takeEffects())
  lab.settle()
  expect(opened).toEqual(['open'])
  expect(c.read(path)).toEqual(a.read(path))
  lab.cut(wire)
})

test('an epoch of somebody who may not delete is not taken from a peer', () => {
  const { authorId } = keyOf('a')
  // The policy of the one device lets her, that of the other does not.
  const lab = new Lab({
    policy: (author, action) => action !== 'delete' || lax || author !== authorId,
  })
  let lax = true
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, (doc) => (doc.n = 1))
  lab.connect(a, b)
  lab.settle()
  const old = liveId(a)
  lab.cutAll(a)
  compact(a)
  lax = false
  lab.connect(a, b)
  lab.settle()
  expect(liveId(b)).toBe(old)
  expect(b.read(path)).toEqual({ n: 1 })
})

test('a successor has the id that its document gives it, or is refused', () => {
  const { a } = pair()
  const winner = a.replica.catalogue.winner(path)
  if (!winner) throw new Error('no record')
  const covered = a.replica.document(winner.documentId).heads
  const content = { ...followerOf(winner, { documentId: '11'.repeat(16), state: 'live' }), covered }
  const record = signRecord('lab', content, a.author)
  expect(() => a.replica.addRecord(record, 'local')).toThrow(
    expect.objectContaining({ code: 'ERR_SYNC_PROTOCOL' }),
  )
})
