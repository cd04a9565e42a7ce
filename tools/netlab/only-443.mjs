/**
 * Whole nodes where nothing leaves but TCP to port 443, at which the relay stands:
 * `npm run netlab -- only-443 [--logs=<folder>]`.
 */
import { conclude, runTrials } from './support/flow-scenario.mjs'
import { parseLogs } from './support/scene.mjs'

const pairs = [
  ['tcp443', 'moderate'],
  ['tcp443', 'none'],
  ['tcp443', 'tcp443'],
]

/** Runs it with the words of the command line, and gives the status to exit with. */
export async function run(args) {
  const logs = parseLogs(args)
  const trials = pairs.map(([a, b]) => ({
    name: `${a} and ${b}`,
    kinds: { a, b },
    relayPort: 443,
  }))
  return conclude('only-443', await runTrials('only-443', trials, { logs }))
}
