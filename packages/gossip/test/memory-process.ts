/**
 * What remains in a node after many messages and many peers that came and went, as one line of
 * JSON. Virtual time, so that everything that is remembered for minutes has run out at the end.
 *
 * The start is a node that has been at work for eleven minutes, longer than scores and bans are
 * kept: the book of faults is full then (`MAX_JUDGED_PEERS`), and as many scores and ids have
 * been held at one time as ever will be. What comes on top after that is growth.
 *
 *   node --expose-gc packages/gossip/test/memory-process.ts --messages 100000 --peers 10000
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { AuthorWindow } from '../src/author-window.ts'
import { FaultBook } from '../src/fault-book.ts'
import { installVirtualTime } from './virtual-time.ts'
import { loadCores, SimulatedMesh, type SimulatedNode } from './simulated-mesh.ts'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000' },
    peers: { type: 'string', default: '1000' },
    warmUp: { type: 'string', default: '66000' },
    seed: { type: 'string', default: '1' },
  },
})
const realImmediate = setImmediate
const topic = 'm'.repeat(24)
/** An RPC that subscribes to the topic. */
const subscription = Uint8Array.from([30, 10, 28, 8, 1, 18, 24, ...Buffer.from(topic)])
/** Longer than anything is remembered: scores and bans for ten minutes. */
const forgottenMs = 900_000

const time = installVirtualTime(Number(values.seed))
const authors = new AuthorWindow()
const faults = new FaultBook()
const mesh = new SimulatedMesh(time, await loadCores(), {
  accept: (author, sequence) => authors.accept(author, sequence, time.nowMs, time.nowMs),
  faultsOf: (peerId) => faults.faultsOf(peerId, time.nowMs),
})
let delivered = 0
mesh.onMessage = () => (delivered += 1)

const hub = await mesh.add(undefined)
const author = await mesh.add(hub.peerId)
for (const { router } of [hub, author]) router.subscribe(topic)
await time.run(5_000)

const [warmUp, messageCount, peerCount] = [values.warmUp, values.messages, values.peers].map(
  Number,
) as [number, number, number]
await load(warmUp, (warmUp / messageCount) * peerCount)
const judgedBefore = faults.size
const before = await measured()
await load(messageCount, peerCount)
const after = await measured()
console.log(
  JSON.stringify({
    messages: messageCount,
    peers: peerCount,
    delivered,
    residentMiBBefore: before.rss,
    residentMiBAfter: after.rss,
    heapMiBBefore: before.heap,
    heapMiBAfter: after.heap,
    growth: after.rss / before.rss - 1,
    heapGrowth: after.heap / before.heap - 1,
    judgedBefore,
    judgedAfter: faults.size,
    passiveView: hub.overlay.passive.length,
  }),
)
process.exit(0)

/** Ten messages at a time, a hundred per second, and peers that come, subscribe, do something wrong and go. */
async function load(messages: number, peers: number): Promise<void> {
  const rounds = Math.ceil(messages / 10)
  let gone = 0
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 10; i++) await author.router.publish(topic, new Uint8Array(64))
    for (; gone < ((round + 1) * peers) / rounds; gone++) comeAndGo(hub)
    await time.run(100)
  }
  await time.run(forgottenMs)
}

function comeAndGo(node: SimulatedNode): void {
  const bytes = Uint8Array.from({ length: 32 }, () => Math.floor(time.random() * 256))
  const peerId = Buffer.from(bytes).toString('hex')
  node.router.addNeighbour({
    peerId,
    isOutbound: false,
    open: () => ({ send: () => true, close: () => {} }),
  })
  node.feed({ type: 'linked', peerId, isOutbound: false })
  node.feed({
    type: 'message',
    from: peerId,
    message: { type: 'join', addresses: ['tcp://192.0.2.7:34569'] },
  })
  void node.router.acceptFrames(peerId)?.push(subscription.slice())
  faults.add(peerId, time.nowMs)
  time.after(50, () => {
    node.router.removeNeighbour(peerId)
    node.feed({ type: 'unlinked', peerId })
  })
}

/** In MiB, after what is garbage has gone. */
async function measured(): Promise<{ readonly rss: number; readonly heap: number }> {
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    await new Promise<void>((resolve) => void realImmediate(resolve))
  }
  const { rss, heapUsed } = process.memoryUsage()
  return { rss: rss / 1_048_576, heap: heapUsed / 1_048_576 }
}
