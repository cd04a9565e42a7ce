import { createRandom } from '@vudo/testing'
import { expect, test, vi } from 'vitest'
import { isAckOf } from '../src/document-heads.ts'
import { editDocument } from '../src/local-edits.ts'
import type { ReplicaInput } from '../src/replica-effects.ts'
import { peerKey } from '../src/stored-keys.ts'
import { decodeMessage, encodeMessage } from '../src/wire.ts'
import { Lab, nowMs, type Node } from './replica-lab.ts'
import { createWireTap, type WireTap } from './wire-tap.ts'

const count = 100

function pathOf(at: number): string {
  return `notes/${String(at).padStart(4, '0')}`
}

/** Two nodes that share a hundred documents and have parted. */
function parted(): { lab: Lab; a: Node; b: Node; tap: WireTap } {
  const tap = createWireTap()
  const lab = new Lab({ tamper: tap.tamper })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (let at = 0; at < count; at++) a.edit(pathOf(at), (doc) => (doc.n = at))
  lab.connect(a, b)
  lab.settle()
  expect(b.picture).toBe(a.picture)
  lab.cutAll(a)
  tap.reset()
  return { lab, a, b, tap }
}

/** A restart that has lost where the node stands in the other's store. */
function forgetPosition(node: Node, other: Node): void {
  node.disk.append([{ type: 'delete', key: peerKey(other.peerId) }])
  node.disk.sync()
  node.crash()
}

function announced(tap: WireTap): number {
  return tap.entries
}

test.each([
  ['a', ['a']],
  ['b', ['b']],
  ['both', ['a', 'b']],
])('with the position of %s lost only what differs is announced', (_, losers) => {
  const { lab, a, b, tap } = parted()
  a.edit(pathOf(7), (doc) => (doc.by = 'a'))
  b.edit(pathOf(50), (doc) => (doc.by = 'b'))
  b.edit('notes/new', (doc) => (doc.by = 'b'))
  lab.settle()
  for (const name of losers) forgetPosition(lab.node(name), name === 'a' ? b : a)
  tap.reset()
  lab.connect(a, b)
  lab.settle()
  expect(b.picture).toBe(a.picture)
  expect(tap.names.filter((name) => name.endsWith('ranges'))).toHaveLength(1)
  expect(announced(tap)).toBeLessThan(30)
})

test('after it each knows what the other has stored, and nothing travels the next time', () => {
  const { lab, a, b, tap } = parted()
  forgetPosition(b, a)
  lab.connect(a, b)
  lab.settle()
  lab.cutAll(a)
  lab.settle()
  a.crash()
  b.crash()
  tap.reset()
  lab.connect(a, b)
  lab.settle()
  expect(tap.names.filter((name) => /ranges|want|part|take/.test(name))).toEqual([])
  expect(tap.bytes).toBeLessThan(1_000)
  const [state] = [...a.replica.documents()]
  expect(state && [...state.ackByPeer.keys()]).toEqual([b.peerId])
})

test('a store that holds little is sent everything at once', () => {
  const { lab, a, tap } = parted()
  const c = lab.node('c')
  c.edit('notes/c', (doc) => (doc.n = 'c'))
  lab.connect(a, c)
  lab.settle()
  expect(tap.names.filter((name) => name.endsWith('ranges'))).toEqual([])
  expect(c.picture).toBe(a.picture)
})

test('a comparison that was asked for sends ranges, and finds what was lost on one side', () => {
  const { lab, a, b, tap } = parted()
  lab.connect(a, b)
  lab.settle()
  tap.reset()
  a.replica.exchange.compareAgain()
  a.run(a.replica.takeEffects())
  lab.settle()
  expect(tap.names.filter((name) => name.endsWith('ranges'))).toEqual(['a ranges'])
  expect(announced(tap)).toBe(0)
  expect([...a.replica.exchange.peers.values()].every((peer) => peer.saidLast)).toBe(true)
})

