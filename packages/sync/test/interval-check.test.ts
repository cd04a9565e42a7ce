import { openMemoryStore } from '@vudo/storage'
import { openDatabase, parseDocumentUrl, type Database } from '@vudo/sync'
import { expect, test } from 'vitest'
import type { Policy } from '../src/replica.ts'
import { chunkPrefix, documentKey, peerKey, proofPrefix, recordKey } from '../src/stored-keys.ts'
import { encodeMessage } from '../src/wire.ts'
import { connectNetworks, createFakeNetwork } from './fake-network.ts'
import { keyOf, Lab, type LabInit, type Node } from './replica-lab.ts'
import { createWireTap, type WireTap } from './wire-tap.ts'

function pathOf(at: number): string {
  return `notes/${String(at).padStart(3, '0')}`
}

/** Two nodes that share so many documents, each on its own, and have told each other so. */
function shared(count: number, init: LabInit = {}): { lab: Lab; a: Node; b: Node; tap: WireTap } {
  const tap = createWireTap()
  const lab = new Lab({ tamper: tap.tamper, ...init })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (let at = 0; at < count; at++) a.edit(pathOf(at), (doc) => (doc.n = at))
  lab.connect(a, b)
  lab.settle()
  tap.reset()
  return { lab, a, b, tap }
}

function tick(...nodes: readonly Node[]): void {
  for (const node of nodes) node.input({ type: 'interval' })
  for (const { lab } of nodes) lab.settle()
}

/** Takes a document from a disk; where the node stands in other stores stays, and lies from now on. */
function damage(node: Node, path: string): void {
  const record = node.replica.catalogue.winner(path)!
  const { documentId: id, hash } = record
  const under = [chunkPrefix(id), proofPrefix(id)].flatMap((prefix) => node.disk.scan(prefix))
  const keys = [documentKey(id), recordKey(hash), ...under.map(({ key }) => key)]
  node.disk.append(keys.map((key) => ({ type: 'delete', key })))
  node.disk.sync()
}

test.each([
  ['few documents', 5],
  ['many, by ranges', 100],
])('a store whose cursor lies heals by itself: %s', (_name, count) => {
  for (const liar of ['a', 'b']) {
    const { lab, a, b, tap } = shared(count)
    damage(lab.node(liar), pathOf(3))
    lab.cutAll(a)
    lab.node(liar).crash()
    lab.connect(a, b)
    lab.settle()
    // Each believes what the other has said: without a look nothing is ever found out.
    const healthy = liar === 'a' ? b : a
    expect(lab.node(liar).read(pathOf(3))).toBeUndefined()
    tap.reset()
    tick(a, b)
    expect(lab.node(liar).picture).toBe(healthy.picture)
    expect(a.read(pathOf(3))).toEqual({ n: 3 })
    expect(b.read(pathOf(3))).toEqual({ n: 3 })
    // By ranges a few of them, and else each document and record once from either side, twice when both ask.
    expect(tap.entries).toBeLessThan(40)
    // What was found out is known from now on: equal, and then nothing to look at.
    tap.reset()
    tick(a, b)
    tick(a, b)
    const digests = tap.names.filter((name) => name.endsWith('digest'))
    expect(tap.names).toEqual(digests)
    expect(digests.length).toBeLessThanOrEqual(2)
    tap.reset()
    tick(a, b)
    expect(tap.names).toEqual([])
  }
})

test('a position that is ahead of what was stored is found out', () => {
  const { lab, a, b } = shared(5)
  lab.cutAll(a)
  a.edit(pathOf(7), (doc) => (doc.n = 'late'))
  lab.settle()
  // As if b had stored it: its own disk says so.
  lab.connect(a, b)
  lab.settle()
  damage(b, pathOf(7))
  lab.cutAll(a)
  b.crash()
  expect(b.disk.get(peerKey(a.peerId))).toBeDefined()
  lab.connect(a, b)
  lab.settle()
  expect(b.read(pathOf(7))).toBeUndefined()
  tick(b)
  expect(b.read(pathOf(7))).toEqual({ n: 'late' })
})

test('equal stores cost one message of 17 bytes, and nothing until something changes', () => {
  const { a, b, tap } = shared(100)
  tick(a)
  expect(tap.names).toEqual(['a digest'])
  expect(tap.bytes).toBe(17)
  tap.reset()
  // The one that was asked knows now as well.
  for (let time = 0; time < 5; time++) tick(a, b)
  expect(tap.names).toEqual([])
  b.edit(pathOf(5), (doc) => (doc.n = 'new'))
  a.lab.settle()
  tap.reset()
  tick(a)
  tick(b)
  tick(a, b)
  // Whoever has nothing under way first.
  expect(tap.names).toEqual([expect.stringMatching(/^[ab] digest$/)])
})

