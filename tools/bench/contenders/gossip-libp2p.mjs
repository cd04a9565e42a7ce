/**
 * Bare libp2p with GossipSub. With the argument `ours` its mesh is as small as ours; without one
 * its settings are those that it comes with.
 */
import process from 'node:process'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { LAZY_DEGREE, MESH_DEGREE, MESH_HIGH, MESH_LOW } from '@vudo/gossip'
import { createLibp2p } from 'libp2p'
import { serve } from '../support/gossip-worker.mjs'

const mesh =
  process.argv[2] === 'ours'
    ? { D: MESH_DEGREE, Dlo: MESH_LOW, Dhi: MESH_HIGH, Dscore: 1, Dout: 1, Dlazy: LAZY_DEGREE }
    : {}

serve(async (onMessage) => {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1_000 },
    services: {
      identify: identify(),
      pubsub: gossipsub({ ...mesh, allowPublishToZeroTopicPeers: true }),
    },
  })
  const { pubsub } = node.services
  pubsub.addEventListener('message', ({ detail }) => {
    if (detail.type === 'signed') onMessage(detail.data)
  })
  pubsub.subscribe('bench')
  return {
    address: node.getMultiaddrs()[0].toString(),
    dial: (address) => node.dial(multiaddr(address)),
    ready: (count) => subscribed(pubsub, count),
    publish: (bytes) => pubsub.publish('bench', bytes),
  }
})

async function subscribed(pubsub, count) {
  while (pubsub.getSubscribers('bench').length < count) {
    await new Promise((resolve) => {
      pubsub.addEventListener('subscription-change', resolve, { once: true })
    })
  }
}
