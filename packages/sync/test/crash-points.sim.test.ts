/** Power cuts and broken lines at every single step of a story, one run for each. */
import * as Automerge from '@automerge/automerge'
import { createFakeDisk } from '@vudo/storage'
import { expect, test, vi } from 'vitest'
import { chunkPrefix } from '../src/stored-keys.ts'
import { Lab, type LabInit, type Node } from './replica-lab.ts'

// A run for each step: two seconds of work, more on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

/** What is known to be durable: the node, the document, and heads. */
interface Promised {
  readonly node: string
  readonly id: string
  readonly heads: readonly string[]
}

interface Story {
  readonly lab: Lab
  readonly nodes: readonly [Node, Node]
  /** Steps until nothing was under way. */
  readonly steps: number
  readonly promised: readonly Promised[]
}

/** Edits of both devices, some of them while older ones are still on their way. */
const script: ReadonlyMap<number, readonly [node: 0 | 1, path: string]> = new Map([
  [0, [0, 'notes/x']],
  [2, [1, 'notes/x']],
  [6, [1, 'notes/y']],
  [14, [0, 'notes/x']],
])

/** Runs the story; `disturb` is called before each step, and may cut power or lines. */
function tell(init: LabInit, disturb: (step: number, story: Story) => void): Story {
  const lab = new Lab(init)
  const nodes = [lab.node('a'), lab.node('b')] as const
  const promised: Promised[] = []
  const story = { lab, nodes, promised, steps: 0 }
  lab.connect(...nodes)
  const lastEdit = Math.max(...script.keys())
  for (let step = 0; ; step++) {
    disturb(step, story)
    const [at, path] = script.get(step) ?? []
    if (at !== undefined && path !== undefined) edit(nodes[at], path, step, promised)
    const isIdle = !lab.step()
    collect(nodes, promised)
    if (isIdle && step >= lastEdit) return { ...story, steps: step }
  }
}

/** A user's write; it counts from the moment at which it is said to be durable. */
function edit(node: Node, path: string, step: number, promised: Promised[]): void {
  node.edit(path, (doc) => doc.lines.push(`${node.name}${step}`), { lines: [] })
  const { id, heads } = node.replica.document(node.replica.catalogue.winner(path)!.documentId)
  node.replica.whenDurable(() => promised.push({ node: node.name, id, heads }))
}

/** Acknowledgements that arrived are promises of the other node. */
function collect(nodes: readonly [Node, Node], promised: Promised[]): void {
  for (const [at, { events }] of nodes.entries()) {
    for (const event of events.splice(0)) {
      if (event.type !== 'acknowledged' || event.durability !== 'stored') continue
      promised.push({ node: nodes.at(1 - at)!.name, id: event.id, heads: event.heads })
    }
  }
}

/** Promises that the disk of a node does not keep. */
function broken(node: Node, promised: readonly Promised[]): readonly Promised[] {
  return promised.filter(({ node: name, id, heads }) => {
    if (name !== node.name) return false
    let held = Automerge.init()
    for (const { value } of node.disk.scan(chunkPrefix(id)))
      held = Automerge.loadIncremental(held, value)
    const isKept = Automerge.hasHeads(held, [...heads])
    Automerge.free(held)
    return !isKept
  })
}

const calm = tell({}, () => {})

test('the story of these tests says something: promises are made, and both devices agree', () => {
  const [a, b] = calm.nodes
  expect(a.picture).toBe(b.picture)
  expect(calm.steps).toBeGreaterThan(30)
  expect(calm.promised.length).toBeGreaterThan(8)
})

test.each(['a', 'b'])('power of %s lost at every step: nothing acknowledged is lost', (name) => {
  for (let at = 0; at <= calm.steps; at++) {
    let lost: readonly Promised[] = []
    // Of what was not synced nothing survives, or half of it, or nearly all.
    const survives = (): number => (at % 3) / 2.1
    const { lab, nodes } = tell({ survives }, (step, story) => {
      if (step !== at) return
      const node = story.lab.node(name)
      node.crash()
      lost = broken(node, story.promised)
      story.lab.connect(...story.nodes)
    })
    lab.settle()
    expect(lost, `power lost at step ${at}`).toEqual([])
    expect(nodes[0].picture, `power lost at step ${at}`).toBe(nodes[1].picture)
  }
})

test('the line broken at every step, with what was on it: all is as if it had never broken', () => {
  for (let at = 0; at <= calm.steps; at++) {
    const { lab, nodes, promised } = tell({}, (step, story) => {
      if (step !== at) return
      story.lab.cutAll(story.nodes[0])
      story.lab.connect(...story.nodes)
    })
    lab.settle()
    expect(nodes[0].picture, `line broken at step ${at}`).toBe(nodes[1].picture)
    for (const node of nodes) expect(broken(node, promised)).toEqual([])
    const { lines } = nodes[0].read('notes/x') as { lines: string[] }
    expect(lines.toSorted(), `line broken at step ${at}`).toEqual(['a0', 'a14', 'b2'])
  }
})

test('these checks find a disk that says "durable" and forgets', () => {
  let lost: readonly Promised[] = []
  tell({}, (step, { lab, promised }) => {
    if (step !== calm.steps - 1) return
    const node = lab.node('b')
    node.disk = createFakeDisk(() => 0)
    node.crash()
    lost = broken(node, promised)
  })
  expect(lost).not.toEqual([])
})
