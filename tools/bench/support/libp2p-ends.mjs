/**
 * Bare libp2p in a contest, in its best configuration: no identify and no ping beside the stream,
 * Noise with its native crypto, chunks written as they are. What is not a ping is not looked at.
 */
import { noise } from '@libp2p/noise'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { createPongs, endsInPing, marked, ping } from './ping-bytes.mjs'

const protocol = '/bench/1'

/** A contender over one of libp2p's transports, which listens at `listen`. */
export function contenderOf(transport, listen) {
  return {
    serve: async () => {
      const node = await createNode(transport, [listen])
      await node.handle(protocol, answer, { maxInboundStreams: 1_000 })
      return node.getMultiaddrs()[0].toString()
    },
    connect: async (address) => {
      return dial(await createNode(transport, []), multiaddr(address))
    },
  }
}

function createNode(transport, listen) {
  return createLibp2p({
    addresses: { listen },
    transports: [transport],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: {
      inboundConnectionThreshold: 1_000,
      maxConnections: 1_000,
      maxIncomingPendingConnections: 1_000,
    },
  })
}

function answer(stream) {
  stream.addEventListener('message', ({ data }) => {
    if (endsInPing(data)) stream.send(ping)
  })
}

async function dial(node, address) {
  const connection = await node.dial(address)
  const stream = await connection.newStream(protocol)
  const pongs = createPongs()
  stream.addEventListener('message', () => pongs.arrived())
  return {
    send: (bytes) => (stream.send(marked(bytes)) ? undefined : stream.onDrain()),
    receive: () => pongs.receive(),
    // Gently it would wait for the far end's half of the stream.
    close: () => connection.abort(new Error('closed')),
    redial: () => dial(node, address),
  }
}
