import { simulate } from '@vudo/testing'
import { expect, test } from 'vitest'
import { runReplicas } from './replica-simulation.ts'

const shapes = {
  star: [
    ['hub', 'a'],
    ['hub', 'b'],
    ['hub', 'c'],
    ['d', 'hub'],
  ],
  ring: [
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'd'],
    ['d', 'a'],
  ],
  line: [
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'd'],
    ['d', 'e'],
  ],
} as const

test.each(Object.entries(shapes))('many seeds in a %s', (_name, links) => {
  const faults = { crashRate: 0.003, cutRate: 0.004, partitionRate: 0.001 }
  const summary = simulate({
    seeds: 20,
    faults,
    run: (simulation) => runReplicas(simulation, { links, bug: 'none', forMs: 8_000 }),
  })
  expect(summary.runs).toBe(20)
})
