/**
 * A gateway between an open database and libp2p: a stock libp2p node with GossipSub reads
 * what members publish, and members read what it publishes. The database has to be open:
 * whoever is behind the gateway is no member, and the gateway signs here what came from there.
 */
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { GossipTopic } from '@vudo/gossip'
import { createP2P } from '@vudo/p2p'
import { createLibp2p } from 'libp2p'

const local = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  discovery: { enableMdns: false },
  database: 'open:example-gateway',
  gossip: true,
} as const
const stock = {
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
}
const makeServices = () => ({ identify: identify(), pubsub: gossipsub() })

const member = await createP2P(local)
const inside = await createP2P(local)
await Promise.all([member.start(), inside.start()])
await member.connectPeer(inside.addresses[0] ?? '')
const outside = await createLibp2p({ ...stock, services: makeServices() })
const stranger = await createLibp2p({ ...stock, services: makeServices() })

// The gateway: each message goes to the other side once. Neither side gives back what was
// published through it, so nothing goes round in circles.
const theirs = outside.services.pubsub
const ours = inside.gossip().join('news')
theirs.addEventListener('message', ({ detail }) => void ours.publish(detail.data))
theirs.subscribe('news')
void passOn(ours)

// A node of libp2p that knows nothing of us.
const heard = Promise.withResolvers<string>()
const { pubsub } = stranger.services
pubsub.addEventListener('message', ({ detail }) => heard.resolve(text(detail.data)))
const joined = Promise.withResolvers<void>()
pubsub.addEventListener('subscription-change', () => joined.resolve())
// Its mesh has to stand before anything reaches it.
const meshed = Promise.withResolvers<void>()
theirs.addEventListener('gossipsub:graft', () => meshed.resolve())
pubsub.subscribe('news')
await stranger.dial(outside.getMultiaddrs())
await Promise.all([joined.promise, meshed.promise])

const news = member.gossip().join('news')
await member.gossip().whenPeers('news', 1)
await news.publish(bytes('hello from a member'))
console.log('libp2p hears:', await heard.promise)

await pubsub.publish('news', bytes('hello from libp2p'))
for await (const message of news) {
  console.log('the member hears:', text(message.bytes))
  console.log('signed by the gateway:', message.author === inside.peerId)
  break
}

await Promise.all([member.stop(), inside.stop(), outside.stop(), stranger.stop()])

async function passOn(topic: GossipTopic): Promise<void> {
  for await (const message of topic) await theirs.publish(topic.name, message.bytes)
}

function bytes(words: string): Uint8Array {
  return new TextEncoder().encode(words)
}

function text(message: Uint8Array): string {
  return new TextDecoder().decode(message)
}
