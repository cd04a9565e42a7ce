/**
 * What a session costs above its transport, and how long what is urgent waits for what is not:
 * over loopback, two processes a contender.
 *
 *   tcp          @vudo/transport-tcp
 *   libp2pTcp    @vudo/transport-libp2p over TCP, Noise and Yamux
 *   hyperswarm   @vudo/transport-hyperswarm
 *   relay        @vudo/transport-relay, where it is there
 *
 * CPU of both processes per MiB in messages of 64 KiB, beside a `Connection` of the same transport.
 * Then round trips of 64-byte messages on an urgent channel, idle and during a bulk transfer of 100 MiB.
 * The figures of the last line are those of the worst transport.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { compile } from './support/compile.mjs'
import { contest, startProcess } from './support/contest.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    mebibytes: { type: 'string', default: '128' },
    bulk: { type: 'string', default: '100' },
    /** Only this one. */
    stack: { type: 'string' },
  },
})

/** Keystrokes come more slowly; with these a round has enough of them. */
const EVERY_MS = 2
const IDLE_MESSAGES = 1_000

const stacks = {
  tcp: { session: 'session-tcp', bare: 'tcp-connection' },
  libp2pTcp: { session: 'session-libp2p-tcp', bare: 'libp2p-tcp-ours' },
  hyperswarm: { session: 'session-hyperswarm', bare: 'hyperswarm-ours', needsDht: true },
  relay: { session: 'session-relay', bare: 'relay-connection', needsRelay: true },
}
const packages = ['network', 'transport-tcp', 'transport-libp2p', 'transport-hyperswarm']
const isPresent = ({ session }) =>
  existsSync(path.join(import.meta.dirname, 'contenders', `${session}.mjs`))
const chosen = (values.stack === undefined ? Object.keys(stacks) : [values.stack]).filter((name) =>
  isPresent(stacks[name]),
)

compile(packages)
const rows = {}
for (const name of chosen) rows[name] = await measured(stacks[name])
print()

async function measured({ session, bare, needsDht }) {
  const dht = needsDht ? await startDht() : undefined
  const setting = dht ? { bootstrapNodes: dht.addresses } : {}
  try {
    const figures = await contest([session, bare], {
      rounds: Number(values.rounds),
      mebibytes: Number(values.mebibytes),
      warmUpMebibytes: 256,
      setting,
    })
    return {
      ours: figures[session].cpuMsPerMiB,
      bare: figures[bare].cpuMsPerMiB,
      ...(await urgency(session, setting)),
    }
  } finally {
    await dht?.close()
  }
}

/** Medians over the rounds of the 99th percentiles. */
async function urgency(name, setting) {
  const idle = []
  const busy = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const script = new URL('support/session-process.mjs', import.meta.url)
    const server = startProcess(name, 'server', script)
    const client = startProcess(name, 'client', script)
    try {
      const { address } = await server.ask({ type: 'serve', setting })
      await client.ask({ type: 'connect', address, setting })
      const bulk = Number(values.bulk)
      // Once for the compiler.
      await client.ask({ type: 'idle', count: IDLE_MESSAGES, everyMs: 0 })
      await client.ask({ type: 'busy', mebibytes: bulk, everyMs: EVERY_MS })
      const calm = await client.ask({ type: 'idle', count: IDLE_MESSAGES, everyMs: EVERY_MS })
      const full = await client.ask({ type: 'busy', mebibytes: bulk, everyMs: EVERY_MS })
      idle.push(percentile99(calm.times))
      busy.push(percentile99(full.times))
      process.stderr.write(
        `${name} round ${round + 1}: idle ${round3(idle.at(-1))} ms, busy ${round3(busy.at(-1))} ms of ${full.times.length}, ${round3((bulk * 1_000) / full.wallMs)} MiB/s\n`,
      )
    } finally {
      await Promise.all([server.end(), client.end()])
    }
  }
  return { idleP99Ms: median(idle), busyP99Ms: median(busy) }
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

function print() {
  console.log(
    `session, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${values.rounds} rounds`,
  )
  const table = {}
  for (const [name, row] of Object.entries(rows)) {
    table[name] = {
      'CPU ms per MiB': round3(row.ours),
      bare: round3(row.bare),
      ratio: round3(row.ours / row.bare),
      'urgent p99 ms, idle': round3(row.idleP99Ms),
      'during bulk': round3(row.busyP99Ms),
      'times idle': round3(row.busyP99Ms / row.idleP99Ms),
    }
  }
  console.table(table)
  console.log(
    JSON.stringify({
      bench: 'session',
      ours: {
        urgentP99Ms: worst((row) => row.busyP99Ms),
        cpuMsPerMiB: each((row) => row.ours),
      },
      peers: { cpuMsPerMiB: each((row) => row.bare) },
      ratios: {
        cpuPerMiB: worst((row) => row.ours / row.bare),
        urgentP99: worst((row) => row.busyP99Ms / row.idleP99Ms),
      },
    }),
  )
}

function worst(of) {
  return round3(Math.max(...Object.values(rows).map(of)))
}

function each(of) {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, round3(of(row))]))
}

function percentile99(times) {
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1]
}

function median(times) {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
}

/** More than three digits would be noise. */
function round3(value) {
  return Number(value.toPrecision(3))
}
