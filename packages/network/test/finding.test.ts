import { setTimeout as after } from 'node:timers/promises'
import { createNodeKey, type NodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import {
  parseTransportConfig,
  type Discovery,
  type PeerRecord,
  type Transport,
} from '@vudo/transport'
import { createMemoryMedium, memory } from '@vudo/transport-memory'
import { describe, expect, it } from 'vitest'
import { startNode } from './nodes.ts'

const secret = new Uint8Array(32).fill(7)

/** A board on which every node of a test hangs its record. */
class Board {
  readonly records = new Map<string, Map<string, PeerRecord>>()

  createDiscovery(): Discovery {
    const { records } = this
    const own = new Set<string>()
    const under = (topic: Uint8Array): Map<string, PeerRecord> => {
      const key = Buffer.from(topic).toString('hex')
      const present = records.get(key) ?? new Map<string, PeerRecord>()
      records.set(key, present)
      return present
    }
    return {
      name: 'board',
      isLocal: true,
      announce: async (topic, record) => {
        own.add(record.peerId)
        under(topic).set(record.peerId, record)
      },
      withdraw: async (topic) => {
        for (const peerId of own) under(topic).delete(peerId)
      },
      lookup: async (topic) => [...under(topic).values()],
      // Nothing but lookups finds peers here: `watch` waits until it is ended.
      watch: async function* (topic, { signal } = {}) {
        await after(2 ** 31 - 1, undefined, { signal })
        yield* under(topic).values()
      },
      close: async () => {},
    }
  }
}

function memoryTransport(key: NodeKey, medium: ReturnType<typeof createMemoryMedium>): Transport {
  const settings = parseTransportConfig({ maxNewConnectionsPerSecond: 10_000 })
  return memory({ medium })({ ...createTransportContext(key), settings })
}

describe('peers of a database', () => {
  it('find each other through a transport that discovers, and become one session', async () => {
    const medium = createMemoryMedium()
    const nodes = await Promise.all(
      [createNodeKey(), createNodeKey(), createNodeKey()].map((key) => {
        const transports = [memoryTransport(key, medium)]
        return startNode({ discoveryIntervalMs: 100 }, { key, transports })
      }),
    )
    for (const { network } of nodes) await network.join({ id: 'db', secret })
    for (const { network } of nodes) {
      await expect.poll(() => network.connectedPeers().length, { timeout: 5_000 }).toBe(2)
      expect(network.sessions).toHaveLength(2)
    }
  })

  it('find each other through a discovery, over tcp, and come back after a stop', async () => {
    const board = new Board()
    const options = { discoveryIntervalMs: 100 }
    const a = await startNode(options, { discoveries: [board.createDiscovery()] })
    const b = await startNode(options, { discoveries: [board.createDiscovery()] })
    const found = a.network.events.once('peer:discovered')
    await a.network.join({ id: 'db', secret })
    await b.network.join({ id: 'db', secret })
    expect((await found).id).toBe(b.key.peerId)
    await expect.poll(() => a.network.isPeerConnected(b.key.peerId), { timeout: 5_000 }).toBe(true)
    const [listed] = await a.network.discoverPeers()
    expect(listed).toBeDefined()
    await b.network.stop()
    expect(a.network.isPeerConnected(b.key.peerId)).toBe(false)
    const again = await startNode(options, { key: b.key, discoveries: [board.createDiscovery()] })
    await again.network.join({ id: 'db', secret })
    await expect.poll(() => a.network.isPeerConnected(b.key.peerId), { timeout: 5_000 }).toBe(true)
  })
})
