/** What others may send: groups TF and GA of the list of attacks, and those of PR that concern messages. */
import { createHash } from 'node:crypto'
import type { RPC } from '@libp2p/gossipsub/message'
import { createEd25519Key, type NodeKey } from '@vudo/identity'
import { MAX_FAULTS, MAX_FRAME_MESSAGE_IDS, MAX_FRAME_MESSAGES, MAX_TOPICS } from '@vudo/gossip'
import { waitFor } from '@vudo/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { topicToWireName } from '../src/create-gossip.ts'
import { FrameRate } from '../src/frame-rate.ts'
import { GOSSIP_PROTOCOL } from '../src/neighbour-links.ts'
import { frameOf, multihashOf, noControl, rpcOf, signedMessage } from './frames.ts'
import { nextOf, sharedSession, startGossip, startNode, startPair } from './nodes.ts'
import { createWired, topic, turn, wire, wireAttacker } from './wired-routers.ts'

const utf8 = new TextEncoder()
const hello = utf8.encode('hello')

function messagesIn(frames: readonly Uint8Array[] = []): RPC.Message[] {
  return frames.flatMap((frame) => rpcOf(frame).messages)
}

describe('a router', () => {
  it('GA1: delivers a message once and passes it on once, however often it is sent', async () => {
    const [a, b, c] = [await createWired(), await createWired(), await createWired()]
    for (const { router } of [a, b, c]) router.subscribe(topic)
    const fromA = await wire(a, b)
    await wire(b, c)
    await waitFor(() => b.router.meshSize(topic) === 2, { describe: () => 'a mesh of three' })
    await a.router.publish(topic, hello)
    await waitFor(() => c.delivered.length === 1, { describe: () => 'the message at the end' })
    const frame = a.sent.get(b.key.peerId)?.find((sent) => messagesIn([sent]).length > 0)
    for (let i = 0; i < 1_000; i++) await fromA.push(frame?.slice() ?? new Uint8Array())
    await turn()
    expect(b.delivered).toHaveLength(1)
    expect(c.delivered).toHaveLength(1)
    expect(messagesIn(b.sent.get(c.key.peerId))).toHaveLength(1)
  })

  it('GA2: neither delivers nor passes on what the window of numbers refuses', async () => {
    const [a, b, c] = [
      await createWired(),
      await createWired({ accept: () => false }),
      await createWired(),
    ]
    for (const { router } of [a, b, c]) router.subscribe(topic)
    await wire(a, b)
    await wire(b, c)
    await waitFor(() => b.router.meshSize(topic) === 2)
    await a.router.publish(topic, hello)
    await turn()
    await turn()
    expect(b.delivered).toEqual([])
    expect(messagesIn(b.sent.get(c.key.peerId))).toEqual([])
    // An old message is nobody's fault: who passes it on may not know.
    expect(b.router.scoreOf(a.key.peerId)).toBeGreaterThanOrEqual(0)
  })

  it('GA3: asks for no more announced messages than one list holds', async () => {
    const b = await createWired()
    b.router.subscribe(topic)
    const { heard, stream } = await wireAttacker(b)
    for (let round = 0; round < 8; round++) {
      const messageIDs = Array.from({ length: MAX_FRAME_MESSAGE_IDS }, (_, i) =>
        new Uint8Array(createHash('sha256').update(`${round}/${i}`).digest()).slice(0, 24),
      )
      const ihave = [{ topicID: topic, messageIDs }]
      await stream.push(frameOf({ control: { ...noControl, ihave } }))
    }
    await turn()
    const asked = heard
      .flatMap((frame) => rpcOf(frame).control?.iwant ?? [])
      .reduce((sum, { messageIDs }) => sum + messageIDs.length, 0)
    expect(asked).toBeGreaterThan(0)
    expect(asked).toBeLessThanOrEqual(MAX_FRAME_MESSAGE_IDS)
  })

  it('TF2: forgets the topics of a neighbour that is gone', async () => {
    const b = await createWired()
    const { peerId, stream } = await wireAttacker(b)
    for (let round = 0; round < 50; round++) {
      for (const subscribe of [true, false, true]) {
        const subscriptions = Array.from({ length: 200 }, (_, i) => ({
          subscribe,
          topic: `${round}/${i}`,
        }))
        await stream.push(frameOf({ subscriptions }))
      }
    }
    await turn()
    // Shorter names than ours take a little less room.
    const known = (): number =>
      Array.from({ length: 10_000 }, (_, i) => `${Math.floor(i / 200)}/${i % 200}`).filter(
        (name) => b.router.subscribers(name).length > 0,
      ).length
    expect(known()).toBeGreaterThan(0)
    expect(known()).toBeLessThanOrEqual(MAX_TOPICS + 8)
    b.router.removeNeighbour(peerId)
    expect(known()).toBe(0)
  })

  it('PR1: ignores what is signed by another key, and it costs the sender score', async () => {
    const b = await createWired()
    b.router.subscribe(topic)
    const { peerId, stream } = await wireAttacker(b)
    const message = {
      from: multihashOf(b.key.publicKey),
      data: hello,
      seqno: new Uint8Array(8).fill(1),
      topic,
      signature: createEd25519Key().sign(hello),
    }
    await stream.push(frameOf({ messages: [message] }))
    // A score is worked out once per second.
    await waitFor(() => (b.router.scoreOf(peerId) ?? 0) < 0)
    expect(b.delivered).toEqual([])
  })
})