test('nothing is compared while something is under way', () => {
  const { lab, a, b, tap } = shared(3, { holdsWrites: (name) => name === 'b' })
  lab.releaseWrites()
  lab.settle()
  a.edit(pathOf(1), (doc) => (doc.n = 'new'))
  lab.settle()
  tap.reset()
  // b has not stored it: its digest would be another one.
  tick(a, b)
  expect(tap.names.filter((name) => name.endsWith('digest'))).toEqual([])
  while (lab.held.length > 0) {
    lab.releaseWrites()
    lab.settle()
  }
  tap.reset()
  tick(a, b)
  expect(tap.names).toContain('a digest')
  expect(tap.names.filter((name) => !name.endsWith('digest'))).toEqual([])
})

test('a difference that no comparison ends is compared more and more seldom', () => {
  const tap = createWireTap()
  const init: { policy?: Policy; tamper: WireTap['tamper'] } = { tamper: tap.tamper }
  const lab = new Lab(init)
  const a = lab.node('a')
  // Only b has a policy: it never takes what a believes to be allowed.
  init.policy = (author, action, path) =>
    !(author === a.author.authorId && action === 'write' && path === 'notes/refused')
  const b = lab.node('b')
  a.edit('notes/refused', (doc) => (doc.n = 1))
  lab.connect(a, b)
  lab.settle()
  let comparisons = 0
  for (let at = 0; at < 100; at++) {
    a.edit('notes/fine', (doc) => (doc.n = at))
    lab.settle()
    tap.reset()
    tick(a, b)
    comparisons += tap.names.filter((name) => /compare|ranges/.test(name)).length
  }
  expect(b.read('notes/fine')).toEqual({ n: 99 })
  expect(b.read('notes/refused')).toBeUndefined()
  // 1 + 3 + 7 + 15 + 31 + 63: each end for itself.
  expect(comparisons).toBeGreaterThan(2)
  expect(comparisons).toBeLessThan(15)
  expect([...a.disconnects, ...b.disconnects]).toEqual([])
})

test('a peer that sends digests without end causes one comparison', () => {
  const { lab, a: victim, b: mallory, tap } = shared(100)
  // At the first meeting one had nothing to compare.
  lab.cutAll(victim)
  const link = lab.connect(victim, mallory)
  lab.settle()
  tap.reset()
  const looks = countLooks(victim)
  for (let at = 0; at < 1_000; at++) {
    const digest = at.toString(16).padStart(32, '0')
    victim.input({
      type: 'peer-message',
      link,
      bytes: encodeMessage({ type: 'digest', digest }),
    })
  }
  expect(looks()).toBeLessThanOrEqual(3)
  lab.settle()
  expect(tap.names.filter((name) => name.endsWith('ranges'))).toHaveLength(1)
  expect(mallory.picture).toBe(victim.picture)
})

/** How often everything in the store was looked at. */
function countLooks({ replica }: Node): () => number {
  let count = 0
  const { catalogue } = replica
  const paths = catalogue.paths.bind(catalogue)
  catalogue.paths = () => {
    count += 1
    return paths()
  }
  return () => count
}

test('databases look by themselves, at their interval, and stop with it', async () => {
  const stores = [await openMemoryStore(), await openMemoryStore()] as const
  const networks = [createFakeNetwork('a'), createFakeNetwork('b')] as const
  const start = (at: 0 | 1): Promise<Database> =>
    openDatabase({
      id: 'db',
      store: stores[at],
      author: keyOf(networks[at].peerId),
      network: networks[at],
      syncIntervalMs: 20,
    })
  const [a, b] = [await start(0), await start(1)]
  let part = connectNetworks(...networks, 'db')
  await a.writeDoc('notes/x', { text: 'there' })
  await a.whenSynced()
  const [entry] = await a.ls()
  const id = parseDocumentUrl(entry?.documentId ?? '') ?? ''
  part()
  await b.close()
  const keys: Uint8Array[] = [documentKey(id)]
  for await (const { key } of stores[1].scan({ prefix: chunkPrefix(id) })) keys.push(key)
  await stores[1].write(keys.map((key) => ({ type: 'delete', key })))
  const again = await start(1)
  expect(await again.readDoc('notes/x')).toBeUndefined()
  part = connectNetworks(...networks, 'db')
  await expect.poll(() => again.readDoc('notes/x')).toEqual({ text: 'there' })
  part()
  await Promise.all([a.close(), again.close()])
  for (const store of stores) await store.close()
})

test.each([0, -1, 1.5, 2_147_483_648, Number.NaN])(
  'refuses an interval of %d',
  async (interval) => {
    const store = await openMemoryStore()
    const opening = openDatabase({ id: 'db', store, author: keyOf('a'), syncIntervalMs: interval })
    await expect(opening).rejects.toThrow(RangeError)
    await store.close()
  },
)
