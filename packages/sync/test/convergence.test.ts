import { removePath, renamePath } from '../src/local-edits.ts'
import { createRandom, type Random } from '@vudo/testing'
import { expect, test } from 'vitest'
import type { ReplicaEvent } from '../src/replica-effects.ts'
import { Lab, type Node } from './replica-lab.ts'

const shapes: ReadonlyMap<string, readonly (readonly [string, string])[]> = new Map([
  [
    'line',
    [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'd'],
    ],
  ],
  [
    'star',
    [
      ['a', 'b'],
      ['a', 'c'],
      ['a', 'd'],
    ],
  ],
  [
    'ring',
    [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'd'],
      ['d', 'a'],
    ],
  ],
])
const paths = ['notes/a', 'notes/b', 'todo/c']

function connectAll(lab: Lab, shape: string): void {
  for (const [a, b] of shapes.get(shape) ?? []) lab.connect(lab.node(a), lab.node(b))
}

function act(random: Random, node: Node): void {
  const path = random.pick(paths)
  const dice = random.int(20)
  if (dice === 0) removePath(node.replica, path)
  else if (dice === 1) {
    if (node.replica.catalogue.winner(path)?.state === 'live') {
      renamePath(node.replica, path, `${path}${random.int(3)}`)
    }
  } else {
    node.edit(path, (doc) => doc.lines.push(`${node.name}${random.int(1000)}`), { lines: [] })
  }
  node.run(node.replica.takeEffects())
}

/** Runs a whole story out of one seed. */
function story(seed: number, shape: string): object {
  const random = createRandom(seed)
  const lab = new Lab({ choose: (count) => random.int(count) })
  const nodes = ['a', 'b', 'c', 'd'].map((name) => lab.node(name))
  connectAll(lab, shape)
  for (let round = 0; round < 40; round++) {
    const node = random.pick(nodes)
    const dice = random.int(12)
    if (dice === 0) node.crash()
    else if (dice === 1) lab.cutAll(node)
    else if (dice === 2) lab.connect(node, random.pick(nodes.filter((other) => other !== node)))
    else act(random, node)
    for (let step = random.int(30); step > 0; step--) lab.step()
  }
  for (const node of nodes) lab.cutAll(node)
  lab.settle()
  connectAll(lab, shape)
  lab.settle()
  return {
    pictures: new Set(nodes.map(({ picture }) => picture)).size,
    values: new Set(nodes.map((node) => JSON.stringify(paths.map((path) => node.read(path))))).size,
    faults: nodes.flatMap(({ events }) => events.filter(isTrouble)),
  }
}

function isTrouble({ type }: ReplicaEvent): boolean {
  return type === 'document:quarantined' || type === 'peer:fault'
}

test.each([...shapes.keys()])(
  'four replicas agree in a %s, whatever crashes and breaks',
  (shape) => {
    for (let seed = 1; seed <= 6; seed++) {
      const agreed = { pictures: 1, values: 1, faults: [] }
      expect(story(seed, shape), `seed ${seed}`).toEqual(agreed)
    }
  },
)
