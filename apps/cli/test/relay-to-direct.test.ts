/** Whole nodes that meet at a relay of ours and move to a direct way, in one session. */
import { createP2P, type P2P, type P2POptions } from '@vudo/p2p'
import { startRelay } from '@vudo/relay'
import { expect, it, onTestFinished } from 'vitest'
import '@vudo/transport-relay'

async function startNode(options: P2POptions): Promise<P2P> {
  const node = await createP2P({
    storage: 'memory',
    bindAddress: '127.0.0.1',
    port: 0,
    maxNewConnectionsPerSecond: 1_000,
    discovery: { enableMdns: false },
    ...options,
  })
  onTestFinished(() => node.stop())
  await node.start()
  return node
}

function transportsTo(node: P2P, peerId: string): (string | undefined)[] {
  return (node.network.session(peerId)?.paths ?? [])
    .toSorted((a, b) => Number(b.isBest) - Number(a.isBest))
    .map(({ path }) => path.transport)
}

it('auto: peers that know only a relay are connected over it, then directly, and stay so without it', async () => {
  const relay = await startRelay({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => relay.close())
  const a = await startNode({ relayUrl: relay.url })
  const first = a.events.once('session:started', { signal: AbortSignal.timeout(20_000) })
  const b = await startNode({ relayUrl: relay.url, database: a.ticket })
  const { session } = await first
  expect(session.path?.transport).toBe('relay')
  b.handle('/count/1', async (channel) => {
    for await (const message of channel) await channel.send(message)
  })
  await expect.poll(() => session.databases.size, { timeout: 20_000 }).toBe(1)
  const channel = a.openChannel(b.peerId, '/count/1', { priority: 'high' })
  const exchange = async (number: number): Promise<void> => {
    await channel.send(Uint8Array.of(number & 255))
    expect(await channel.receive()).toEqual(Uint8Array.of(number & 255))
  }
  for (let i = 0; i < 50; i++) await exchange(i)
  await expect.poll(() => transportsTo(a, b.peerId), { timeout: 20_000 }).toEqual(['tcp', 'relay'])
  await relay.close()
  await expect.poll(() => transportsTo(a, b.peerId), { timeout: 20_000 }).toEqual(['tcp'])
  for (let i = 50; i < 100; i++) await exchange(i)
  expect(a.network.sessions).toEqual([session])
}, 60_000)
