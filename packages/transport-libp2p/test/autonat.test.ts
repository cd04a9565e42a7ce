import { expect, it, onTestFinished } from 'vitest'
import { multiaddr } from '@multiformats/multiaddr'
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { parseLibp2pOptions } from '../src/libp2p-options.ts'
import { startNode, type StackNode } from '../src/node.ts'
import { stackLoaders, type StackLoaders } from '../src/stack.ts'
import { createContext, until } from './nodes.ts'
import { createPlainNode } from './plain-node.ts'

/** With AutoNAT, and without UPnP, which would send to every network this machine is on. */
async function startWithAutoNat(): Promise<StackNode> {
  const context = createContext()
  const options = { enableNatTraversal: true, enableQuic: false }
  const node = await startNode({
    loaders: {
      ...stackLoaders,
      '@libp2p/upnp-nat': async () => ({ uPnPNAT: () => () => ({}) }),
    } as unknown as StackLoaders,
    context,
    options: parseLibp2pOptions(options, context.settings),
    onMdnsPeer: () => undefined,
  })
  onTestFinished(() => node.libp2p.stop())
  return node
}

/**
 * Addresses that AutoNAT takes: it tries none that it knows to be private, none of its own
 * host, and only those of the host it is asked from. It knows this name by its small letters.
 */
function namesOf(node: Libp2p): string[] {
  const ports = node.getMultiaddrs().map((one) => one.toString().split('/')[4] ?? '')
  return ports.map((port) => `/dns4/LOCALHOST/tcp/${port}`)
}

/** A field of bytes, fewer than 128. */
function field(number: number, bytes: Uint8Array): Uint8Array {
  return Uint8Array.of((number << 3) | 2, bytes.length, ...bytes)
}

/** The message `Dial` of AutoNAT 1.0.0 with its length: `type` 0, and `dial.peer` with `id` and `addrs`. */
function question(id: PeerId, address: string): Uint8Array {
  const [idBytes, addressBytes] = [id.toMultihash().bytes, multiaddr(address).bytes]
  const peer = Uint8Array.of(...field(1, idBytes), ...field(2, addressBytes))
  const message = Uint8Array.of(8, 0, ...field(2, field(1, peer)))
  return Uint8Array.of(message.length, ...message)
}

/** The field `status` of the answer: 0 is reached, 100 is not reached. It comes in one piece. */
async function statusFrom(stream: Stream): Promise<number> {
  for await (const chunk of stream) {
    const [, type, response, answer, , status, value] = chunk.subarray()
    expect([type, response, answer, status]).toEqual([8, 1, (3 << 3) | 2, 8])
    return value ?? -1
  }
  throw new Error('the stream ended without an answer')
}

it('tries by a new connection whether a peer can be reached, and keeps the one it has', async () => {
  const peer = await createPlainNode({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0'] },
  })
  onTestFinished(() => peer.stop())
  const { libp2p } = await startWithAutoNat()
  const [first = '', second = ''] = namesOf(peer)
  const connection = await libp2p.dial(multiaddr(first))
  await until(() => peer.getConnections().length === 1)
  const [toNode] = peer.getConnections() as [Connection]
  const stream = await toNode.newStream('/libp2p/autonat/1.0.0')
  stream.send(question(peer.peerId, second))
  expect(await statusFrom(stream)).toBe(0)
  expect([connection.status, toNode.status]).toEqual(['open', 'open'])
  expect(libp2p.getConnections()).toEqual([connection])
})
