/** js-libp2p with TCP, Noise (its native crypto) and Yamux, messages with a four-byte length: streams keep no boundaries. */
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const protocol = '/bench/1'

export function createNode(addresses = [], more = {}) {
  return createLibp2p({
    addresses: { listen: addresses },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1_000, maxConnections: 1_000 },
    ...more,
  })
}

export async function serve(answer) {
  const node = await createNode(['/ip4/127.0.0.1/tcp/0'])
  await node.handle(protocol, (stream) => void answer(framed(stream)))
  return node.getMultiaddrs()[0].toString()
}

export async function connect(address) {
  const node = await createNode()
  const connection = await node.dial(multiaddr(address))
  return framed(await connection.newStream(protocol))
}

function framed(stream) {
  const messages = read(stream)
  return {
    async send(bytes) {
      const frame = new Uint8Array(4 + bytes.byteLength)
      new DataView(frame.buffer).setUint32(0, bytes.byteLength)
      frame.set(bytes, 4)
      if (!stream.send(frame)) await stream.onDrain()
    },
    receive: async () => (await messages.next()).value,
  }
}

async function* read(stream) {
  let chunks = []
  let held = 0
  let wanted = 4
  let isHead = true
  for await (const data of stream) {
    const chunk = data.subarray()
    chunks.push(chunk)
    held += chunk.byteLength
    while (held >= wanted) {
      const all = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, held)
      const part = all.subarray(0, wanted)
      chunks = [all.subarray(wanted)]
      held -= wanted
      if (isHead) wanted = new DataView(part.buffer, part.byteOffset).getUint32(0)
      else {
        yield part
        wanted = 4
      }
      isHead = !isHead
    }
  }
}
