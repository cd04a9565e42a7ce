import { afterEach, describe, expect, it } from 'vitest'
import {
  conformanceCases,
  resultsToTable,
  testTransport,
  type CaseResult,
  type ConformanceOptions,
} from '@vudo/transport-conformance'
import { loopFeatures, loopHandshakeMs, LoopWorld } from './loop-transport.ts'

interface Run {
  readonly results: readonly CaseResult[]
  readonly thrown: readonly unknown[]
  readonly lines: readonly string[]
}

const worlds: LoopWorld[] = []

afterEach(() => {
  for (const { leftBehind } of worlds.splice(0)) leftBehind.forEach((one) => clearInterval(one))
})

function optionsFor(world: LoopWorld): Omit<ConformanceOptions, 'test'> {
  worlds.push(world)
  return {
    make: (context) => world.make(context),
    manifest: { features: loopFeatures, pipes: true },
    raw: world.raw,
    cut: (connection) => world.cut(connection),
    handshakeTimeoutMs: loopHandshakeMs,
  }
}

/** The suite with a runner that collects, and then runs the cases that are wanted, one after another. */
async function run(
  options: Omit<ConformanceOptions, 'test'>,
  isWanted: (title: string) => boolean = () => true,
): Promise<Run> {
  const tests: { readonly name: string; readonly body: () => Promise<void> }[] = []
  const [lines, thrown]: [string[], unknown[]] = [[], []]
  const results = testTransport('loop', {
    log: (line) => void lines.push(line),
    ...options,
    test: (name, body) => tests.push({ name, body }),
  })
  for (const { name, body } of tests) {
    if (isWanted(name)) await body().catch((error: unknown) => thrown.push(error))
  }
  return { results, thrown, lines }
}

describe('the suite', () => {
  it('passes a correct transport', { timeout: 30_000 }, async () => {
    const { results, thrown, lines } = await run(optionsFor(new LoopWorld()))
    expect(thrown).toEqual([])
    expect(results.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(
      conformanceCases.map(({ id }) => `${id} passed`),
    )
    expect(lines.join('\n')).toContain(`${conformanceCases.length} passed, 0 failed, 0 skipped`)
  })

  it.each(conformanceCases.map(({ id, title }) => ({ id, title })))(
    'finds what breaks $id',
    { timeout: 15_000 },
    async ({ id, title }) => {
      const options = optionsFor(new LoopWorld(id))
      const { results, thrown } = await run(
        { ...options, caseTimeoutMs: 600, maxUnreadBytes: 1_048_576 },
        (name) => name === `loop: ${title}`,
      )
      expect(results).toEqual([expect.objectContaining({ id, outcome: 'failed' })])
      expect(thrown).toEqual([expect.objectContaining({ name: 'ConformanceError' })])
    },
  )

  it('skips only what the author has given a reason for, and says so', async () => {
    const hidden = /half-open|garbage|above the maximum|broken connection|another pipe/
    const { results, thrown, lines } = await run(
      {
        ...optionsFor(new LoopWorld()),
        manifest: { features: loopFeatures, pipes: false },
        raw: 'none: the medium is a wire in one process',
        cut: 'none: it cannot be cut',
      },
      (title) => hidden.test(title) || title.endsWith('never speaks, and serves others meanwhile'),
    )
    expect(thrown).toEqual([])
    expect(results.map(({ id, outcome, reason }) => [id, outcome, reason])).toEqual([
      ['pipes', 'skipped', 'the manifest says no pipes'],
      ['broken-connection', 'skipped', 'it cannot be cut'],
      ['half-open-peer', 'skipped', 'the medium is a wire in one process'],
      ['garbage', 'skipped', 'the medium is a wire in one process'],
      ['oversize', 'skipped', 'the medium is a wire in one process'],
    ])
    expect(lines).toContain('loop: skipped pipes: the manifest says no pipes')
  })

  it('gives every case an id of its own', () => {
    expect(new Set(conformanceCases.map(({ id }) => id)).size).toBe(conformanceCases.length)
    expect(new Set(conformanceCases.map(({ title }) => title)).size).toBe(conformanceCases.length)
  })
})

describe('resultsToTable', () => {
  it('lists every case with the first line of its reason', () => {
    const table = resultsToTable('x', [
      { id: 'one', title: 'One', outcome: 'passed', durationMs: 3.4 },
      { id: 'three', title: 'Three', outcome: 'failed', reason: 'why\nmore', durationMs: 12 },
    ])
    expect(table).toBe(
      [
        'transport x: 1 passed, 1 failed, 0 skipped',
        '  one    passed       3 ms',
        '  three  failed      12 ms  why',
      ].join('\n'),
    )
  })
})
