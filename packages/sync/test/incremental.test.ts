import { createFakeDisk } from '@vudo/storage'
import { createRandom } from '@vudo/testing'
import { expect, test } from 'vitest'
import { chunkPrefix } from '../src/stored-keys.ts'
import { Lab, type Node } from './replica-lab.ts'
import { createWireTap, type WireTap } from './wire-tap.ts'

/** Two nodes that share ten documents, one of them with a long history. */
function synced(minComparedPaths?: number): { lab: Lab; a: Node; b: Node; tap: WireTap } {
  const tap = createWireTap()
  const lab = new Lab({ tamper: tap.tamper, ...(minComparedPaths && { minComparedPaths }) })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (let at = 0; at < 10; at++) a.edit(`notes/${at}`, (doc) => (doc.n = at))
  for (let at = 0; at < 200; at++) a.edit('notes/0', (doc) => doc.lines.push(at), { lines: [] })
  lab.connect(a, b)
  lab.settle()
  expect(b.picture).toBe(a.picture)
  tap.reset()
  return { lab, a, b, tap }
}

test('what is known of a peer survives a restart of both: nothing travels that is there', () => {
  const { lab, a, b, tap } = synced()
  a.crash()
  b.crash()
  lab.connect(a, b)
  lab.settle()
  expect(tap.changes).toBe(0)
  expect(
    tap.names.filter((name) => /want|part|received|stored$/.test(name) && !/page/.test(name)),
  ).toEqual([])
  expect(tap.bytes).toBeLessThan(1_000)
})

test('whatever crosses what, each tells in the end how far it has come: nothing is announced twice', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { tap, lab } = tapped(seed)
    const [a, b] = [lab.node('a'), lab.node('b')]
    for (let at = 0; at < 20; at++)
      a.edit(`notes/${at}`, (doc) => doc.lines.push('a'), { lines: [] })
    lab.connect(a, b)
    for (let step = 0; step < 200; step++) lab.step()
    b.edit('notes/0', (doc) => doc.lines.push('b'))
    lab.settle()
    a.crash()
    b.crash()
    tap.reset()
    lab.connect(a, b)
    lab.settle()
    expect({ seed, entries: tap.entries }).toEqual({ seed, entries: 0 })
  }
})

/** A lab in which anything may happen next. */
function tapped(seed: number): { readonly tap: WireTap; readonly lab: Lab } {
  const [tap, random] = [createWireTap(), createRandom(seed)]
  return { tap, lab: new Lab({ tamper: tap.tamper, choose: (count) => random.int(count) }) }
}

test.each(['a', 'b'])('after a restart of %s only the new changes travel', (name) => {
  const { lab, a, b, tap } = synced()
  lab.cutAll(a)
  for (let at = 0; at < 3; at++) a.edit('notes/0', (doc) => doc.lines.push(`a${at}`))
  b.edit('notes/5', (doc) => (doc.more = true))
  lab.settle()
  lab.node(name).crash()
  lab.connect(a, b)
  lab.settle()
  expect(tap.changes).toBe(4)
  expect(tap.names.filter((sent) => / (part|edits)$/.test(sent))).toHaveLength(2)
  expect(tap.bytes).toBeLessThan(3_000)
  expect(b.picture).toBe(a.picture)
})

test('who has announced what is stored does not say so again to a peer that lost where it stood', () => {
  const { lab, a, b, tap } = synced(1)
  lab.cutAll(a)
  for (let at = 0; at < 5; at++) a.edit(`notes/${at}`, (doc) => (doc.n = at + 100))
  lab.settle()
  b.replica.forgetPosition(a.peerId)
  b.run(b.replica.takeEffects())
  lab.settle()
  for (const node of [a, b]) node.crash()
  lab.connect(a, b)
  lab.settle()
  expect(b.picture).toBe(a.picture)
  expect(tap.names.filter((name) => name === 'b want')).toHaveLength(5)
  expect(tap.names).not.toContain('a stored')
})

test('a live edit of a long document costs its own change and no more', () => {
  const { lab, a, b, tap } = synced()
  a.edit('notes/0', (doc) => doc.lines.push('live'))
  lab.settle()
  expect(tap.changes).toBe(1)
  expect(tap.bytes).toBeLessThan(1_500)
  expect(b.picture).toBe(a.picture)
})

test('what is known is known of each peer by itself', () => {
  const { lab, a, b, tap } = synced()
  const c = lab.node('c')
  lab.connect(a, c)
  lab.settle()
  // Everything for the newcomer, and nothing for the one who has it.
  expect(c.picture).toBe(a.picture)
  const asked = /^b| want$| take$/
  expect(tap.names.filter((name) => asked.test(name))).toEqual(['c take'])
  tap.reset()
  lab.cutAll(c)
  a.edit('notes/1', (doc) => (doc.n = 'new'))
  lab.settle()
  expect(tap.changes).toBe(1)
  expect(b.picture).toBe(a.picture)
  a.crash()
  lab.connect(a, b)
  lab.settle()
  expect(tap.changes).toBe(1)
  lab.connect(a, c)
  lab.settle()
  expect(tap.changes).toBe(2)
  expect(c.picture).toBe(a.picture)
})

test('a peer whose store is new is sent everything once, whatever it acknowledged before', () => {
  const { lab, a, b, tap } = synced()
  lab.cutAll(b)
  b.disk = createFakeDisk(() => 0)
  b.boot()
  lab.connect(a, b)
  lab.settle()
  expect(tap.names.filter((name) => /want|take/.test(name))).toEqual(['b take'])
  expect(b.picture).toBe(a.picture)
})

test.each(['middle', 'end', 'all'])(
  'a document whose chunks are damaged (%s) is quarantined, and comes back from a peer',
  (where) => {
    const { lab, a, b } = synced()
    const { documentId } = b.replica.catalogue.winner('notes/0')!
    lab.cutAll(b)
    for (const { key, value } of b.disk.scan(chunkPrefix(documentId))) {
      if (where === 'all') value.fill(0)
      const at = where === 'middle' ? value.length >> 1 : value.length - 1
      value[at] = (value[at] ?? 0) ^ 1
      b.disk.append([{ type: 'put', key, value }])
    }
    b.disk.sync()
    b.boot()
    expect(b.read('notes/0')).not.toEqual(a.read('notes/0'))
    expect(b.events).toContainEqual(
      expect.objectContaining({ type: 'document:quarantined', id: documentId, peerId: undefined }),
    )
    lab.connect(a, b)
    lab.settle()
    expect(b.read('notes/0')).toEqual(a.read('notes/0'))
    expect(b.picture).toBe(a.picture)
  },
)
