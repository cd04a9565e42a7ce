import { describe, expect, it } from 'vitest'
import { simulate, SimulationFailure, type SimulateSummary } from '@vudo/testing'
import { runLogs, type Bug } from './replicated-log.ts'

function simulateLogs(bug: Bug, seeds = 100): SimulateSummary {
  return simulate({ seeds, run: (simulation) => runLogs(simulation, bug) })
}

function failureOf(bug: Bug): SimulationFailure {
  try {
    simulateLogs(bug)
  } catch (error) {
    if (error instanceof SimulationFailure) return error
    throw error
  }
  throw new Error(`the bug "${bug}" was not found`)
}

describe('simulate', () => {
  it('lets a right core pass, and every kind of fault happen', () => {
    const summary = simulateLogs('none')
    expect(summary.runs).toBe(100)
    expect(summary.faults).toBeGreaterThan(1_000)
    for (const count of Object.values(summary.faultCounts)) expect(count).toBeGreaterThan(20)
  })

  it.each([
    ['acknowledges-early', /lost write/],
    ['mixes-up-syncs', /lost write/],
    ['never-resends', /agreement was not reached/],
    ['throws', /node \w+ threw: empty message/],
  ] as const)('finds the planted bug: %s', (bug, message) => {
    expect(failureOf(bug).what).toMatch(message)
  })

  it('says how to repeat a failure, and shrinks it', () => {
    const { state, message } = failureOf('acknowledges-early')
    expect(message).toMatch(/^seed \d+, steps \d+, faults \d+: /)
    expect(message).toContain(`seeds: [${state.seed}], stepLimit: ${state.safetySteps}`)
    const { seed, safetySteps } = state
    const repeat = (stepLimit: number) => () =>
      simulate({ seeds: [seed], stepLimit, run: (one) => runLogs(one, 'acknowledges-early') })
    expect(repeat(safetySteps)).toThrow(message)
    expect(repeat(safetySteps - 1)).not.toThrow()
  })

  it('carries what the test itself throws', () => {
    const cause = new Error('expected something else')
    const run = (): never => {
      throw cause
    }
    expect(() => simulate({ seeds: [7], run })).toThrow(
      expect.objectContaining({ code: 'ERR_RUN_FAILED', what: cause.message, cause }),
    )
  })
})
