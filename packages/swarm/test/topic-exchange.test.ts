import { describe, expect, it } from 'vitest'
import { deriveTopic, topicToHex } from '@vudo/topic'
import { MAX_TOPICS } from '@vudo/transport'
import { encodeControl } from '../src/control-messages.ts'
import { MAX_CONTROL_PER_SECOND, MAX_TAGS_PER_SECOND } from '../src/limits.ts'
import { createTopicExchange, type TopicExchange } from '../src/topic-exchange.ts'
import { peerId } from './fake-context.ts'
import { fromHex, toHex, vectors } from './vectors.ts'

const topic = deriveTopic('exchange-test')
const hex = topicToHex(topic)
const nonce = (n: number): Uint8Array => new Uint8Array(32).fill(n)

function createEnds(): [TopicExchange, TopicExchange] {
  const [alice, bob] = [peerId(1), peerId(2)]
  return [
    createTopicExchange({ self: alice, peer: bob, nonce: nonce(1), nowMs: 0 }),
    createTopicExchange({ self: bob, peer: alice, nonce: nonce(2), nowMs: 0 }),
  ]
}

/** Carries what `from` has to say to `to`. */
function tell(from: TopicExchange, to: TopicExchange, nowMs = 0) {
  const update = from.takeUpdate()
  return update ? to.receive(update, nowMs) : []
}

/** Garbage that is well formed. */
function joins(count: number, first = 0): Uint8Array {
  const tags = Array.from({ length: count }, (_, index) => {
    const tag = new Uint8Array(32)
    new DataView(tag.buffer).setUint32(0, first + index + 1)
    return tag
  })
  return encodeControl([{ kind: 'join', tags }])
}

describe('createTopicExchange', () => {
  it('says what the vector says', () => {
    const {
      sender,
      receiver,
      nonce: vectorNonce,
      topic: known,
      firstMessage,
    } = vectors.conversation
    const exchange = createTopicExchange({
      self: sender,
      peer: receiver,
      nonce: fromHex(vectorNonce),
      nowMs: 0,
    })
    exchange.join(fromHex(known))
    expect(toHex(exchange.takeUpdate() ?? new Uint8Array())).toBe(firstMessage)
    expect(exchange.takeUpdate()).toBeUndefined()
  })

  it('finds a shared topic with one message each way', () => {
    const [alice, bob] = createEnds()
    alice.join(topic)
    bob.join(topic)
    expect(tell(alice, bob)).toEqual([{ type: 'shared', topic: hex }])
    expect(tell(bob, alice)).toEqual([{ type: 'shared', topic: hex }])
    expect(alice.isShared(hex)).toBe(true)
  })

  it('matches a topic that is joined later', () => {
    const [alice, bob] = createEnds()
    alice.join(topic)
    expect(tell(alice, bob)).toEqual([])
    expect(bob.join(topic)).toEqual([{ type: 'shared', topic: hex }])
  })

  it('tells when a topic is left, and joined again', () => {
    const [alice, bob] = createEnds()
    alice.join(topic)
    bob.join(topic)
    tell(alice, bob)
    alice.leave(topic)
    expect(tell(alice, bob)).toEqual([{ type: 'unshared', topic: hex }])
    alice.join(topic)
    expect(tell(alice, bob)).toEqual([{ type: 'shared', topic: hex }])
    expect(bob.leave(topic)).toEqual([{ type: 'unshared', topic: hex }])
    expect(bob.sharedCount).toBe(0)
  })

  it('never shows the topic, and another tag on every connection', () => {
    const [alice, bob] = createEnds()
    alice.join(topic)
    bob.join(topic)
    const [one, two] = [alice.takeUpdate(), bob.takeUpdate()].map((said) => toHex(said ?? nonce(0)))
    expect(one).not.toContain(hex)
    expect(one?.slice(-64)).not.toBe(two?.slice(-64))
  })

  it('does not take a tag that was made for somebody else', () => {
    const [alice] = createEnds()
    const [bobId, carolId] = [peerId(2), peerId(3)]
    const carol = createTopicExchange({ self: carolId, peer: bobId, nonce: nonce(4), nowMs: 0 })
    alice.join(topic)
    carol.join(topic)
    // Bob, who does not know the topic, sends Carol what Alice told him.
    expect(carol.receive(alice.takeUpdate() ?? nonce(0), 0)).toEqual([])
    expect(carol.hasHello).toBe(true)
  })

  it(`keeps at most ${MAX_TOPICS} tags`, () => {
    const [alice, bob] = createEnds()
    tell(alice, bob)
    expect(bob.receive(joins(200), 0)).toEqual([])
    expect(bob.receive(joins(56, 200), 0)).toEqual([])
    expect(bob.receive(joins(56, 200), 0)).toEqual([])
    expect(bob.receive(joins(1, 256), 0)).toMatchObject([
      { type: 'end', bye: 'limit', error: { code: 'ERR_LIMIT' } },
    ])
  })

  it('ends a connection that changes its topics too often', () => {
    const [alice, bob] = createEnds()
    tell(alice, bob)
    const change = encodeControl([
      { kind: 'join', tags: [nonce(5)] },
      { kind: 'leave', tags: [nonce(5)] },
    ])
    const results = Array.from({ length: MAX_CONTROL_PER_SECOND }, () => bob.receive(change, 1))
    expect(results.slice(0, 49).flat()).toEqual([])
    expect(results.at(-1)).toMatchObject([{ type: 'end', error: { code: 'ERR_PEER_PROTOCOL' } }])
    expect(bob.receive(change, 1_001)).toEqual([])
  })

  it('ends a peer that names more topics than anybody changes', () => {
    const [alice, bob] = createEnds()
    tell(alice, bob)
    const tags = Array.from({ length: MAX_TAGS_PER_SECOND / 8 - 1 }, (_, n) => nonce(n))
    const change = encodeControl([{ kind: 'leave', tags }])
    const results = Array.from({ length: 9 }, () => bob.receive(change, 1))
    expect(results.slice(0, 8).flat()).toEqual([])
    expect(results.at(-1)).toMatchObject([{ type: 'end', error: { code: 'ERR_PEER_PROTOCOL' } }])
    expect(bob.receive(change, 1_001)).toEqual([])
  })

  it('wants a hello first, and one only', () => {
    const [alice, bob] = createEnds()
    const error = [{ type: 'end', bye: 'protocol', error: { code: 'ERR_PEER_PROTOCOL' } }]
    expect(bob.receive(joins(1), 0)).toMatchObject(error)
    tell(alice, bob)
    expect(bob.receive(encodeControl([{ kind: 'hello', nonce: nonce(1) }]), 0)).toMatchObject(error)
    expect(bob.receive(new Uint8Array(5), 0)).toMatchObject(error)
  })

  it.each([
    ['no-shared-topic', 'ERR_NO_SHARED_TOPIC'],
    ['limit', 'ERR_LIMIT'],
    ['protocol', 'ERR_PEER_PROTOCOL'],
  ] as const)('reads the goodbye %s as %s, and does not answer it', (reason, code) => {
    const [, bob] = createEnds()
    const [effect] = bob.receive(encodeControl([{ kind: 'bye', reason }]), 0)
    expect(effect).toMatchObject({ type: 'end', error: { code } })
    expect(effect).not.toHaveProperty('bye')
  })
})
