/**
 * How long a newcomer waits: from `start` on both sides to the first document of one
 * visible at the other, found by multicast DNS on the loopback interface; beside it, how
 * long bare libp2p with its mDNS needs to be connected. Two processes each.
 *
 * libp2p's mDNS cannot be told which interface to use, so everything runs in a network
 * namespace that has the loopback interface only. Where namespaces cannot be made, the
 * peer is left out, and that is said.
 */
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './support/contest.mjs'
import { startWorker } from './support/workers.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    namespace: { type: 'boolean', default: false },
  },
})
if (values.namespace || !(await runInNamespace())) await measure(values.namespace)

/** Runs this program again where only loopback exists; false where that is not possible. */
async function runInNamespace() {
  const setUp = 'ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && exec "$@"'
  const enter = ['--net', 'sh', '-c', setUp, 'sh']
  if (spawnSync('unshare', [...enter, 'true']).status !== 0) return false
  const self = [
    process.execPath,
    fileURLToPath(import.meta.url),
    '--namespace',
    '--rounds',
    values.rounds,
  ]
  const { status } = spawnSync('unshare', [...enter, ...self], { stdio: 'inherit' })
  process.exitCode = status ?? 1
  return true
}

async function measure(isAlone) {
  const ours = []
  const libp2p = []
  for (let round = 0; round < Number(values.rounds); round++) {
    process.stderr.write(`round ${round + 1} of ${values.rounds}\n`)
    ours.push(await once('first-sync-ours'))
    if (isAlone) libp2p.push(await once('first-sync-libp2p'))
  }
  if (!isAlone) console.log('libp2p is left out: no network namespace can be made here')
  const oursMs = Math.round(median(ours))
  const libp2pMs = isAlone ? Math.round(median(libp2p)) : undefined
  console.table({
    'ours: first document visible': { 'median ms': oursMs, all: ours.map(Math.round).join(' ') },
    ...(isAlone && {
      'libp2p: connected': { 'median ms': libp2pMs, all: libp2p.map(Math.round).join(' ') },
    }),
  })
  console.log(
    JSON.stringify({
      bench: 'first-sync',
      ours: { medianMs: oursMs },
      peers: isAlone ? { libp2p: { medianMs: libp2pMs } } : {},
      ratios: isAlone ? { firstSync: Number((oursMs / libp2pMs).toPrecision(3)) } : {},
    }),
  )
}

async function once(contender) {
  const script = fileURLToPath(new URL(`contenders/${contender}.mjs`, import.meta.url))
  const [a, b] = [startWorker(script), startWorker(script)]
  try {
    const { ticket } = await a.ask('prepare')
    await b.ask('prepare', { database: ticket })
    const startedMs = performance.now()
    const seen = b.ask('seen')
    await Promise.all([a.ask('start'), b.ask('start'), seen])
    return performance.now() - startedMs
  } finally {
    await Promise.all([a.end(), b.end()])
  }
}
