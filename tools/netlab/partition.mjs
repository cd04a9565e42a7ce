/**
 * Twenty seconds of partition, in which both sides go on writing, and its healing:
 * `npm run netlab -- partition [--logs=<folder>]`. Messages wait and arrive; documents that
 * were written on either side are on both afterwards.
 */
import { conclude, runTrials, seconds } from './support/flow-scenario.mjs'
import { setSilent } from './support/lab.mjs'
import { allTransports, flow, mark, order, parseLogs, recovery } from './support/scene.mjs'
import { until } from './support/program.mjs'

const limits = { partitionMs: 20_000, documentsMs: 30_000 }

/** Runs it with the words of the command line, and gives the status to exit with. */
export async function run(args) {
  const logs = parseLogs(args)
  const trials = [
    { name: 'moderate and moderate', kinds: { a: 'moderate', b: 'moderate' } },
    { name: 'strict and strict', kinds: { a: 'strict', b: 'strict' } },
  ].map((trial) => ({ ...trial, transports: allTransports, disturb: part }))
  const results = await runTrials('partition', trials, { logs })
  const worst = (of) => Math.max(0, ...results.map((result) => of(result) ?? 0))
  return conclude('partition', results, {
    worstAgainMs: worst(({ againMs }) => againMs),
    worstDocumentsMs: worst(({ documentsMs }) => documentsMs),
  })
}

async function part(scene) {
  setSilent('a', true)
  for (const [side, peer] of Object.entries({ a: scene.a, b: scene.b })) {
    order(peer, 'write', { path: `partition/by-${side}`, value: { side } })
    order(peer, 'write', { path: 'partition/by-both', value: { [side]: true } })
  }
  await flow(scene, limits.partitionMs)
  await mark(scene)
  setSilent('a', false)
  const startMs = performance.now()
  const againMs = await recovery(scene)
  const isTogether = () =>
    has(scene.a, 'by-b') &&
    has(scene.b, 'by-a') &&
    has(scene.a, 'by-both') &&
    has(scene.b, 'by-both')
  if (!(await until(scene.peers, limits.documentsMs, isTogether))) {
    throw new Error(`documents did not converge within ${seconds(limits.documentsMs)}`)
  }
  const documentsMs = Math.round(performance.now() - startMs)
  const note = `, ${seconds(againMs)} after healing, documents ${seconds(documentsMs)}`
  return { againMs, documentsMs, note }
}

/** Whether a document of the other side is here, or what it wrote into one of ours. */
function has({ events }, id) {
  return events.some(
    ({ event, path, isOurs }) => event === 'document' && path === `partition/${id}` && !isOurs,
  )
}
