/**
 * What an application notices when the path under its session dies: two processes, a session over
 * two transports at once (TCP, and libp2p over TCP), each through a proxy of its own, while numbered
 * messages flow. Silent deaths (the proxy stops forwarding, its sockets stay open) and loud ones
 * (they break) take turns on whichever path carries the messages; after each one a new connection
 * takes the place of the dead one.
 *
 * A gap is the longest silence that the receiver had from a death until messages flow again.
 */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { startProcess } from './support/contest.mjs'
import { openProxy } from './support/proxy.mjs'

const { values } = parseArgs({
  options: {
    /** Of each kind. */
    deaths: { type: 'string', default: '20' },
  },
})

/** How long messages flow before and are watched after a death. */
const CALM_MS = 300
const WATCH_MS = 2_500

compile(['network', 'transport-tcp', 'transport-libp2p'])
const script = new URL('support/failover-process.mjs', import.meta.url)
const server = startProcess('session', 'server', script)
const client = startProcess('session', 'client', script)
const proxies = []
const gaps = { silent: [], loud: [] }
let result
try {
  const { addresses } = await server.ask({ type: 'serve' })
  const ways = await Promise.all(addresses.map((address) => wayThrough(address)))
  await client.ask({ type: 'connect', addresses: ways.map(({ address }) => address) })
  for (let death = 0; death < 2 * Number(values.deaths); death++) {
    await die(death % 2 === 0 ? 'silent' : 'loud', ways)
  }
  const { sent } = await client.ask({ type: 'finish' })
  result = await server.ask({ type: 'result', sent })
  result.lost += Math.max(0, sent - result.count)
} finally {
  await Promise.all([server.end(), client.end()])
  for (const proxy of proxies) proxy.close()
}
print()

/** One path dies, and is replaced once messages flow over the other one. */
async function die(kind, ways) {
  await client.ask({ type: 'path', count: 2 })
  await pause(CALM_MS)
  const { transport, paths } = await client.ask({ type: 'path', count: 2 })
  if (paths < 2) throw new Error(`only ${paths} paths answer`)
  const way = ways.find(({ name }) => name === transport)
  await server.ask({ type: 'watch' })
  if (kind === 'silent') way.proxy.silence()
  else way.proxy.cut()
  await pause(WATCH_MS)
  const { longestMs } = await server.ask({ type: 'silence' })
  gaps[kind].push(longestMs)
  process.stderr.write(`${kind} death of ${transport}: ${round3(longestMs)} ms\n`)
  await client.ask({ type: 'join', address: way.address })
}

/** The address of a proxy before `address`. */
async function wayThrough(address) {
  const port = Number(/(?::|\/tcp\/)(\d+)(?:\/|$)/.exec(address)[1])
  const proxy = await openProxy(port)
  proxies.push(proxy)
  return {
    name: address.slice(0, address.indexOf(':')),
    address: address.replace(String(port), String(proxy.port)),
    proxy,
  }
}

function print() {
  const all = [...gaps.silent, ...gaps.loud]
  console.log(
    `failover, Node ${process.versions.node} on ${process.platform}-${process.arch}, ${result.count} messages`,
  )
  console.table({
    silent: rowOf(gaps.silent),
    loud: rowOf(gaps.loud),
  })
  console.log(
    JSON.stringify({
      bench: 'failover',
      ours: {
        lost: result.lost,
        doubled: result.doubled,
        messages: result.count,
        medianGapMs: round3(median(all)),
        medianSilentGapMs: round3(median(gaps.silent)),
        medianLoudGapMs: round3(median(gaps.loud)),
        worstGapMs: round3(Math.max(...all)),
      },
      peers: {},
      ratios: {},
    }),
  )
}

function rowOf(silences) {
  return {
    deaths: silences.length,
    'median gap ms': round3(median(silences)),
    'worst gap ms': round3(Math.max(...silences)),
  }
}

function median(times) {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
}

/** More than three digits would be noise. */
function round3(value) {
  return Number(value.toPrecision(3))
}
