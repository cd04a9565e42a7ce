/**
 * What our transports over foreign stacks cost beside the bare libraries: 64 KiB messages,
 * handshakes and 64-byte round trips over loopback, two processes a contender, CPU of both; and the
 * memory of idle connections.
 *
 *   libp2pTcp    a Connection of @vudo/transport-libp2p, and js-libp2p, over TCP, Noise and Yamux
 *   libp2pQuic   the same over QUIC
 *   hyperswarm   a Connection of @vudo/transport-hyperswarm, and HyperDHT
 *   iroh         a Connection of @vudo/transport-iroh, and @number0/iroh
 *
 * A handshake is measured from the dial to the first echo, between peers that have met before.
 * iroh asks routers for ports by multicast whatever it is told, so it runs in a network namespace
 * that has nothing but loopback, and is left out where there are none.
 */
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { compile } from './support/compile.mjs'
import { contest } from './support/contest.mjs'
import { holdIdle } from './support/idle-connections.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    mebibytes: { type: 'string', default: '128' },
    connections: { type: 'string', default: '200' },
    /** Only this one. */
    stack: { type: 'string' },
    /** Given by this program to itself, in a network namespace. */
    inside: { type: 'boolean', default: false },
  },
})

const handshakes = 30

/** What iroh moves in one second is hundreds of times less than the others. */
const sizes = { mebibytes: Number(values.mebibytes), warmUpMebibytes: 256 }
const irohSizes = { mebibytes: 12, warmUpMebibytes: 12, warmUpPings: 2_000 }

const stacks = {
  libp2pTcp: { contender: 'libp2p-tcp', sizes },
  libp2pQuic: { contender: 'libp2p-quic', sizes },
  hyperswarm: { contender: 'hyperswarm', sizes, needsDht: true },
  iroh: { contender: 'iroh', sizes: irohSizes, needsNamespace: true },
}

/** What goes in front of a command that is to have a network of its own. */
const isolate = ['--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']

const chosen = values.stack === undefined ? Object.keys(stacks) : [values.stack]
if (!values.inside) compile(['transport-libp2p', 'transport-hyperswarm', 'transport-iroh'])
const result = { bench: 'stacks', ours: {}, peers: {}, ratios: {} }
for (const name of chosen) {
  const { ours, peers, ratios } = await measured(name, stacks[name])
  Object.assign(result.ours, ours)
  Object.assign(result.peers, peers)
  Object.assign(result.ratios, ratios)
}
if (!values.inside) print()
console.log(JSON.stringify(result))

async function measured(name, stack) {
  if (!stack.needsNamespace || values.inside) return measure(name, stack)
  if (spawnSync('unshare', [...isolate, 'true']).status === 0) return measuredInside(name)
  console.log(`${name} is left out: users of this machine may not make network namespaces`)
  return {}
}

function measuredInside(name) {
  const self = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const { status, stdout } = spawnSync(
    'unshare',
    [...isolate, ...self, '--inside', '--stack', name],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  if (status !== 0) throw new Error(`${name} ended with status ${status}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1))
}

async function measure(name, { contender, sizes: how, needsDht }) {
  // Nodes of the DHT are neither of the two processes.
  const dht = needsDht ? await startDht() : undefined
  const setting = dht ? { bootstrapNodes: dht.addresses } : {}
  const names = [`${contender}-ours`, `${contender}-bare`]
  try {
    const options = { rounds: Number(values.rounds), handshakes, setting, ...how }
    const figures = await contest(names, options)
    for (const one of names) {
      const connections = Number(values.connections)
      Object.assign(figures[one], await holdIdle(one, { connections, setting }))
    }
    return resultOf(name, ...names.map((one) => figures[one]))
  } finally {
    await dht?.close()
  }
}

async function startDht() {
  const nodes = [await startBootstrap()]
  for (let i = 1; i < 3; i++) {
    nodes.push(await startBootstrap({ bootstrapNodes: [nodes[0].address] }))
  }
  return {
    addresses: nodes.map(({ address }) => address),
    close: () => Promise.all(nodes.map((node) => node.close())),
  }
}

function resultOf(name, ours, bare) {
  return {
    ours: { [name]: rounded(ours) },
    peers: { [name]: rounded(bare) },
    ratios: { [name]: round(ours.cpuMsPerMiB / bare.cpuMsPerMiB) },
  }
}

function print() {
  console.log(
    `stacks, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${values.rounds} rounds`,
  )
  const rows = Object.keys(result.ours).flatMap((name) => [
    [`${name}, ours`, row(result.ours[name])],
    [`${name}, bare`, row(result.peers[name])],
  ])
  console.table(Object.fromEntries(rows))
}

function row(figures) {
  return {
    'CPU ms per MiB': figures.cpuMsPerMiB,
    'MiB per s': figures.mibPerSecond,
    'handshake ms': figures.handshakeMs,
    'round trip µs': figures.rttMicroseconds,
    'idle connections': figures.idleConnections,
    'KiB per connection': figures.idleKiBPerConnection,
    'process MiB': figures.processMiB,
  }
}

function rounded(figures) {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]))
}

/** More than three digits would be noise. */
function round(value) {
  return Number(value.toPrecision(3))
}
