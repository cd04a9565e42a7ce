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
import { compile } from './support/compile.mjs'
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

/** More than three digits would be noise. */
function round(value) {
  return Number(value.toPrecision(3))
}
