/** Many nodes in virtual time, in processes of their own: see simulation-process.ts. */
import { execFile } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { MAX_ACTIVE_PEERS } from '../src/limits.ts'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)

interface Result {
  readonly delivered: number
  readonly twice: number
  readonly lost: number
  readonly maxSessions: number
  readonly leastReached: number
  readonly trace: string
}

async function simulate(...args: string[]): Promise<Result> {
  const script = fileURLToPath(new URL('simulation-process.ts', import.meta.url))
  const { stdout } = await run(process.execPath, [script, ...args])
  return JSON.parse(stdout) as Result
}

describe('gossip among many nodes in virtual time', () => {
  it('delivers every message once while sessions are lost, and one seed gives one trace', async () => {
    // As many sessions are lost per minute as there are.
    const args = ['--nodes', '24', '--messages', '6', '--loss', '1', '--settle', '12']
    const [first, second, other] = await Promise.all([
      simulate(...args),
      simulate(...args),
      simulate(...args, '--seed', '2'),
    ])
    expect(first).toMatchObject({ delivered: 1, twice: 0, leastReached: 24 })
    expect(first.lost).toBeGreaterThan(0)
    expect(first.maxSessions).toBeLessThanOrEqual(MAX_ACTIVE_PEERS)
    expect(second.trace).toBe(first.trace)
    expect(other.trace).not.toBe(first.trace)
  })
})
