import { createFakeDisk } from '@vudo/storage'
import { expect, test } from 'vitest'
import { deletePath, forgetPath, lookAtDeleted, restorePath } from '../src/deletion.ts'
import { removePath, renamePath } from '../src/local-edits.ts'
import type { Replica } from '../src/replica.ts'
import { chunkPrefix } from '../src/stored-keys.ts'
import { decodeMessage } from '../src/wire.ts'
import { Lab, type Node } from './replica-lab.ts'

const path = 'notes/x'

function act(node: Node, task: (replica: Replica) => void): void {
  task(node.replica)
  node.run(node.replica.takeEffects())
  node.lab.settle()
}

function idOf(node: Node): string {
  return node.replica.catalogue.chain(path).at(-1)?.documentId ?? ''
}

function bytesOn(node: Node, id: string): number {
  return node.disk.scan(chunkPrefix(id)).length
}

function contentAt(node: Node): string | undefined {
  let found: string | undefined
  act(node, (replica) => {
    lookAtDeleted(replica, replica.catalogue.winner(path)!, (content) => (found = content))
  })
  return found
}

function eventsOf(node: Node, type: string): number {
  return node.events.filter((event) => event.type === type).length
}

function pair(): { lab: Lab; a: Node; b: Node; link: number } {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, (doc) => doc.lines.push('1'), { lines: [] })
  const link = lab.connect(a, b)
  lab.settle()
  return { lab, a, b, link }
}

test('bytes go from every disk when all known peers have stored the deletion, and not before', () => {
  const { lab, a, b, link } = pair()
  const id = idOf(a)
  lab.cut(link)
  act(a, (replica) => removePath(replica, path))
  expect(bytesOn(a, id)).toBeGreaterThan(0)
  expect(contentAt(a)).toBe('covered')
  lab.connect(a, b)
  lab.settle()
  expect([bytesOn(a, id), bytesOn(b, id)]).toEqual([0, 0])
  expect([contentAt(a), contentAt(b)]).toEqual(['gone', 'gone'])
  expect(eventsOf(b, 'document:deleted-with-edits')).toBe(0)
})

test('an edit that the deletion did not know stays, is told, and can be taken back', () => {
  const { lab, a, b, link } = pair()
  const id = idOf(a)
  lab.cut(link)
  act(a, (replica) => removePath(replica, path))
  b.edit(path, (doc) => doc.lines.push('2'))
  lab.connect(a, b)
  lab.settle()
  expect([a.read(path), b.read(path)]).toEqual([undefined, undefined])
  expect([contentAt(a), contentAt(b)]).toEqual(['edited', 'edited'])
  expect(eventsOf(a, 'document:deleted-with-edits')).toBeGreaterThan(0)
  expect(eventsOf(b, 'document:deleted-with-edits')).toBeGreaterThan(0)
  expect(bytesOn(b, id)).toBeGreaterThan(0)
  act(b, (replica) => restorePath(replica, path))
  expect(a.read(path)).toEqual({ lines: ['1', '2'] })
})

test('the clock decides nothing: an edit with an older time is as new', () => {
  // The lab's clock stands still; order comes from ancestry alone.
  const { lab, a, b, link } = pair()
  lab.cut(link)
  b.edit(path, (doc) => doc.lines.push('older'))
  act(a, (replica) => removePath(replica, path))
  lab.connect(a, b)
  lab.settle()
  expect(contentAt(b)).toBe('edited')
})

test('a second deletion covers what has come since', () => {
  const { lab, a, b, link } = pair()
  const id = idOf(a)
  lab.cut(link)
  act(a, (replica) => removePath(replica, path))
  b.edit(path, (doc) => doc.lines.push('2'))
  lab.connect(a, b)
  lab.settle()
  act(a, (replica) => removePath(replica, path))
  expect([bytesOn(a, id), bytesOn(b, id)]).toEqual([0, 0])
})

test('what comes back while its deletion waits for a write is on the disk before it counts as stored', () => {
  const lab = new Lab()
  const [a, b, c] = [lab.node('a'), lab.node('b'), lab.node('c')]
  a.edit(path, (doc) => doc.lines.push('1'), { lines: [] })
  lab.connect(a, b)
  lab.settle()
  const line = lab.connect(b, c)
  lab.settle()
  lab.cut(line)
  c.edit(path, (doc) => doc.lines.push('of c, offline'))
  lab.settle()
  const id = idOf(a)
  // The pause after a write of a is longer than its talk with the others.
  const input = a.input.bind(a)
  a.input = (event) => {
    if (event.type !== 'timer' || event.link !== 0) input(event)
  }
  act(a, (replica) => {
    removePath(replica, path)
    replica.whenDurable(() => {})
  })
  expect(a.replica.knownDocument(id)?.heads ?? []).toEqual([])
  expect(bytesOn(a, id)).toBeGreaterThan(0)
  lab.connect(a, c)
  lab.settle()
  const { heads } = c.replica.knownDocument(id)!
  expect(c.replica.knownDocument(id)?.ackByPeer.get(a.peerId)).toEqual(heads)
  lab.cutAll(a)
  a.crash()
  lab.settle()
  expect(a.replica.knownDocument(id)?.heads).toEqual(heads)
  expect(bytesOn(a, id)).toBeGreaterThan(0)
})

