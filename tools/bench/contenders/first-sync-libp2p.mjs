/** One side of bare libp2p with its mDNS, which uses every interface: run it in a namespace of its own only. */
import { identify } from '@libp2p/identify'
import { mdns } from '@libp2p/mdns'
import { answer } from '../support/workers.mjs'
import { createNode } from './libp2p.mjs'

let node
const connected = Promise.withResolvers()

answer({
  async prepare() {
    node = await createNode(['/ip4/127.0.0.1/tcp/0'], {
      start: false,
      peerDiscovery: [mdns({ interval: 1_000, serviceTag: 'vudo-bench.local' })],
      services: { identify: identify() },
    })
    node.addEventListener(
      'peer:discovery',
      ({ detail }) => void node.dial(detail.id).catch(() => {}),
    )
    node.addEventListener('connection:open', () => connected.resolve())
    return {}
  },
  async start() {
    await node.start()
  },
  async seen() {
    await connected.promise
  },
})
