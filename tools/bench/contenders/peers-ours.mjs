/** The node in the middle, or many around it: `@vudo/p2p` over TCP. */
import { createP2P } from '@vudo/p2p'
import { answer, residentKiB } from '../support/workers.mjs'

const nodes = []
const options = {
  storage: 'memory',
  port: 0,
  bindAddress: '127.0.0.1',
  maxConnections: 1_000,
  maxNewConnectionsPerSecond: 1_000,
  discovery: { enableMdns: false },
}

answer({
  async hub() {
    const hub = await createP2P(options)
    await hub.start()
    await hub.writeDoc('notes/one', { text: 'before' })
    nodes.push(hub)
    return { address: hub.addresses[0], database: hub.ticket }
  },
  async join({ count, address, database }) {
    for (let i = 0; i < count; i++) {
      const node = await createP2P({ ...options, database })
      await node.start()
      await node.connectPeer(address)
      nodes.push(node)
    }
  },
  async edit() {
    await nodes[0].writeDoc('notes/one', { text: 'after' })
  },
  /** Settles when every node of this process has the edit. */
  async received() {
    await Promise.all(nodes.map(hasEdit))
  },
  async peers() {
    return nodes[0].connectedPeers().length
  },
  memory: residentKiB,
})

async function hasEdit(node) {
  const changes = node.changes('notes')[Symbol.asyncIterator]()
  for (;;) {
    const next = changes.next()
    const note = await node.readDoc('notes/one')
    if (note?.text === 'after') return
    await next
  }
}
