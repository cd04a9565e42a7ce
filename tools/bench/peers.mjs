/**
 * What a peer costs: one node holds 200 peers, which live in four other processes, and
 * each of them receives an edit. Resident memory of the node in the middle, after garbage
 * collection, before and after; beside it bare libp2p with one open stream per peer.
 */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './support/contest.mjs'
import { startWorker } from './support/workers.mjs'

const { values } = parseArgs({
  options: { peers: { type: 'string', default: '200' }, rounds: { type: 'string', default: '3' } },
})
const processes = 4
const perProcess = Math.ceil(Number(values.peers) / processes)

const ours = []
const libp2p = []
for (let round = 0; round < Number(values.rounds); round++) {
  ours.push(await hold('ours'))
  libp2p.push(await hold('libp2p'))
}
const kibOf = (runs) => Math.round(median(runs.map(({ kibPerPeer }) => kibPerPeer)))
const fewest = (runs) => Math.min(...runs.map(({ peers }) => peers))
console.table({
  ours: { peers: fewest(ours), 'KiB per peer': kibOf(ours) },
  libp2p: { peers: fewest(libp2p), 'KiB per peer': kibOf(libp2p) },
})
console.log(
  JSON.stringify({
    bench: 'peers',
    ours: { peers: fewest(ours), kibPerPeer: kibOf(ours) },
    peers: { libp2p: { peers: fewest(libp2p), kibPerPeer: kibOf(libp2p) } },
    ratios: { memoryPerPeer: Number((kibOf(ours) / kibOf(libp2p)).toPrecision(3)) },
  }),
)

async function hold(contender) {
  process.stderr.write(`${contender}: ${processes * perProcess} peers\n`)
  const script = fileURLToPath(new URL(`contenders/peers-${contender}.mjs`, import.meta.url))
  const hub = startWorker(script, [], { execArgv: ['--expose-gc'] })
  const others = Array.from({ length: processes }, () =>
    startWorker(script, [], { execArgv: ['--expose-gc'] }),
  )
  try {
    const place = await hub.ask('hub')
    // One peer first: what the first of its kind loads belongs to the program and not to a peer.
    await others[0].ask('join', { count: 1, ...place })
    const beforeKiB = await hub.ask('memory')
    await Promise.all(
      others.map((one, i) =>
        one.ask('join', { count: i === 0 ? perProcess - 1 : perProcess, ...place }),
      ),
    )
    const received = others.map((one) => one.ask('received'))
    await hub.ask('edit')
    await Promise.all(received)
    const peers = await hub.ask('peers')
    return { peers, kibPerPeer: ((await hub.ask('memory')) - beforeKiB) / (peers - 1) }
  } finally {
    await Promise.all([hub, ...others].map((one) => one.end()))
  }
}