test('an edit that is stored while the answer is under way does not count as compared', () => {
  let isLossy = false
  const lab = new Lab({
    tamper: (bytes, from) => (isLossy && from === 'a' ? undefined : bytes),
  })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (let at = 0; at < count; at++) a.edit(pathOf(at), (doc) => (doc.n = at))
  for (let time = 0; time < 2; time++) {
    lab.cutAll(a)
    lab.connect(a, b)
    lab.settle()
  }
  const state = a.open(pathOf(5))
  const late: ReplicaInput[] = []
  const slow = vi.spyOn(a, 'input').mockImplementation((input) => {
    if (input.type === 'peer-message') late.push(input)
    else a.run(a.replica.handle(input, nowMs))
  })
  a.replica.exchange.compareAgain()
  a.run(a.replica.takeEffects())
  lab.settle()
  expect(late.length).toBeGreaterThan(0)
  // Nothing of what a says from here on arrives.
  isLossy = true
  editDocument(a.replica, state, (doc: Record<string, unknown>) => (doc['n'] = 'new'), { nowMs })
  a.run(a.replica.takeEffects())
  lab.settle()
  expect(state.durableHeads).toEqual(state.heads)
  slow.mockRestore()
  for (const input of late) a.input(input)
  lab.settle()
  expect(b.read(pathOf(5))).toEqual({ n: 5 })
  expect(isAckOf(state.ackByPeer.get(b.peerId), state.heads)).toBe(false)
  isLossy = false
  lab.cutAll(a)
  lab.connect(a, b)
  lab.settle()
  expect(b.read(pathOf(5))).toEqual({ n: 'new' })
})

test('an answer without ranges, and ranges without end, are faults', () => {
  for (const message of [
    { type: 'differing', records: [1], documents: [] } as const,
    { type: 'ranges', ranges: [] } as const,
  ]) {
    let isForging = false
    const lab = new Lab({
      tamper: (bytes, from) => {
        const isEdit = isForging && from === 'mallory' && decodeMessage(bytes).type === 'edits'
        return isEdit ? encodeMessage(message) : bytes
      },
    })
    const [mallory, victim] = [lab.node('mallory'), lab.node('victim')]
    mallory.edit('notes/x', (doc) => (doc.n = 0))
    lab.connect(mallory, victim)
    lab.settle()
    isForging = true
    for (let at = 0; at < 150 && victim.disconnects.length === 0; at++) {
      lab.cutAll(mallory)
      mallory.edit('notes/x', (doc) => (doc.n = at + 1))
      lab.connect(mallory, victim)
      lab.settle()
    }
    // A comparison costs no more than it is worth; an answer to nothing ends the channel at once.
    expect(victim.disconnects).toEqual(message.type === 'differing' ? ['ERR_SYNC_PROTOCOL'] : [])
  }
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'replicas that compare by ranges agree, whoever loses what (seed %i)',
  (seed) => {
    const random = createRandom(seed)
    const lab = new Lab({ choose: (most) => random.int(most), minComparedPaths: 1 })
    const nodes = ['a', 'b', 'c'].map((name) => lab.node(name))
    for (let round = 0; round < 40; round++) {
      const node = random.pick(nodes)
      const other = random.pick(nodes.filter((one) => one !== node))
      const dice = random.int(10)
      if (dice === 0) forgetPosition(node, other)
      else if (dice === 1) lab.cutAll(node)
      else if (dice < 4) lab.connect(node, other)
      else if (dice === 4) node.replica.exchange.compareAgain()
      else node.edit(pathOf(random.int(12)), (doc) => (doc[node.name] = round))
      node.run(node.replica.takeEffects())
      for (let step = random.int(30); step > 0; step--) lab.step()
    }
    for (const node of nodes) lab.cutAll(node)
    lab.settle()
    for (const [at, node] of nodes.entries()) lab.connect(node, nodes[(at + 1) % 3] ?? node)
    lab.settle()
    expect(new Set(nodes.map(({ picture }) => picture)).size).toBe(1)
    // A fifth channel of a peer ends the first one, which is nobody's fault.
    const codes = nodes.flatMap(({ disconnects }) => disconnects)
    expect(codes.filter((code) => code !== 'ERR_SYNC_LIMIT')).toEqual([])
  },
)
