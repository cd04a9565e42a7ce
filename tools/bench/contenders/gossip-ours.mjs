/** `@vudo/gossip` over sessions of `@vudo/transport-libp2p`: TCP, Noise and Yamux. */
import { createGossip } from '@vudo/gossip'
import { createNodeKey } from '@vudo/identity'
import { createNetwork } from '@vudo/network'
import { createTransportContext } from '@vudo/secure-channel'
import { parseTransportConfig } from '@vudo/transport'
import { libp2p } from '@vudo/transport-libp2p'
import { serve } from '../support/gossip-worker.mjs'

const database = { id: 'bench', secret: new Uint8Array(32).fill(7) }

serve(async (onMessage) => {
  const key = createNodeKey()
  const settings = parseTransportConfig({
    bindAddress: '127.0.0.1',
    port: 0,
    maxNewConnectionsPerSecond: 1_000,
  })
  const transport = libp2p({ enableQuic: false })({ ...createTransportContext(key), settings })
  // The layout is that of the contest: nobody is dialled but by it.
  const network = createNetwork({ key, transports: [transport] })
  await network.start()
  await network.join(database)
  const gossip = await createGossip({
    network,
    key,
    database: database.id,
    options: { keepsSessions: false, bufferSize: 65_536 },
  })
  const topic = gossip.join('bench')
  void deliver(topic, onMessage)
  return {
    address: network.addresses[0],
    dial: (address) => network.connectPeer(address),
    ready: (count) => gossip.whenPeers('bench', count),
    publish: (bytes) => topic.publish(bytes),
  }
})

async function deliver(topic, onMessage) {
  for await (const { bytes } of topic) onMessage(bytes)
}
