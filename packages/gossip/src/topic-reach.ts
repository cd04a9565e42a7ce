import { isGossipError } from './errors.ts'
import type { Gossip, GossipMessage, GossipTopic } from './gossip.ts'

/** What is done about the news of a topic. */
export interface TopicFollower {
  onMessage(message: GossipMessage): void
  /** More neighbours listen than ever before: they have heard nothing of this node. */
  onReach(): void
}

/**
 * Hands on what a topic brings, until it is left or the returned function is called.
 *
 * @returns Ends it.
 * @throws `GossipError` `ERR_GOSSIP_READER` when somebody reads the topic already.
 */
export function followTopic(
  gossip: Gossip,
  topic: GossipTopic,
  follower: TopicFollower,
): () => void {
  const end = new AbortController()
  // Taken here and not in the loop below, whose promise nobody waits for.
  const messages = topic[Symbol.asyncIterator]()
  // With the topic everything ends: nobody can be waited for in one that was left.
  void readAll(messages, follower, end.signal).finally(() => end.abort())
  void watchReach(gossip, { topic, follower, signal: end.signal })
  return () => end.abort()
}

async function readAll(
  messages: AsyncIterator<GossipMessage, undefined>,
  follower: TopicFollower,
  signal: AbortSignal,
): Promise<void> {
  for await (const message of { [Symbol.asyncIterator]: () => messages }) {
    if (signal.aborted) return
    follower.onMessage(message)
  }
}

async function watchReach(
  gossip: Gossip,
  watched: {
    readonly topic: GossipTopic
    readonly follower: TopicFollower
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { topic, follower, signal } = watched
  while (!signal.aborted) {
    try {
      await gossip.whenPeers(topic.name, topic.peers.length + 1, { signal })
    } catch (error) {
      // It ends with the signal, or with gossip itself.
      if (signal.aborted || isGossipError(error)) return
      throw error
    }
    if (!signal.aborted) follower.onReach()
  }
}
