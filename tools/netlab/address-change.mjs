/**
 * A side gets another address while messages flow: `npm run netlab -- address-change [--logs=<folder>]`.
 * Outside: the provider gives the router another address, and all mappings are gone. Inside:
 * the host is in another network, as after a change of the wireless network.
 */
import { conclude, runTrials } from './support/flow-scenario.mjs'
import { changeInside, changeOutside } from './support/lab.mjs'
import { allTransports, flow, parseLogs } from './support/scene.mjs'

/** Milliseconds that the network is watched after the change. */
const watchMs = 15_000
const kinds = { a: 'moderate', b: 'moderate' }
const changes = {
  'outside address': () => changeOutside('a', '11.0.0.150'),
  'inside address': () => changeInside('a'),
}

/** Runs it with the words of the command line, and gives the status to exit with. */
export async function run(args) {
  const logs = parseLogs(args)
  const sets = [allTransports, ['relay']]
  const trials = Object.entries(changes).flatMap(([what, change]) =>
    sets.map((transports) => ({
      name: `${what}, ${transports.join(' + ')}`,
      kinds,
      transports,
      disturb: async (scene) => {
        change()
        await flow(scene, watchMs)
      },
    })),
  )
  return conclude('address-change', await runTrials('address-change', trials, { logs }))
}
