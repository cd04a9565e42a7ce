/** Nodes of a DHT in one process (see ../dht.mjs): some that others join by, or some that join, announce and look up. */
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
  async join({ count, bootstrapNodes }) {
    for (let i = 0; i < count; i++) {
      const { node, id } = createNode(factory, { bootstrapNodes })
      await node.listen()
      nodes.push({ node, id })
    }
  },
  /** Each node of this process announces a topic of its own, one after the other. */
  async announce() {
    const announced = []
    for (const { node, id } of nodes) {
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
    for (const [i, other] of others.entries()) found.push(await find(nodes[i].node, other))
    return found
  },
})

/** Whether the peer was found under its topic, by the first lookup, and after how long. */
async function find(node, { id, topic }) {
  const startedMs = performance.now()
  const elapsedMs = () => performance.now() - startedMs
  for (let lookups = 1; ; lookups++) {
    const isFound = await isFoundNow(node, id, topic)
    if (isFound || elapsedMs() > FIND_LIMIT_MS) return { isFound, lookups, findMs: elapsedMs() }
    await pause(RETRY_MS)
  }
}

async function isFoundNow(node, id, topic) {
  try {
    const peers = await node.lookup(Uint8Array.from(topic))
    return peers.some((peer) => peer.id === id)
  } catch {
    // Nobody answers, which is the same to whoever looks.
    return false
  }
}