test('force does not wait for a peer that is away, and what it brings later is known to be old', () => {
  const { lab, a, b, link } = pair()
  const id = idOf(a)
  lab.cut(link)
  a.edit(path, (doc) => doc.lines.push('b never saw this'))
  act(a, (replica) => deletePath(replica, path, true))
  expect(bytesOn(a, id)).toBe(0)
  lab.connect(a, b)
  lab.settle()
  // It was fetched, found to be old, and let go again.
  expect(bytesOn(a, id)).toBe(0)
  expect(eventsOf(a, 'document:deleted-with-edits')).toBe(0)
  // There nobody can tell whether the deletion knew it: it stays.
  expect(contentAt(b)).toBe('unknown')
})

test('a deletion survives a power cut between the record and the bytes', () => {
  const { lab, a, b, link } = pair()
  const id = idOf(a)
  lab.cut(link)
  act(a, (replica) => removePath(replica, path))
  a.crash()
  expect(bytesOn(a, id)).toBeGreaterThan(0)
  lab.connect(a, b)
  lab.settle()
  a.crash()
  b.crash()
  lab.connect(a, b)
  lab.settle()
  expect([bytesOn(a, id), bytesOn(b, id)]).toEqual([0, 0])
  expect(a.picture).toBe(b.picture)
})

test('an open document keeps its bytes until it is closed', () => {
  const { lab, a, b } = pair()
  const id = idOf(a)
  const state = a.open(path)
  act(b, (replica) => removePath(replica, path))
  expect(bytesOn(b, id)).toBe(0)
  expect(bytesOn(a, id)).toBeGreaterThan(0)
  act(a, (replica) => replica.unpin(state))
  lab.settle()
  expect(bytesOn(a, id)).toBe(0)
})

test('a renamed document is not deleted with its old path', () => {
  const { lab, a, b } = pair()
  act(a, (replica) => {
    renamePath(replica, path, 'notes/y')
  })
  lab.settle()
  expect(b.read('notes/y')).toEqual({ lines: ['1'] })
  expect(bytesOn(b, idOf(a))).toBeGreaterThan(0)
})

test('to forget is local: others keep it, and it is not taken again until it is opened', () => {
  const { lab, a, b } = pair()
  const id = idOf(a)
  act(b, (replica) => forgetPath(replica, path, answers(false)))
  expect(bytesOn(b, id)).toBe(0)
  a.edit(path, (doc) => doc.lines.push('2'))
  lab.settle()
  b.crash()
  lab.connect(a, b)
  lab.settle()
  expect(bytesOn(b, id)).toBe(0)
  expect(a.read(path)).toEqual({ lines: ['1', '2'] })
  b.edit(path, (doc) => (doc.seen = true))
  lab.settle()
  expect(b.read(path)).toEqual({ lines: ['1', '2'], seen: true })
  expect(a.picture).toBe(b.picture)
})

test('an edit of what was forgotten goes on beside the edits before, in the same run', () => {
  const { lab, a, b } = pair()
  b.edit(path, (doc) => (doc.before = 1))
  lab.settle()
  act(b, (replica) => forgetPath(replica, path, answers(false)))
  b.edit(path, (doc) => (doc.after = 2))
  lab.settle()
  const both = { lines: ['1'], before: 1, after: 2 }
  expect(a.read(path)).toEqual(both)
  expect(b.read(path)).toEqual(both)
  expect(eventsOf(a, 'document:quarantined') + eventsOf(b, 'document:quarantined')).toBe(0)
})

test('what is forgotten is not waited for any more', () => {
  let isLost = false
  const lab = new Lab({
    tamper: (bytes, from) => {
      const isAnswer = from === 'a' && decodeMessage(bytes).type === 'part'
      return isLost && isAnswer ? undefined : bytes
    },
  })
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, (doc) => doc.lines.push('1'), { lines: [] })
  const link = lab.connect(a, b)
  lab.settle()
  lab.cut(link)
  a.edit(path, (doc) => doc.lines.push('2'))
  lab.settle()
  // Closed, or it would come as live edits.
  a.crash()
  isLost = true
  lab.connect(a, b)
  lab.settle()
  const [peer] = b.replica.exchange.peers.values()
  expect(peer).toMatchObject({ wantsInFlight: 1 })
  act(b, (replica) => forgetPath(replica, path, answers(true)))
  expect(bytesOn(b, idOf(a))).toBe(0)
  expect(peer).toMatchObject({ wantsInFlight: 0, wants: new Map(), incoming: [] })
  const { durableArrival } = a.replica
  expect(b.replica.positionsByPeer.get(a.peerId)).toMatchObject({ arrival: durableArrival })
})

test('what nobody else has is not forgotten without force', () => {
  const lab = new Lab()
  const a = lab.node('a')
  a.edit(path, (doc) => (doc.n = 1))
  lab.settle()
  const errors: unknown[] = []
  act(a, (replica) => forgetPath(replica, path, answers(false, errors)))
  expect(errors).toMatchObject([{ code: 'ERR_DOCUMENT_ONLY_HERE' }])
  expect(bytesOn(a, idOf(a))).toBeGreaterThan(0)
  act(a, (replica) => forgetPath(replica, path, answers(true)))
  expect(bytesOn(a, idOf(a))).toBe(0)
})

test('a device that lost its store gets the deletion and not the document', () => {
  const { lab, a, b } = pair()
  const id = idOf(a)
  act(a, (replica) => removePath(replica, path))
  lab.cutAll(b)
  b.disk = createFakeDisk(() => 0)
  b.boot()
  lab.connect(a, b)
  lab.settle()
  expect(b.replica.catalogue.winner(path)?.state).toBe('deleted')
  expect([bytesOn(a, id), bytesOn(b, id)]).toEqual([0, 0])
})

function answers(force: boolean, errors: unknown[] = []) {
  return { force, onForgotten: () => {}, onRefused: (error: unknown) => errors.push(error) }
}
