/** Nodes of a DHT in one process (see ../dht.mjs): some that others join by, or some that announce and look up. */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { createNode } from './transport-ends.mjs'
import { answer } from './workers.mjs'

const [stack] = process.argv.slice(2)
const { bootstrap, factory } = await import(`../contenders/dht-${stack}.mjs`)

/** A lookup that did not find is repeated for so long, with a pause in between. */
const FIND_LIMIT_MS = 30_000
const RETRY_MS = 100

const nodes = []

answer({
  /** Several, that know each other, for others to join by. */
  async bootstrap({ count }) {
    const addresses = []
    while (addresses.length < count) addresses.push(await bootstrap(addresses.slice()))
    return addresses
  },
  /** Nodes of which each announces a topic of its own. */
  async announce({ count, bootstrapNodes }) {
    const announced = []
    for (let i = 0; i < count; i++) {
      const { node, id } = createNode(factory, { bootstrapNodes })
      nodes.push(node)
      const topic = crypto.getRandomValues(new Uint8Array(32))
      const startedMs = performance.now()
      await node.announce(topic)
      announced.push({ id, topic: [...topic], announceMs: performance.now() - startedMs })
    }
    return announced
  },
  /** Each node of this process looks for one of `others`, one after the other. */
  async find({ others }) {
    const found = []
    for (const [i, other] of others.entries()) found.push(await find(nodes[i], other))
    return found
  },
})

/** Whether the peer was found under its topic, by the first lookup, and after how long. */
async function find(node, { id, topic }) {
  const startedMs = performance.now()
  const elapsedMs = () => performance.now() - startedMs
  for (let lookups = 1; ; lookups++) {
    const peers = await node.lookup(Uint8Array.from(topic))
    const isFound = peers.some((peer) => peer.id === id)
    if (isFound || elapsedMs() > FIND_LIMIT_MS) return { isFound, lookups, findMs: elapsedMs() }
    await pause(RETRY_MS)
  }
}
