/**
 * Five seconds without a network while messages flow: `npm run netlab -- outage [--logs=<folder>]`.
 * Silent: packets vanish. Loud: the router's cable is out, and programs are told so. After it the
 * time is taken until messages arrive again.
 */
import { conclude, runTrials, seconds } from './support/flow-scenario.mjs'
import { setCable, setSilent } from './support/lab.mjs'
import { allTransports, flow, mark, parseLogs, recovery } from './support/scene.mjs'

const outageMs = 5_000
const kinds = { a: 'moderate', b: 'moderate' }
const cuts = {
  silent: (isOn) => setSilent('a', isOn),
  loud: (isOn) => setCable('a', !isOn),
}

/** Runs it with the words of the command line, and gives the status to exit with. */
export async function run(args) {
  const logs = parseLogs(args)
  const sets = [allTransports, ['hyperswarm'], ['relay']]
  const trials = Object.entries(cuts).flatMap(([what, cut]) =>
    sets.map((transports) => ({
      name: `${what}, ${transports.join(' + ')}`,
      kinds,
      transports,
      disturb: async (scene) => {
        cut(true)
        await flow(scene, outageMs)
        await mark(scene)
        cut(false)
        const againMs = await recovery(scene)
        return { againMs, note: `, ${seconds(againMs)} after the outage` }
      },
    })),
  )
  const results = await runTrials('outage', trials, { logs })
  const worstAgainMs = Math.max(0, ...results.map(({ againMs }) => againMs ?? 0))
  return conclude('outage', results, { worstAgainMs })
}
