/** A ring of nodes in which each pair of neighbours has another transport in common, and no other pair has one. */
import type { GossipTopic } from '@vudo/gossip'
import { createP2P, type P2P, type P2POptions } from '@vudo/p2p'
import { startRelay } from '@vudo/relay'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { createMemoryMedium, memory } from '@vudo/transport-memory'
import { expect, it, onTestFinished } from 'vitest'

const ring = ['tcp', 'libp2p', 'relay', 'hyperswarm', 'memory'] as const

it('tcp, libp2p, relay, hyperswarm and memory peers hear each message once', async () => {
  const nodes = await startRing()
  const topics = nodes.map((node) => node.gossip().join('news'))
  await connectRing(nodes)
  const signal = AbortSignal.timeout(20_000)
  await Promise.all(nodes.map((node) => node.gossip().whenPeers('news', 2, { signal })))
  expect(edgesOf(nodes)).toEqual([...ring])

  const perNode = 5
  const heard = topics.map((topic) => hear(topic, (nodes.length - 1) * perNode))
  for (let i = 0; i < perNode; i++) {
    await Promise.all(topics.map((topic, at) => topic.publish(Uint8Array.of(at, i))))
  }
  const counts = await Promise.all(heard)
  const others = nodes.map((_, at) => nodes.filter((__, other) => other !== at).length * perNode)
  expect(counts.map(({ size }) => size)).toEqual(others)
  // Whatever came twice waits in a topic that nobody reads any more.
  for (const topic of topics) topic.leave()
  const rest = await Promise.all(topics.map((topic) => hear(topic, Infinity)))
  expect(rest.map(({ size }) => size)).toEqual(nodes.map(() => 0))
}, 60_000)

async function startRing(): Promise<readonly P2P[]> {
  const relay = await startRelay({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => relay.close())
  const table = await startBootstrap({ host: '127.0.0.1' })
  onTestFinished(() => table.close())
  const inMemory = memory({ medium: createMemoryMedium() })
  const nodes: P2P[] = []
  for (const [at, name] of ring.entries()) {
    const names = [name, ring[(at + 1) % ring.length] ?? name]
    const node = await createP2P({
      ...local,
      transports: names.map((one) => (one === 'memory' ? inMemory : one)),
      relayUrl: names.includes('relay') ? relay.url : undefined,
      bootstrapNodes: names.includes('hyperswarm') ? [table.address] : undefined,
      database: nodes[0]?.ticket,
    })
    onTestFinished(() => node.stop())
    await node.start()
    nodes.push(node)
  }
  return nodes
}

const local: P2POptions = {
  storage: 'memory',
  bindAddress: '127.0.0.1',
  port: 0,
  maxNewConnectionsPerSecond: 1_000,
  discovery: { enableMdns: false, discoveryIntervalMs: 1_000 },
  gossip: true,
}

/** Neighbours find each other at the relay, in the hash table and in memory; the others are dialled. */
async function connectRing(nodes: readonly P2P[]): Promise<void> {
  for (const [at, name] of ring.entries()) {
    const [left, right] = [nodes.at(at - 1), nodes[at]]
    const address = right?.addresses.find((one) => one.startsWith(`${name}://`))
    if ((name === 'tcp' || name === 'libp2p') && address !== undefined) {
      await left?.connectPeer(address)
    }
  }
}

/** The transport over which each node is connected with the one before it. */
function edgesOf(nodes: readonly P2P[]): readonly (string | undefined)[] {
  return nodes.map((node, at) => {
    const before = nodes.at(at - 1)?.peerId ?? ''
    return node.network.session(before)?.path?.transport
  })
}

/** The first `count` messages of a topic, or all until it is left; a set, so that one that comes twice leaves another one out. */
async function hear(topic: GossipTopic, count: number): Promise<ReadonlySet<string>> {
  const texts: string[] = []
  for await (const { author, bytes } of topic) {
    texts.push(`${author} ${bytes.join()}`)
    if (texts.length === count) break
  }
  return new Set(texts)
}
