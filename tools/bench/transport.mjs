/**
 * What our layers cost: 64 KiB messages and 64-byte round trips over loopback TCP, two
 * processes a contender, CPU of both.
 *
 *   network   a channel of @vudo/network over @vudo/transport-tcp
 *   tls       node:tls alone
 *   libp2p    js-libp2p with TCP, Noise and Yamux
 *   noise     @vudo/secure-channel over plain TCP
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { contest } from './support/contest.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    mebibytes: { type: 'string', default: '192' },
  },
})
compile(['network', 'transport-tcp', 'secure-channel'])
const figures = await contest(['network', 'tls', 'libp2p', 'noise'], {
  rounds: Number(values.rounds),
  mebibytes: Number(values.mebibytes),
})
const { network, tls, libp2p, noise } = figures

console.log(
  `transport, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${values.rounds} rounds`,
)
console.table(
  Object.fromEntries(
    Object.entries(figures).map(([name, { cpuMsPerMiB, mibPerSecond, rttMicroseconds }]) => [
      name,
      {
        'CPU ms per MiB': round(cpuMsPerMiB),
        'MiB per s': round(mibPerSecond),
        'round trip µs': round(rttMicroseconds),
      },
    ]),
  ),
)
console.log(
  JSON.stringify({
    bench: 'transport',
    ours: { network, noise },
    peers: { tls, libp2p },
    ratios: {
      cpuPerMiB: round(network.cpuMsPerMiB / tls.cpuMsPerMiB),
      rtt: round(network.rttMicroseconds / tls.rttMicroseconds),
      cpuPerMiBVsLibp2p: round(network.cpuMsPerMiB / libp2p.cpuMsPerMiB),
      noise: round(noise.cpuMsPerMiB / tls.cpuMsPerMiB),
    },
  }),
)

/** What is measured is what is published (see support/compiled.mjs). */
function compile(packages) {
  const root = path.resolve(import.meta.dirname, '../..')
  const projects = packages.map((name) => `packages/${name}`)
  const tsc = path.join(root, 'node_modules', '.bin', 'tsc')
  const options = { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' }
  const { status } = spawnSync(tsc, ['-b', ...projects], options)
  if (status !== 0) throw new Error('the packages do not compile')
}

/** More than three digits would be noise. */
function round(value) {
  return Number(value.toPrecision(3))
}
