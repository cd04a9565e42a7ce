import { createRandom, type Random } from '@vudo/testing'
import { expect, test } from 'vitest'
import { Lab, type Node } from './replica-lab.ts'

const shapes: Record<string, readonly (readonly [number, number])[]> = {
  line: [
    [0, 1],
    [1, 2],
    [2, 3],
  ],
  star: [
    [0, 1],
    [0, 2],
    [0, 3],
  ],
  ring: [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 0],
  ],
}
const paths = ['notes/a', 'notes/b', 'todo/c']

function connectAll(lab: Lab, nodes: readonly Node[], shape: string): void {
  for (const [a, b] of shapes[shape]!) lab.connect(nodes[a]!, nodes[b]!)
}

function act(random: Random, node: Node): void {
  const path = random.pick(paths)
  const dice = random.int(20)
  if (dice === 0) node.replica.remove(path)
  else if (dice === 1) {
    if (node.replica.catalogue.winner(path)?.state === 'live') {
      node.replica.rename(path, `${path}${random.int(3)}`)
    }
  } else {
    node.edit(path, (doc) => doc.lines.push(`${node.name}${random.int(1000)}`), { lines: [] })
  }
  node.run(node.replica.takeEffects())
}

/** Runs a whole story out of one seed. */
function story(seed: number, shape: string): void {
  const random = createRandom(seed)
  const lab = new Lab({ choose: (count) => random.int(count) })
  const nodes = ['a', 'b', 'c', 'd'].map((name) => lab.node(name))
  connectAll(lab, nodes, shape)
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
  connectAll(lab, nodes, shape)
  lab.settle()
  const [first, ...others] = nodes.map(({ picture }) => picture)
  for (const other of others) expect(other, `seed ${seed}`).toBe(first)
  for (const path of paths) {
    const values = nodes.map((node) => JSON.stringify(node.read(path)))
    expect(new Set(values).size, `seed ${seed} ${path}`).toBe(1)
  }
  for (const node of nodes) {
    const bad = node.events.filter(
      ({ type }) => type === 'document:quarantined' || type === 'peer:fault',
    )
    expect(bad, `seed ${seed} ${node.name}`).toEqual([])
  }
}

test.each(Object.keys(shapes))(
  'four replicas agree in a %s, whatever crashes and breaks',
  (shape) => {
    for (let seed = 1; seed <= 8; seed++) story(seed, shape)
  },
)
