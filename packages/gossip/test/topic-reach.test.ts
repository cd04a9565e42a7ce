import { describe, expect, it } from 'vitest'
import { followTopic } from '../src/topic-reach.ts'
import { startGossip, startNode } from './nodes.ts'

describe('followTopic', () => {
  it('ends with the topic, although neighbours listen to it', async () => {
    const gossip = await startGossip(await startNode())
    const topic = gossip.join('news')
    let waits = 0
    // Somebody always listens: what does not end with the topic goes round for ever.
    const crowded: typeof gossip = {
      ...gossip,
      whenPeers: async (_, __, { signal } = {}) => {
        signal?.throwIfAborted()
        waits += 1
        if (waits > 100) throw signal?.reason ?? new Error('it goes round for ever')
      },
    }
    let reached = 0
    followTopic(crowded, topic, { onMessage: () => {}, onReach: () => (reached += 1) })
    topic.leave()
    await new Promise((resolve) => setImmediate(resolve))
    expect(waits).toBeLessThan(20)
    expect(reached).toBeLessThan(20)
  })
})