describe('the reading of a neighbour', () => {
  it('TF2: takes minutes over 100,000 frames, however fast they come', () => {
    const rate = new FrameRate(0)
    let waitMs = 0
    for (let i = 0; i < 100_000; i++) waitMs = rate.take(0)
    expect(waitMs).toBeGreaterThan(180_000)
  })
})

describe('a node', () => {
  it('ends the session of a neighbour that breaks the protocol again and again', async () => {
    const { a, gossipA, b } = await startPair()
    gossipA.join('news')
    await waitFor(() => gossipA.neighbours.length === 1)
    const session = await sharedSession(b, a)
    const channel = session.openChannel(GOSSIP_PROTOCOL, { database: 'db' })
    await channel.send(Uint8Array.of(5, 1, 2))
    await waitFor(() => gossipA.counters.faults === 1)
    await waitFor(() => (gossipA.scoreOf(b.key.peerId) ?? 0) < 0)
    for (let i = 1; i < MAX_FAULTS; i++) await channel.send(Uint8Array.of(5, 1, 2))
    await session.closed
    expect(gossipA.counters).toMatchObject({ faults: MAX_FAULTS, banned: 1 })
    // It may come back, and then nobody talks to it.
    await b.network.connectPeer(a.address)
    const again = await sharedSession(b, a)
    const refused = again.openChannel(GOSSIP_PROTOCOL, { database: 'db' })
    expect((await refused.closed).error).toMatchObject({ peerCode: 'ERR_GOSSIP_CLOSED' })
    expect(gossipA.neighbours).toEqual([])
  })

  it('GA2, PR3: counts and drops what its window of numbers refuses, and its own that come back', async () => {
    const { a, b, gossipA } = await startPair()
    const news = gossipA.join('news')
    await waitFor(() => gossipA.neighbours.length === 1)
    const session = await sharedSession(b, a)
    const channel = session.openChannel(GOSSIP_PROTOCOL, { database: 'db' })
    const wireName = topicToWireName('db', 'news')
    const present = BigInt(Date.now()) * 1_000_000n
    const send = (key: NodeKey, sequence: bigint): Promise<void> => {
      const message = signedMessage(key, { topic: wireName, sequence, data: hello })
      return channel.send(frameOf({ messages: [message] }))
    }
    await send(b.key, present * 2n)
    await send(a.key, present)
    await send(b.key, present)
    expect(await nextOf(news)).toMatchObject({ author: b.key.peerId, sequence: present })
    expect(gossipA.counters).toMatchObject({ delivered: 1, refused: 2, faults: 0 })
  })

  it('ends the session of a neighbour whose score is beyond repair', async () => {
    const { a, b, gossipA } = await startPair()
    gossipA.join('news')
    await waitFor(() => gossipA.neighbours.length === 1)
    const session = await sharedSession(b, a)
    const channel = session.openChannel(GOSSIP_PROTOCOL, { database: 'db' })
    const wireName = topicToWireName('db', 'news')
    // Without a payload: nothing that a reader could be given.
    const messages = [1n, 2n, 3n, 4n].map((sequence) =>
      signedMessage(b.key, { topic: wireName, sequence, data: new Uint8Array(0) }),
    )
    await channel.send(frameOf({ messages }))
    await session.closed
    expect(gossipA.counters).toMatchObject({ delivered: 0, faults: 0, banned: 1 })
  })

  it('TF2: reads a frame of many messages no faster than as many frames', async () => {
    const { a, b, gossipA } = await startPair()
    const take = vi.spyOn(FrameRate.prototype, 'take')
    onTestFinished(() => take.mockRestore())
    await waitFor(() => gossipA.neighbours.length === 1)
    const session = await sharedSession(b, a)
    const channel = session.openChannel(GOSSIP_PROTOCOL, { database: 'db' })
    const message = {
      from: multihashOf(b.key.publicKey),
      data: hello,
      seqno: new Uint8Array(8),
      topic,
      signature: new Uint8Array(64),
    }
    const messages = Array.from({ length: MAX_FRAME_MESSAGES }, () => message)
    await channel.send(frameOf({ messages }))
    const counts = (): readonly unknown[] => take.mock.calls.map(([, count]) => count)
    await waitFor(() => counts().includes(MAX_FRAME_MESSAGES))
    expect(counts()).toContain(MAX_FRAME_MESSAGES)
  })

  it('PR4: takes no channel of a peer that is no member', async () => {
    const a = await startNode()
    const gossipA = await startGossip(a)
    const stranger = await startNode()
    await stranger.network.leave('db')
    await stranger.network.join({ id: 'other' })
    await a.network.join({ id: 'other' })
    await stranger.network.connectPeer(a.address)
    const channel = stranger.network
      .session(a.key.peerId)
      ?.openChannel(GOSSIP_PROTOCOL, { database: 'db' })
    expect((await channel?.closed)?.error).toMatchObject({ code: 'ERR_NOT_MEMBER' })
    expect(gossipA.neighbours).toEqual([])
  })

  it('gives a message of one database no meaning in another', async () => {
    const { a, b, gossipA, gossipB } = await startPair()
    await a.network.join({ id: 'other' })
    await b.network.join({ id: 'other' })
    const [news, heard] = [gossipA.join('news'), gossipB.join('news')]
    await gossipA.whenPeers('news', 1)
    await news.publish(hello)
    expect((await nextOf(heard)).author).toBe(a.key.peerId)
    expect(topicToWireName('db', 'news')).not.toBe(topicToWireName('other', 'news'))
  })
})
