import type { ConformanceCase } from './cases/case.ts'
import { hostileCases } from './cases/hostile-cases.ts'
import { lifeCycleCases } from './cases/life-cycle-cases.ts'
import { messageCases } from './cases/message-cases.ts'
import { peerCases } from './cases/peer-cases.ts'
import { topicCases } from './cases/topic-cases.ts'
import { ConformanceError } from './errors.ts'
import { DEFAULT_CASE_TIMEOUT_MS } from './limits.ts'
import type { ConformanceOptions } from './options.ts'
import { resultsToTable, type CaseResult } from './results.ts'
import { Scene } from './scene.ts'

/** Every case, in the order in which they run. Ids are stable: registers and badges list results under them. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...peerCases,
  ...topicCases,
  ...messageCases,
  ...lifeCycleCases,
  ...hostileCases,
]

/**
 * Puts a transport through the suite: hands each case to the runner as one test, and at
 * the end one more that prints the table.
 *
 * Cases must run one after another: one of them counts what keeps the process alive.
 *
 * @param name - What the runner and the table show.
 * @returns The results, filled while the runner runs the tests; complete when it is done.
 */
export function testTransport(name: string, options: ConformanceOptions): readonly CaseResult[] {
  const { test, log = printLine } = options
  const results: CaseResult[] = []
  for (const one of conformanceCases) {
    test(`${name}: ${one.title}`, async () => {
      const reason = one.skipReason?.(options)
      const { id, title } = one
      if (reason !== undefined) {
        log(`${name}: skipped ${id}: ${reason}`)
        results.push({ id, title, outcome: 'skipped', reason, durationMs: 0 })
        return
      }
      const startMs = performance.now()
      const error = await runCase(one, options)
      const durationMs = performance.now() - startMs
      if (!error) results.push({ id, title, outcome: 'passed', durationMs })
      else {
        results.push({ id, title, outcome: 'failed', reason: error.message, durationMs })
        throw error
      }
    })
  }
  test(`${name}: results`, async () => log(resultsToTable(name, results)))
  return results
}

function printLine(line: string): void {
  console.log(line)
}

/** Runs one case with a limit on its time, and cleans up in any case. */
async function runCase(
  one: ConformanceCase,
  options: ConformanceOptions,
): Promise<ConformanceError | undefined> {
  const { caseTimeoutMs = DEFAULT_CASE_TIMEOUT_MS } = options
  const scene = new Scene(options)
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const message = `${one.id} took longer than ${caseTimeoutMs} ms, waiting for: ${scene.waitingFor}`
    late.reject(new ConformanceError('ERR_CONFORMANCE_TIMEOUT', message))
  }, caseTimeoutMs)
  try {
    await Promise.race([one.run(scene), late.promise])
    return undefined
  } catch (error) {
    return errorToFailure(scene, error)
  } finally {
    clearTimeout(timer)
    await scene.close()
  }
}

/** What the transport threw where nothing should go wrong is a failure too, told with the place. */
function errorToFailure(scene: Scene, error: unknown): ConformanceError {
  if (error instanceof ConformanceError) return error
  const message = `${scene.waitingFor} failed: ${String(error)}`
  return new ConformanceError('ERR_CONFORMANCE_BROKEN', message, { cause: error })
}
