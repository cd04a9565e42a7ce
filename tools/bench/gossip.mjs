/**
 * Gossip: how long messages take, what they cost, and what remains of them.
 *
 * 1. 20 nodes in four processes, each connected to six others, over sessions of
 *    `@vudo/transport-libp2p`; beside them bare libp2p nodes with GossipSub in the same layout,
 *    with the settings it comes with and with a mesh as small as ours. The better one counts.
 * 2. 1,000 nodes in virtual time with the overlay that chooses their sessions, of which 2 % are
 *    lost per minute.
 * 3. Memory of one node after 100,000 messages and 10,000 peers that came and went. The start is
 *    measured when everything that has a bound has reached it: after 66,000 messages and 6,600
 *    peers, in eleven minutes of virtual time, the book of faults is full (4,096 peers), and
 *    scores and bans are forgotten as fast as they come. What is on top of that would be a leak.
 */
import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compile } from './support/compile.mjs'
import { median } from './support/contest.mjs'
import { startWorker } from './support/workers.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    /** Messages of a round, one every 50 ms. */
    messages: { type: 'string', default: '200' },
    simNodes: { type: 'string', default: '1000' },
    simMessages: { type: 'string', default: '60' },
    memoryMessages: { type: 'string', default: '100000' },
    memoryPeers: { type: 'string', default: '10000' },
    /** Only these: mesh, simulation, memory. */
    parts: { type: 'string', default: 'mesh,simulation,memory' },
  },
})
const parts = new Set(values.parts.split(','))
const processes = 4
const perProcess = 5
const count = processes * perProcess
/** Node i dials the nodes that are so many further on in the ring. */
const strides = [1, 3, 7]
const everyMs = 50
/** Messages before those that count: the compiler takes its time with all of it. */
const warmUp = 200
const payload = 256

const contenders = {
  ours: ['gossip-ours.mjs', []],
  libp2p: ['gossip-libp2p.mjs', []],
  'libp2p, mesh as ours': ['gossip-libp2p.mjs', ['ours']],
}

compile(['gossip', 'transport-libp2p'])
const mesh = parts.has('mesh') ? await contest() : undefined
const simulation = parts.has('simulation') ? await simulate() : undefined
const memory = parts.has('memory') ? await measureMemory() : undefined
print()

async function contest() {
  const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of Object.keys(contenders)) {
      const run = await runMesh(...contenders[name])
      process.stderr.write(`${name} round ${round + 1}: ${JSON.stringify(run)}\n`)
      runs[name].push(run)
    }
  }
  return Object.fromEntries(
    Object.entries(runs).map(([name, list]) => [
      name,
      {
        delivered: Math.min(...list.map(({ delivered }) => delivered)),
        twice: Math.max(...list.map(({ twice }) => twice)),
        p50Ms: round3(median(list.map(({ p50Ms }) => p50Ms))),
        p95Ms: round3(median(list.map(({ p95Ms }) => p95Ms))),
      },
    ]),
  )
}

async function runMesh(script, args) {
  const path = fileURLToPath(new URL(`contenders/${script}`, import.meta.url))
  const compiled = new URL('support/compiled.mjs', import.meta.url).href
  const workers = Array.from({ length: processes }, () =>
    startWorker(path, args, { execArgv: ['--import', compiled] }),
  )
  try {
    const addresses = await Promise.all(
      workers.map((worker) => worker.ask('start', { count: perProcess })),
    )
    // Neighbours in the ring are in different processes.
    const ask = (node, action, rest) =>
      workers[node % processes].ask(action, { index: Math.floor(node / processes), ...rest })
    const addressOf = (node) => addresses[node % processes][Math.floor(node / processes)]
    for (let node = 0; node < count; node++) {
      for (const stride of strides) {
        await ask(node, 'dial', { address: addressOf((node + stride) % count) })
      }
    }
    const counts = Array.from({ length: perProcess }, () => 2 * strides.length)
    await Promise.all(workers.map((worker) => worker.ask('ready', { counts })))
    // Meshes form with the heartbeats: one per second.
    await passed(5_000)
    await publish(ask, warmUp, -warmUp)
    const messages = Number(values.messages)
    await publish(ask, messages)
    await passed(3_000)
    return summary(await Promise.all(workers.map((worker) => worker.ask('delays'))), messages)
  } finally {
    await Promise.all(workers.map((worker) => worker.end()))
  }
}

async function publish(ask, messages, first = 0) {
  const sent = []
  for (let i = 0; i < messages; i++) {
    sent.push(ask((i * 7) % count, 'publish', { number: first + i, size: payload }))
    await passed(everyMs)
  }
  await Promise.all(sent)
}

function summary(results, messages) {
  const delaysMs = results.flatMap(({ delaysMs: list }) => list).toSorted((a, b) => a - b)
  const at = (share) => round3(delaysMs[Math.floor(delaysMs.length * share)])
  return {
    delivered: delaysMs.length / (messages * (count - 1)),
    twice: results.reduce((sum, { twice }) => sum + twice, 0),
    p50Ms: at(0.5),
    p95Ms: at(0.95),
  }
}

function simulate() {
  return jsonOf('simulation-process.ts', [
    '--nodes',
    values.simNodes,
    '--messages',
    values.simMessages,
  ])
}

function measureMemory() {
  const args = ['--messages', values.memoryMessages, '--peers', values.memoryPeers]
  return jsonOf('memory-process.ts', args, ['--expose-gc'])
}

/** The line that a program of the package's tests prints: it runs in virtual time, which takes a process. */
async function jsonOf(script, args, execArgv = []) {
  const path = fileURLToPath(new URL(`../../packages/gossip/test/${script}`, import.meta.url))
  const child = spawn(process.execPath, [...execArgv, path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  for await (const chunk of child.stdout) text += chunk
  process.stderr.write(text)
  return JSON.parse(text.trimEnd().split('\n').at(-1))
}

function print() {
  console.log(
    `gossip, Node ${process.versions.node} on ${process.platform}-${process.arch}, medians of ${values.rounds} rounds`,
  )
  if (mesh) console.table(mesh)
  if (simulation) console.table({ simulation })
  if (memory) console.table({ memory })
  const better = mesh && Math.min(mesh.libp2p.p95Ms, mesh['libp2p, mesh as ours'].p95Ms)
  console.log(
    JSON.stringify({
      bench: 'gossip',
      ours: {
        ...(mesh && { delivered: mesh.ours.delivered, p95Ms: mesh.ours.p95Ms }),
        ...(simulation && {
          simDelivered: simulation.delivered,
          simBytesPerByte: round3(simulation.bytesPerByte),
          maxSessions: simulation.maxSessions,
        }),
        ...(memory && {
          memoryGrowth: round3(memory.growth),
          heapGrowth: round3(memory.heapGrowth),
        }),
      },
      peers: mesh ? { libp2p: mesh.libp2p, libp2pMeshAsOurs: mesh['libp2p, mesh as ours'] } : {},
      ratios: mesh ? { p95: round3(mesh.ours.p95Ms / better) } : {},
    }),
  )
}

function passed(ms) {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}

/** More than three digits would be noise. */
function round3(value) {
  return Number(value.toPrecision(3))
}
