import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createCapabilityDirectory,
  createDocumentAnnouncer,
  type Capabilities,
  type CapabilityDirectory,
  type Gossip,
} from '@vudo/gossip'
import { encodeDocuments } from '../../src/announcements/document-wire.ts'
import { startPair } from '../nodes.ts'

function directoryOf(gossip: Gossip, capabilities?: Partial<Capabilities>): CapabilityDirectory {
  const directory = createCapabilityDirectory({ gossip, capabilities })
  onTestFinished(() => directory.close())
  return directory
}

describe('capabilities', () => {
  it('are known to the others, and taken back', async () => {
    const { a, gossipA, gossipB } = await startPair()
    const there = directoryOf(gossipB)
    const heard = there.events.once('peer:capabilities', { signal: AbortSignal.timeout(20_000) })
    const here = directoryOf(gossipA, { blobs: true, protocols: ['/my-app/1'], metered: true })
    expect(await heard).toMatchObject({ peerId: a.key.peerId, capabilities: { blobs: true } })
    expect(there.peersWith('blobs')).toEqual([a.key.peerId])
    expect(there.peersWith('/my-app/1')).toEqual([a.key.peerId])
    expect([there.peersWith('relay'), there.peersWith('unmetered')]).toEqual([[], []])
    expect(there.of(a.key.peerId)).toEqual(here.own)

    const gone = there.events.once('peer:capabilities', { signal: AbortSignal.timeout(20_000) })
    await here.close()
    expect(await gone).toEqual({ peerId: a.key.peerId, capabilities: undefined })
    expect(there.peersWith('blobs')).toEqual([])
  })

  it('are checked before they are said', async () => {
    const { gossipA } = await startPair({ isConnected: false })
    const here = directoryOf(gossipA)
    expect(() => here.set({ storageBytes: -1 })).toThrow(RangeError)
    expect(() => here.set({ protocols: ['x'.repeat(65)] })).toThrow(RangeError)
    expect(() => here.set({ protocols: Array<string>(65).fill('/a') })).toThrow(RangeError)
    expect(here.own.storageBytes).toBe(0)
  })
})

describe('documents', () => {
  it('are pulled from who has announced them', async () => {
    const { a, b, gossipA, gossipB } = await startPair()
    const [id, head] = ['ab'.repeat(16), 'cd'.repeat(32)]
    const asked: unknown[] = []
    const dialled = Promise.withResolvers<unknown>()
    const reader = createDocumentAnnouncer({
      gossip: gossipB,
      addresses: () => [],
      isConnected: () => false,
      sessionOf: (peerId) => b.network.session(peerId),
      hasHeads: async (...question) => {
        asked.push(question)
        return false
      },
      connect: async (...target) => dialled.resolve(target),
    })
    onTestFinished(() => reader.close())
    const writer = createDocumentAnnouncer({
      gossip: gossipA,
      addresses: () => ['tcp://10.0.0.1:1'],
      isConnected: () => true,
      hasHeads: async () => true,
      connect: async () => {},
    })
    onTestFinished(() => writer.close())
    await gossipA.whenPeers('vudo/documents/1', 1)
    writer.changed(id, [head], true)
    expect(await dialled.promise).toEqual([a.key.peerId, ['tcp://10.0.0.1:1']])
    expect(asked).toEqual([[id, [head]]])
  })

  it('are not looked for at private addresses that come from another network', async () => {
    const { a, gossipA, gossipB } = await startPair()
    const dialled = Promise.withResolvers<unknown>()
    const reader = createDocumentAnnouncer({
      gossip: gossipB,
      addresses: () => [],
      isConnected: () => false,
      // Nothing is known of how the neighbour is reached.
      sessionOf: () => undefined,
      hasHeads: async () => false,
      connect: async (...target) => dialled.resolve(target),
    })
    onTestFinished(() => reader.close())
    const topic = gossipA.join('vudo/documents/1')
    await gossipA.whenPeers('vudo/documents/1', 1)
    const inside = ['tcp://169.254.169.254:80', 'tcp://127.0.0.1:6379', 'tcp://10.0.0.1:1']
    const documents = [{ id: 'ab'.repeat(16), heads: ['cd'.repeat(32)] }]
    const addresses = [...inside, 'tcp://1.1.1.1:443']
    await topic.publish(encodeDocuments({ addresses, documents }))
    expect(await dialled.promise).toEqual([a.key.peerId, ['tcp://1.1.1.1:443']])
  })
})
