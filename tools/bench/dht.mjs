/**
 * Who is found when nobody is left to join by: nodes in several processes join a DHT by bootstrap
 * nodes and announce a topic each; the bootstrap nodes are killed, and every node looks up the topic
 * of a node in another process.
 *
 *   libp2p       kad-dht, by @vudo/transport-libp2p
 *   hyperswarm   HyperDHT, by @vudo/transport-hyperswarm
 */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { median } from './support/contest.mjs'
import { startWorker } from './support/workers.mjs'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '30' },
    processes: { type: 'string', default: '6' },
    bootstraps: { type: 'string', default: '3' },
  },
})
const processes = Number(values.processes)
const perProcess = Math.ceil(Number(values.nodes) / processes)
const script = fileURLToPath(new URL('support/dht-process.mjs', import.meta.url))
const execArgv = ['--import', new URL('support/compiled.mjs', import.meta.url).href]

compile(['transport-libp2p', 'transport-hyperswarm'])
const libp2p = await measure('libp2p')
const hyperswarm = await measure('hyperswarm')
console.log(
  `dht, Node ${process.versions.node} on ${process.platform}-${process.arch}, ${processes} processes of ${perProcess} nodes, ${values.bootstraps} bootstrap nodes stopped`,
)
console.table({ libp2p, hyperswarm })
console.log(
  JSON.stringify({
    bench: 'dht',
    ours: { libp2p, hyperswarm },
    peers: {},
    ratios: { libp2pFound: libp2p.found, hyperswarmFound: hyperswarm.found },
  }),
)

async function measure(stack) {
  process.stderr.write(`${stack}: ${processes * perProcess} nodes\n`)
  const start = () => startWorker(script, [stack], { execArgv })
  const bootstrap = start()
  const workers = Array.from({ length: processes }, start)
  try {
    const bootstrapNodes = await bootstrap.ask('bootstrap', { count: Number(values.bootstraps) })
    const joined = { count: perProcess, bootstrapNodes }
    await Promise.all(workers.map((worker) => worker.ask('join', joined)))
    process.stderr.write(`${stack}: joined\n`)
    const announced = await Promise.all(workers.map((worker) => worker.ask('announce')))
    process.stderr.write(`${stack}: announced\n`)
    await bootstrap.end()
    const found = await Promise.all(
      // Of the next process, so that no node looks for one beside it.
      workers.map((worker, i) => worker.ask('find', { others: announced[(i + 1) % processes] })),
    )
    return summary(announced.flat(), found.flat())
  } finally {
    await Promise.all([bootstrap, ...workers].map((one) => one.end()))
  }
}

function summary(announced, found) {
  const times = found.map(({ findMs }) => findMs)
  const announceTimes = announced.map(({ announceMs }) => announceMs)
  return {
    nodes: announced.length,
    found: round(found.filter(({ isFound }) => isFound).length / found.length),
    foundAtOnce: round(
      found.filter((one) => one.isFound && one.lookups === 1).length / found.length,
    ),
    medianMs: round(median(times)),
    worstMs: round(Math.max(...times)),
    announceMedianMs: round(median(announceTimes)),
    announceWorstMs: round(Math.max(...announceTimes)),
  }
}

/** More than three digits would be noise. */
function round(value) {
  return Number(value.toPrecision(3))
}
