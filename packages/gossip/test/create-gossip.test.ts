import { MAX_PAYLOAD_BYTES, MAX_TOPICS } from '@vudo/gossip'
import { waitFor } from '@vudo/testing'
import { describe, expect, it } from 'vitest'
import { nextOf, startGossip, startNode, startPair } from './nodes.ts'

const utf8 = new TextEncoder()
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe('createGossip', () => {
  it('brings a message to the other node, with its proven author', async () => {
    const { a, b, gossipA, gossipB } = await startPair()
    const [topicA, topicB] = [gossipA.join('news'), gossipB.join('news')]
    await gossipA.whenPeers('news', 1)
    expect(await topicA.publish(utf8.encode('hello'))).toBe(1)
    const message = await nextOf(topicB)
    expect(message).toMatchObject({ author: a.key.peerId, from: a.key.peerId })
    expect(text(message.bytes)).toBe('hello')
    expect(gossipB.neighbours).toEqual([a.key.peerId])
    expect(topicA.peers).toEqual([b.key.peerId])
  })

  it('brings a message to the readers of its topic, and to no others', async () => {
    const { gossipA, gossipB } = await startPair()
    const [newsA, otherA] = [gossipA.join('news'), gossipA.join('other')]
    const [newsB, otherB] = [gossipB.join('news'), gossipB.join('other')]
    await Promise.all([gossipA.whenPeers('news', 1), gossipA.whenPeers('other', 1)])
    await newsA.publish(utf8.encode('for news'))
    await otherA.publish(utf8.encode('for other'))
    expect(text((await nextOf(otherB)).bytes)).toBe('for other')
    expect(text((await nextOf(newsB)).bytes)).toBe('for news')
    expect(gossipB.counters.delivered).toBe(2)
  })

  it('passes on what others publish', async () => {
    const nodes = [await startNode(), await startNode(), await startNode()] as const
    const [a, b, c] = nodes
    // A line: what reaches the far end was passed on.
    const options = { keepsSessions: false }
    const gossipA = await startGossip(a, options)
    const gossipB = await startGossip(b, options)
    const gossipC = await startGossip(c, options)
    const [topicA, topicC] = [gossipA.join('news'), gossipC.join('news')]
    gossipB.join('news')
    await a.network.connectPeer(b.address)
    await b.network.connectPeer(c.address)
    await Promise.all([gossipA.whenPeers('news', 1), gossipB.whenPeers('news', 2)])
    await topicA.publish(utf8.encode('from afar'))
    const message = await nextOf(topicC)
    expect(message).toMatchObject({ author: a.key.peerId, from: b.key.peerId })
  })

  it('finds sessions that stood before it began', async () => {
    const [a, b] = [await startNode(), await startNode()]
    await a.network.connectPeer(b.address)
    const [gossipA, gossipB] = [await startGossip(a), await startGossip(b)]
    const topicB = gossipB.join('news')
    const topicA = gossipA.join('news')
    await Promise.all([gossipA.whenPeers('news', 1), gossipB.whenPeers('news', 1)])
    await topicB.publish(utf8.encode('late'))
    expect(text((await nextOf(topicA)).bytes)).toBe('late')
  })

  it('goes on after a session was lost', async () => {
    const { a, b, gossipA, gossipB } = await startPair()
    const [topicA, topicB] = [gossipA.join('news'), gossipB.join('news')]
    await gossipA.whenPeers('news', 1)
    await b.network.session(a.key.peerId)?.close()
    await waitFor(() => gossipA.neighbours.length === 0)
    await a.network.connectPeer(b.address)
    await gossipA.whenPeers('news', 1)
    await topicA.publish(utf8.encode('again'))
    expect(text((await nextOf(topicB)).bytes)).toBe('again')
  })

  it('drops the oldest message that nobody reads, and counts it', async () => {
    const [a, b] = [await startNode(), await startNode()]
    await a.network.connectPeer(b.address)
    const gossipA = await startGossip(a)
    const gossipB = await startGossip(b, { bufferSize: 2 })
    const [topicA, topicB] = [gossipA.join('news'), gossipB.join('news')]
    await gossipA.whenPeers('news', 1)
    for (const word of ['one', 'two', 'three', 'four']) await topicA.publish(utf8.encode(word))
    await waitFor(() => gossipB.counters.delivered === 4)
    expect(topicB.dropped).toBe(2)
    expect(text((await nextOf(topicB)).bytes)).toBe('three')
  })

  it('ends a topic that is left, and its reader with it', async () => {
    const { gossipA, gossipB } = await startPair()
    const topicA = gossipA.join('news')
    gossipB.join('news')
    await gossipA.whenPeers('news', 1)
    const reading = topicA[Symbol.asyncIterator]().next()
    topicA.leave()
    topicA.leave()
    expect(await reading).toEqual({ done: true, value: undefined })
    await expect(topicA.publish(utf8.encode('x'))).rejects.toMatchObject({
      code: 'ERR_GOSSIP_CLOSED',
    })
    expect(gossipA.join('news')).not.toBe(topicA)
  })

  it('is left by each who has joined it, and read by one at a time', async () => {
    const { gossipA, gossipB } = await startPair()
    const [first, second] = [gossipA.join('news'), gossipA.join('news')]
    const there = gossipB.join('news')
    await gossipB.whenPeers('news', 1)
    const reader = first[Symbol.asyncIterator]()
    const reading = reader.next()
    expect(() => second[Symbol.asyncIterator]()).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_READER', hint: expect.any(String) }),
    )
    second.leave()
    second.leave()
    expect(second.peers).toEqual([])
    await expect(second.publish(utf8.encode('x'))).rejects.toMatchObject({
      code: 'ERR_GOSSIP_CLOSED',
      hint: 'join it again',
    })
    await there.publish(utf8.encode('still here'))
    expect(text((await reading).value?.bytes ?? new Uint8Array())).toBe('still here')
    await reader.return?.()
    const third = gossipA.join('news')
    const next = third[Symbol.asyncIterator]().next()
    third.leave()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  it('ends everything when it is closed, in any state', async () => {
    const { gossipA } = await startPair()
    const topic = gossipA.join('news')
    const waiting = gossipA.whenPeers('nobody joins this', 1)
    const closing = Promise.all([gossipA.close(), gossipA.close()])
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_GOSSIP_CLOSED' })
    await closing
    expect(() => gossipA.join('news')).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_CLOSED' }),
    )
    await expect(topic.publish(utf8.encode('x'))).rejects.toMatchObject({
      code: 'ERR_GOSSIP_CLOSED',
    })
    expect(gossipA.neighbours).toEqual([])
  })

  it('refuses payloads, names and counts above their limits', async () => {
    const gossip = await startGossip(await startNode())
    const topic = gossip.join('news')
    for (const size of [0, MAX_PAYLOAD_BYTES + 1]) {
      await expect(topic.publish(new Uint8Array(size))).rejects.toMatchObject({
        code: 'ERR_GOSSIP_PAYLOAD_SIZE',
      })
    }
    expect(await topic.publish(new Uint8Array(MAX_PAYLOAD_BYTES))).toBe(0)
    expect(() => gossip.join('')).toThrow(RangeError)
    expect(() => gossip.join('x'.repeat(257))).toThrow(RangeError)
    for (let i = 1; i < MAX_TOPICS; i++) gossip.join(`topic ${i}`)
    expect(() => gossip.join('one more')).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_LIMIT' }),
    )
  })

  it('brings the largest payload over', async () => {
    const { gossipA, gossipB } = await startPair()
    const [topicA, topicB] = [gossipA.join('news'), gossipB.join('news')]
    await gossipA.whenPeers('news', 1)
    const bytes = new Uint8Array(MAX_PAYLOAD_BYTES).fill(3)
    await topicA.publish(bytes)
    expect((await nextOf(topicB)).bytes).toEqual(bytes)
  })

  it('does not take a second router of one database, nor a foreign key, nor unknown options', async () => {
    const node = await startNode()
    await startGossip(node)
    await expect(startGossip(node)).rejects.toThrow(TypeError)
    const other = await startNode()
    await expect(startGossip({ ...node, key: other.key })).rejects.toThrow(/key/)
    for (const options of [
      { bufferSize: 0 },
      { activePeers: 7 },
      { activePeers: 17 },
      { colour: 1 },
    ]) {
      await expect(startGossip(other, options)).rejects.toThrow(RangeError)
    }
  })
})
