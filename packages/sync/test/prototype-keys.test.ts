import * as Automerge from '@automerge/automerge'
import { openMemoryStore } from '@vudo/storage'
import { isSyncError, openDatabase, type Database } from '@vudo/sync'
import { expect, onTestFinished, test } from 'vitest'
import { readChanges, vetBundle, vetDocument } from '../src/automerge-chunks.ts'
import { keyOf, Lab } from './replica-lab.ts'

const refused = expect.objectContaining({ code: 'ERR_VALUE_UNSUPPORTED' })

async function database(): Promise<Database> {
  const store = await openMemoryStore()
  const opened = await openDatabase({ id: 'db', store, author: keyOf('a') })
  onTestFinished(() => opened.close())
  return opened
}

function assertUnpolluted(): void {
  const empty: Record<string, unknown> = {}
  expect(empty['polluted']).toBeUndefined()
  expect(empty['isAdmin']).toBeUndefined()
}

/** What a program without these checks writes, in any place of a document. */
function poisoned(place: 'root' | 'deep' | 'list'): Automerge.Doc<{ deep: object }> {
  const doc = Automerge.from({ deep: {}, list: [{}] })
  const backend = Automerge.getBackend(doc)
  const parent = place === 'root' ? '_root' : place === 'deep' ? '/deep' : '/list/0'
  backend.putObject(parent, '__proto__', { isAdmin: true })
  backend.commit()
  return doc
}

test('PP1: what Automerge makes of the key is what must not come in', () => {
  const doc = Automerge.load<Record<string, unknown>>(Automerge.save(poisoned('root')))
  expect(doc['isAdmin']).toBe(true)
  expect(Object.hasOwn(doc, 'isAdmin')).toBe(false)
  assertUnpolluted()
})

test.each(['root', 'deep', 'list'] as const)('PP1: __proto__ is refused, %s', (place) => {
  const doc = poisoned(place)
  expect(() => vetDocument(Automerge.save(doc))).toThrow(refused)
  expect(() => readChanges(Automerge.saveSince(doc, []))).toThrow(refused)
  const hashes = Automerge.getChangesMetaSince(doc, []).map(({ hash }) => hash)
  expect(() => vetBundle(Automerge.saveBundle(doc, hashes))).toThrow(refused)
})

test('PP1: an edit of our own that writes it is refused, and nothing changes', async () => {
  const opened = await database()
  const handle = await opened.open<Record<string, unknown>>('notes/x', { text: 'a' })
  const evil: unknown = JSON.parse('{"__proto__":{"isAdmin":true}}')
  expect(() => handle.change((doc) => (doc['evil'] = evil))).toThrow(refused)
  expect(() => handle.change((doc) => (doc['__proto__'] = { isAdmin: true }))).toThrow(refused)
  expect(handle.current).toEqual({ text: 'a' })
  await expect(opened.writeDoc('notes/x', { text: 'a', evil })).rejects.toThrow(refused)
  await expect(opened.open('notes/y', { evil })).rejects.toThrow(refused)
  assertUnpolluted()
})

test('PP1: kin of it and texts about it are ordinary content, own properties of what is read', async () => {
  const opened = await database()
  const handle = await opened.open<Record<string, unknown>>('notes/x', {})
  const content = {
    constructor: { prototype: { polluted: true } },
    prototype: 1,
    toString: 'no function',
    hasOwnProperty: false,
    text: `the key __proto__ ${'is long '.repeat(60)}`,
  }
  handle.change((doc) => Object.assign(doc, content))
  expect(Object.keys(handle.current).toSorted()).toEqual(Object.keys(content).toSorted())
  expect(Object.getPrototypeOf(handle.current)).toBe(Object.prototype)
  expect(await opened.readDoc('notes/x')).toEqual(content)
  assertUnpolluted()
})

test.each([
  [64, 'fine'],
  [65, 'ERR_VALUE_UNSUPPORTED'],
  [10_000, 'ERR_VALUE_UNSUPPORTED'],
])('SY3: a depth of %i is found out from the columns alone: %s', (depth, verdict) => {
  const backend = Automerge.getBackend(Automerge.init())
  let parent = '_root'
  for (let at = 0; at < depth; at++) parent = backend.putObject(parent, 'in', {})
  // Siblings do not count.
  for (let at = 0; at < 100; at++) backend.putObject('_root', `flat ${at}`, {})
  backend.commit()
  expect(verdictOn(backend.save())).toBe(verdict)
})

function verdictOn(saved: Uint8Array): string {
  try {
    vetDocument(saved)
    return 'fine'
  } catch (error) {
    return isSyncError(error) ? error.code : String(error)
  }
}

test('SY3: a peer that gives it is told apart at once, and everything else goes on', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  const nested: Record<string, unknown> = {}
  let inner = nested
  for (let depth = 0; depth < 80; depth++) inner = inner['in'] = {}
  a.edit('notes/x', (doc) => (doc.nested = nested))
  a.edit('notes/y', (doc) => (doc.text = 'flat'))
  lab.connect(a, b)
  lab.settle()
  const faults = b.events.flatMap((event) => (event.type === 'peer:fault' ? event.code : []))
  expect(faults).toContain('ERR_VALUE_UNSUPPORTED')
  expect([...b.replica.documents()].filter(({ heads }) => heads.length > 0)).toHaveLength(1)
  expect(b.read('notes/y')).toEqual({ text: 'flat' })
})
