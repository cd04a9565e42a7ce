import { expect, test } from 'vitest'
import type { DocumentState } from '../src/document-state.ts'
import { editDocument } from '../src/local-edits.ts'
import { liveTimer } from '../src/replica.ts'
import { Lab, nowMs, type Node } from './replica-lab.ts'
import { createWireTap, type WireTap } from './wire-tap.ts'

interface Circle {
  readonly lab: Lab
  readonly tap: WireTap
  readonly hub: Node
  readonly readers: readonly Node[]
  readonly state: DocumentState
  /** Edits at the hub; the rest that follows lasts until {@link Circle.rested}. */
  readonly edit: (line: number) => void
  readonly rested: () => void
}

/** A node that edits, and others that have the document from it. */
function circle(count = 3): Circle {
  const tap = createWireTap()
  const lab = new Lab({ tamper: tap.tamper })
  const hub = lab.node('hub')
  const readers = Array.from({ length: count }, (_, at) => lab.node(`r${at}`))
  const state = hub.open('notes/x', { lines: [] })
  for (const reader of readers) lab.connect(hub, reader)
  lab.settle()
  const edit = (line: number): void => {
    const write = (doc: Record<string, any>): void => void doc['lines'].push(line)
    editDocument(hub.replica, state, write, { nowMs })
    hub.run(hub.replica.takeEffects().filter(({ type }) => type !== 'rest'))
  }
  const rested = (): void => hub.input({ type: 'timer', link: liveTimer })
  edit(0)
  lab.settle()
  rested()
  lab.settle()
  tap.reset()
  return { lab, tap, hub, readers, state, edit, rested }
}

function linesOf(node: Node): readonly number[] {
  return (node.read('notes/x') as { lines: number[] }).lines
}

function messagesOf(tap: WireTap, name: string): number {
  return tap.names.filter((one) => one === name).length
}

test('the first edit goes at once, and those of the rest after it in one message for each peer', () => {
  const { lab, tap, readers, edit, rested } = circle()
  for (const line of [1, 2, 3, 4, 5]) edit(line)
  lab.settle()
  expect([messagesOf(tap, 'hub edits'), tap.changes]).toEqual([3, 3])
  for (const reader of readers) expect(linesOf(reader)).toEqual([0, 1])
  rested()
  lab.settle()
  expect([messagesOf(tap, 'hub edits'), tap.changes]).toEqual([6, 15])
  for (const reader of readers) expect(linesOf(reader)).toEqual([0, 1, 2, 3, 4, 5])
})

test('what waits for the end of a rest is not announced, although it is stored', () => {
  const { lab, tap, state, edit, rested } = circle()
  edit(1)
  edit(2)
  lab.settle()
  expect(state.durableHeads).toEqual(state.heads)
  expect(tap.entries).toBe(0)
  rested()
  lab.settle()
  expect(tap.names.filter((name) => name.endsWith('want') || name.endsWith('part'))).toEqual([])
})

test('nobody who waits waits for the end of a rest', () => {
  const { lab, hub, readers, edit } = circle()
  edit(1)
  edit(2)
  hub.replica.exchange.hurry()
  hub.run(hub.replica.takeEffects())
  lab.settle()
  for (const reader of readers) expect(linesOf(reader)).toEqual([0, 1, 2])
  expect(hub.replica.unstoredCount).toBe(0)
})

test('a peer that does not get the edits live is told of them when the rest is over', () => {
  const { lab, hub, edit, rested } = circle(1)
  edit(1)
  edit(2)
  const late = lab.node('late')
  lab.connect(hub, late)
  lab.settle()
  rested()
  lab.settle()
  expect(linesOf(late)).toEqual([0, 1, 2])
})

test('a peer is not sent back what it has sent, however long the rest was', () => {
  const { lab, tap, hub, readers, edit, rested } = circle(1)
  const [reader] = readers
  edit(1)
  edit(2)
  for (const line of [3, 4, 5]) reader?.edit('notes/x', (doc) => doc.lines.push(line))
  lab.settle()
  tap.reset()
  rested()
  lab.settle()
  expect([messagesOf(tap, 'hub edits'), tap.changes]).toEqual([1, 1])
  expect(reader && hub.picture === reader.picture).toBe(true)
})
