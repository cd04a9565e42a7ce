/** Whole nodes where routers drop UDP: `npm run netlab -- udp-blocked [--logs=<folder>]`. */
import { conclude, runTrials } from './support/flow-scenario.mjs'
import { parseLogs } from './support/scene.mjs'

const pairs = [
  ['udpblock', 'moderate'],
  ['udpblock', 'none'],
  ['udpblock', 'udpblock'],
]

/** Runs it with the words of the command line, and gives the status to exit with. */
export async function run(args) {
  const logs = parseLogs(args)
  const trials = pairs.map(([a, b]) => ({ name: `${a} and ${b}`, kinds: { a, b } }))
  return conclude('udp-blocked', await runTrials('udp-blocked', trials, { logs }))
}
