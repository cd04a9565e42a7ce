/** The node in the middle, or many around it: bare libp2p, each peer with one open stream. */
import { multiaddr } from '@multiformats/multiaddr'
import { answer, residentKiB } from '../support/workers.mjs'
import { createNode } from './libp2p.mjs'

const protocol = '/bench/1'
const streams = []
const got = []
let hub

answer({
  async hub() {
    hub = await createNode(['/ip4/127.0.0.1/tcp/0'])
    await hub.handle(protocol, (stream) => void streams.push(stream), { maxInboundStreams: 1_000 })
    return { address: hub.getMultiaddrs()[0].toString() }
  },
  async join({ count, address }) {
    for (let i = 0; i < count; i++) {
      const node = await createNode()
      const stream = await (await node.dial(multiaddr(address))).newStream(protocol)
      got.push(
        new Promise((resolve) => {
          stream.addEventListener('message', resolve, { once: true })
        }),
      )
    }
  },
  async edit() {
    for (const stream of streams) stream.send(new TextEncoder().encode('after'))
  },
  async received() {
    await Promise.all(got)
  },
  async peers() {
    return hub.getConnections().length
  },
  memory: residentKiB,
})
