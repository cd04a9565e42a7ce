/**
 * Runs many nodes in virtual time and prints what came of it as one line of JSON. A process of
 * its own, because it replaces the clock, the timers and the randomness of the whole process.
 *
 *   node packages/gossip/test/simulation-process.ts --nodes 1000 --messages 60 --seed 1
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { installVirtualTime } from './virtual-time.ts'
import { loadCores, SimulatedMesh } from './simulated-mesh.ts'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '100' },
    messages: { type: 'string', default: '10' },
    payload: { type: 'string', default: '256' },
    seed: { type: 'string', default: '1' },
    /** Share of the sessions that is lost per minute. */
    loss: { type: 'string', default: '0.02' },
    settle: { type: 'string', default: '60' },
  },
})
const [nodes, messages, payload] = [values.nodes, values.messages, values.payload].map(Number) as [
  number,
  number,
  number,
]
const lossPerSecond = Number(values.loss) / 60
const withinMs = 5_000
const topic = 'a'.repeat(24)

const time = installVirtualTime(Number(values.seed))
const mesh = new SimulatedMesh(time, await loadCores())
const peers: Awaited<ReturnType<SimulatedMesh['add']>>[] = []
for (let i = 0; i < nodes; i++) {
  const contact = peers[Math.floor(time.random() * peers.length)]
  peers.push(await mesh.add(contact?.peerId))
  await time.run(20)
}
for (const { router } of peers) router.subscribe(topic)
await time.run(Number(values.settle) * 1_000)

const delaysMs: number[] = []
let twice = 0
const seen = new Set<string>()
mesh.onMessage = ({ peerId }, { author, sequence, bytes }) => {
  const delayMs = time.nowMs - new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)
  const copy = `${peerId}/${author}/${sequence}`
  if (seen.has(copy)) twice += 1
  seen.add(copy)
  delaysMs.push(delayMs)
  time.note(3, delayMs)
}
const before = { ...mesh.counts }
let lost = 0
let leastReached = nodes
for (let i = 0; i < messages; i++) {
  lost += mesh.lose(lossPerSecond)
  const bytes = new Uint8Array(payload).fill(i)
  new DataView(bytes.buffer).setFloat64(0, time.nowMs)
  await peers[Math.floor(time.random() * peers.length)]?.router.publish(topic, bytes)
  await time.run(1_000)
  if (i % 10 === 0) leastReached = Math.min(leastReached, mesh.reach())
}
await time.run(withinMs)

delaysMs.sort((a, b) => a - b)
const expected = messages * (nodes - 1)
const sent = mesh.counts.gossipBytes - before.gossipBytes
const overlay = mesh.counts.overlayBytes - before.overlayBytes
console.log(
  JSON.stringify({
    nodes,
    messages,
    delivered: delaysMs.filter((delayMs) => delayMs <= withinMs).length / expected,
    twice,
    bytesPerByte: (sent + overlay) / (expected * payload),
    overlayShare: overlay / (sent + overlay),
    maxSessions: mesh.counts.maxSessions,
    leastReached,
    lost,
    sessions: mesh.sessions.size,
    p50Ms: delaysMs[Math.floor(delaysMs.length * 0.5)],
    p99Ms: delaysMs[Math.floor(delaysMs.length * 0.99)],
    steps: time.steps,
    trace: time.traceHash(),
  }),
)
process.exit(0)
