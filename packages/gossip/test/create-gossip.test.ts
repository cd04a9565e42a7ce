import { describe, expect, it } from 'vitest'
import { nextOf, startPair } from './nodes.ts'

const utf8 = new TextEncoder()

describe('createGossip', () => {
  it('brings a message to the other node, with its proven author', async () => {
    const { a, b, gossipA, gossipB } = await startPair()
    const [topicA, topicB] = [gossipA.join('news'), gossipB.join('news')]
    await gossipA.whenPeers('news', 1)
    expect(await topicA.publish(utf8.encode('hello'))).toBe(1)
    const message = await nextOf(topicB)
    expect(message).toMatchObject({ author: a.key.peerId, from: a.key.peerId })
    expect(new TextDecoder().decode(message.bytes)).toBe('hello')
    expect(gossipB.neighbours).toEqual([a.key.peerId])
    expect(topicA.peers).toEqual([b.key.peerId])
  })
})
