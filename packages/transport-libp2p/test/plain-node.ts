/** A node of the plain stack: nothing in it comes from our sources. */
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'

export async function createPlainNode(options: Libp2pOptions = {}): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1_000 },
    ...options,
    services: { identify: identify(), ping: ping(), ...options.services },
  })
}

/** A frame as `docs/wire-formats/libp2p.md` has it, by hand. */
export function frame(lane: number, message: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(5 + message.length)
  bytes.writeUInt32BE(1 + message.length)
  bytes[4] = lane
  bytes.set(message, 5)
  return bytes
}

/** What stands behind the scheme. */
export function multiaddrOf(address: string): Multiaddr {
  return multiaddr(address.slice('libp2p://'.length))
}

/** How others reach a plain node of ours. */
export function addressOf(node: Libp2p): string {
  const [first] = node.getMultiaddrs()
  return `libp2p://${String(first)}`
}
