import { expect, test, vi } from 'vitest'
import { forgetPath } from '../src/deletion.ts'
import type * as limits from '../src/limits.ts'
import { Lab, type Node } from './replica-lab.ts'

// Building half a million operations for each test would cost more than it shows.
vi.mock('../src/limits.ts', async (original) => ({
  ...(await original<typeof limits>()),
  VET_FIRST_OPERATIONS: 1_000,
}))

const long = 'costly '.repeat(300)

function quarantinesOf(node: Node): (string | undefined)[] {
  return node.events.flatMap((event) => {
    return event.type === 'document:quarantined' ? [event.reason] : []
  })
}

function faultsOf(node: Node): string[] {
  return node.events.flatMap((event) => (event.type === 'peer:fault' ? event.code : []))
}

/** Two nodes, and what the vetting thread says of everything that it is given. */
function twoNodes(
  refusal?: string,
  onVet?: (b: Node) => void,
): { lab: Lab; a: Node; b: Node; vettings: () => number } {
  let count = 0
  const lab = new Lab({
    refusal: () => {
      count += 1
      onVet?.(lab.node('b'))
      return refusal
    },
  })
  return { lab, a: lab.node('a'), b: lab.node('b'), vettings: () => count }
}

test('a document that came unopened is opened elsewhere first, once', () => {
  const { lab, a, b, vettings } = twoNodes()
  a.edit('notes/x', (doc) => (doc.text = long))
  lab.connect(a, b)
  lab.settle()
  expect(vettings()).toBe(0)
  expect(b.read('notes/x')).toEqual({ text: long })
  expect(b.read('notes/x')).toEqual({ text: long })
  expect(vettings()).toBe(1)
  expect(quarantinesOf(b)).toEqual([])
})

test('also after a restart, when nobody remembers its numbers', () => {
  const { lab, a, b, vettings } = twoNodes()
  a.edit('notes/x', (doc) => (doc.text = long))
  lab.connect(a, b)
  lab.settle()
  b.crash()
  expect(b.read('notes/x')).toEqual({ text: long })
  expect(vettings()).toBe(1)
})

test('before it is durable as well', () => {
  const { lab, a, b, vettings } = twoNodes()
  a.edit('notes/x', (doc) => (doc.text = long))
  lab.connect(a, b)
  const isHeld = (): boolean => [...b.replica.documents()].some((state) => state.isHeld)
  lab.runUntil(isHeld)
  expect(b.read('notes/x')).toEqual({ text: long })
  expect(vettings()).toBe(1)
  lab.settle()
  expect(b.picture).toBe(a.picture)
})

test('a document over its budget is quarantined, its sender is scored down, and everything else goes on', () => {
  const { lab, a, b, vettings } = twoNodes('it takes more than 5000 ms of CPU to open')
  a.edit('notes/x', (doc) => (doc.text = long))
  a.edit('notes/y', (doc) => (doc.text = 'short'))
  lab.connect(a, b)
  lab.settle()
  expect(b.read('notes/x')).toEqual({})
  expect(quarantinesOf(b)).toEqual([expect.stringContaining('5000 ms of CPU')])
  expect(b.read('notes/y')).toEqual({ text: 'short' })
  // Another copy is refused without being opened again.
  a.edit('notes/x', (doc) => (doc.more = 1))
  lab.settle()
  expect(faultsOf(b)).toContain('ERR_DOCUMENT_TOO_LARGE')
  expect(vettings()).toBe(1)
  a.edit('notes/y', (doc) => (doc.text = 'longer'))
  lab.settle()
  expect(b.read('notes/y')).toEqual({ text: 'longer' })
})

test('a costly batch for an open document is opened elsewhere first', () => {
  for (const refusal of [undefined, 'it takes too long']) {
    const { lab, a, b, vettings } = twoNodes(refusal)
    a.edit('notes/x', (doc) => (doc.text = 'short'))
    lab.connect(a, b)
    lab.settle()
    b.edit('notes/x', (doc) => (doc.mine = 1))
    lab.settle()
    a.edit('notes/x', (doc) => (doc.added = long))
    lab.settle()
    expect(vettings()).toBeGreaterThan(0)
    const kept = { text: 'short', mine: 1 }
    expect(b.read('notes/x')).toEqual(refusal ? kept : { ...kept, added: long })
    expect(faultsOf(b).includes('ERR_DOCUMENT_TOO_LARGE')).toBe(refusal !== undefined)
  }
})

test('a batch whose document is forgotten while it is opened elsewhere is not waited for any more', () => {
  const forgotten: string[] = []
  const onForgotten = (): void => void forgotten.push('forgotten')
  const onRefused = (error: unknown): void => void forgotten.push(String(error))
  for (const refusal of [undefined, 'it takes too long']) {
    forgotten.length = 0
    const { lab, a, b } = twoNodes(refusal, ({ replica }) => {
      forgetPath(replica, 'notes/x', { force: true, onForgotten, onRefused })
      b.run(replica.takeEffects())
      lab.runUntil(() => forgotten.length > 0)
    })
    a.edit('notes/x', (doc) => (doc.text = 'short'))
    lab.connect(a, b)
    lab.settle()
    b.edit('notes/x', (doc) => (doc.mine = 1))
    lab.settle()
    a.edit('notes/x', (doc) => (doc.added = long))
    lab.settle()
    expect(forgotten).toEqual(['forgotten'])
    const [peer] = b.replica.exchange.peers.values()
    expect(peer).toMatchObject({ wantsInFlight: 0, wants: new Map(), answersDue: 0, incoming: [] })
    expect(b.replica.exchange.incomingBytes).toBe(0)
    expect(b.replica.isWriting).toBe(false)
    expect(faultsOf(b)).toEqual([])
    expect(a.read('notes/x')).toEqual({ text: 'short', mine: 1, added: long })
  }
})
