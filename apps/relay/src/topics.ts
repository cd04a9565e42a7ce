/**
 * The topics that clients of this relay have joined: they come and go here, and are told of
 * each other. A topic is open as long as one of them is in it.
 */
import type { Client, RelayCoreInit } from './core.ts'
import type { Foreigners } from './foreigners.ts'
import { ANSWER_WAIT_MS, MAX_ANSWER_WAIT_MS } from './limits.ts'
import { createTopic, type Topic } from './members.ts'
import { encodeGone, encodeMembers, type ClientFrame } from './wire.ts'

/** What the topics need of the relay around them. */
export interface TopicsInit extends Pick<RelayCoreInit, 'limits' | 'nowMs' | 'setTimer'> {
  /** By name; changed here only. */
  readonly topics: Map<string, Topic>
  readonly foreigners: Foreigners
}

/** Who comes into a topic and who leaves it. */
export class Topics {
  readonly #init: TopicsInit

  constructor(init: TopicsInit) {
    this.#init = init
  }

  /** Takes a client in, or what it says anew of itself. */
  join(
    client: Client,
    { topic: name, isListed, isWatching }: Extract<ClientFrame, { readonly type: 'join' }>,
  ): void {
    const { limits, topics, foreigners } = this.#init
    const isNew = !client.memberships.has(name)
    // Not an error: a client that counts well never gets here, and one topic less harms nobody else.
    if (isNew && client.memberships.size >= limits.maxTopics) return
    const topic = topics.get(name) ?? this.#open(name)
    const known = client.memberships.get(name)
    // Said already; the answer is many times as long as the question.
    if (known?.isListed === isListed && known.isWatching === isWatching) return
    const change = topic.set(client, isListed, isWatching)
    if (change === 'appeared') {
      tell(client, topic, encodeMembers(name, false, [client.endpointBytes]))
    } else if (change === 'vanished') {
      tell(client, topic, encodeGone(name, [client.endpointBytes]))
    }
    foreigners.joined(topic, client, isListed)
    const answer = encodeMembers(name, topic.isReady, topic.listed(client))
    client.port.write(answer)
    client.port.charge(answer.length)
    if (!topic.isReady) this.#answerWhenReady(topic, client)
  }

  #open(name: string): Topic {
    const { limits, topics, foreigners, nowMs, setTimer } = this.#init
    const topic = createTopic(name, limits.bytesPerSecondPerTopic, nowMs())
    topics.set(name, topic)
    const becomeReady = (): void => {
      topic.isReady = true
    }
    const isAsked = foreigners.ask(topic, () => setTimer(ANSWER_WAIT_MS, becomeReady))
    topic.isReady = !isAsked
    // A back-plane that is away must not keep those here from each other.
    if (isAsked) setTimer(MAX_ANSWER_WAIT_MS, becomeReady)
    return topic
  }

  /** The members of other relays came as news; this says that there are no more. */
  #answerWhenReady(topic: Topic, client: Client): void {
    if (!client.memberships.has(topic.name)) return
    if (topic.isReady) return client.port.write(encodeMembers(topic.name, true, []))
    this.#init.setTimer(ANSWER_WAIT_MS, () => this.#answerWhenReady(topic, client))
  }

  /** The client leaves; no error when it was not in. */
  leave(client: Client, topic: Topic | undefined): void {
    if (topic === undefined || !client.memberships.has(topic.name)) return
    if (topic.delete(client)) {
      tell(client, topic, encodeGone(topic.name, [client.endpointBytes]))
    }
    const { topics, foreigners } = this.#init
    foreigners.left(topic, client)
    if (topic.localCount > 0) return
    topics.delete(topic.name)
    foreigners.forget(topic)
  }
}

/** News of `client`, which pays for it: one short frame of it may make hundreds. */
function tell(client: Client, topic: Topic, news: Uint8Array): void {
  client.port.charge(topic.tellWatching(news, client) * news.length)
}
