import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS, MAX_PAIR_FRAMES, MAX_TOLD_MEMBERS } from '../src/limits.ts'
import { clientFrames, relayFrames, resetReasons } from '../src/wire.ts'
import { Lab, pairIn } from './lab.ts'

describe('topics', () => {
  it('tells a newcomer of the members, and the members of a newcomer', () => {
    const [a, b] = pairIn(new Lab())
    const [empty, news] = a.take(relayFrames.members)
    expect(empty?.length).toBe(34)
    expect(news?.subarray(34)).toEqual(b.endpoint)
    expect(b.take(relayFrames.members)[0]?.subarray(34)).toEqual(a.endpoint)
  })

  it('tells nobody of who is not listed, and nothing to who does not watch', () => {
    const lab = new Lab()
    const topic = randomBytes(32)
    const [a, b, c] = [lab.enter(), lab.enter(), lab.enter()]
    a.join(topic, 1)
    b.join(topic, 0)
    c.join(topic, 2)
    expect(a.take(relayFrames.members)).toHaveLength(1)
    expect(c.take(relayFrames.members)[0]?.subarray(34)).toEqual(a.endpoint)
  })

  it('tells those who watch of the end of a member', () => {
    const lab = new Lab()
    const [a, b, topic] = pairIn(lab)
    b.say(Uint8Array.of(clientFrames.leave), topic)
    expect(a.take(relayFrames.gone)[0]?.subarray(33)).toEqual(b.endpoint)
    b.join(topic)
    lab.core.leave(b.client)
    expect(a.take(relayFrames.gone)[0]?.subarray(33)).toEqual(b.endpoint)
    lab.core.leave(a.client)
    expect(lab.core.topicCount).toBe(0)
  })

  it('answers a join that changes nothing with nothing, and charges what others cause', () => {
    const lab = new Lab()
    const [a, b, topic] = pairIn(lab)
    b.take(relayFrames.members)
    b.join(topic)
    expect(b.take(relayFrames.members)).toEqual([])
    const before = [a.charged, b.charged]
    b.join(topic, 2)
    const [gone, answer] = [a.take(relayFrames.gone)[0], b.take(relayFrames.members)[0]]
    expect(a.charged).toBe(before[0])
    expect(b.charged).toBe((before[1] ?? 0) + (gone?.length ?? 0) + (answer?.length ?? 0))
  })

  it('hides nobody behind a crowd that was there first', () => {
    const lab = new Lab()
    const topic = randomBytes(32)
    for (let i = 0; i < MAX_TOLD_MEMBERS; i++) lab.enter().join(topic)
    const [a, ...later] = Array.from({ length: 5 }, () => lab.enter())
    const told: Buffer[] = []
    for (const guest of [a, ...later]) {
      guest?.join(topic)
      told.push(...(guest === a ? [] : (guest?.take(relayFrames.members) ?? [])))
    }
    const [empty, ...news] = a?.take(relayFrames.members) ?? []
    expect(empty?.length).toBe(34 + 48 * MAX_TOLD_MEMBERS)
    expect(news.length).toBeGreaterThanOrEqual(3)
    const first = a?.endpoint ?? Buffer.alloc(48)
    expect(told.filter((frame) => frame.includes(first)).length).toBeGreaterThanOrEqual(2)
  })

  it('lets nobody have more topics than the limit', () => {
    const lab = new Lab({ maxTopics: 2 })
    const a = lab.enter()
    for (let i = 0; i < 5; i++) a.join(randomBytes(32))
    expect(lab.core.topicCount).toBe(2)
  })
})

describe('frames', () => {
  it('go to an end point that shares a topic, with the sender where the receiver was', () => {
    const [a, b] = pairIn(new Lab())
    a.sendTo(b)
    const [frame] = b.take(relayFrames.deliver)
    expect(frame?.subarray(1, 49)).toEqual(a.endpoint)
    expect(frame?.subarray(49).toString()).toBe('hello')
  })

  it('do not go to who shares none (RL2)', () => {
    const lab = new Lab()
    const [a] = pairIn(lab)
    const [, other] = pairIn(lab)
    a.sendTo(other)
    expect(other.take(relayFrames.deliver)).toEqual([])
    expect(a.resets()).toEqual([[other.endpoint.toString('hex'), resetReasons.unknown]])
  })

  it('do not go to who has left the topic, though they had talked', () => {
    const [a, b, topic] = pairIn(new Lab())
    a.sendTo(b)
    b.say(Uint8Array.of(clientFrames.leave), topic)
    b.take(relayFrames.deliver)
    a.sendTo(b)
    expect(b.take(relayFrames.deliver)).toEqual([])
    expect(a.resets()).toHaveLength(1)
  })

  it('do not go to oneself', () => {
    const [a] = pairIn(new Lab())
    a.sendTo(a)
    expect(a.resets()).toHaveLength(1)
  })

  it('wait for a slow reader up to the limit, and then the pair is reset at both ends (RL3)', () => {
    const [a, b] = pairIn(new Lab())
    b.reads = false
    for (let i = 0; i < MAX_PAIR_FRAMES; i++) a.sendTo(b)
    expect(a.resets()).toEqual([])
    a.sendTo(b)
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.queueFull]])
    expect(b.resets()).toEqual([[a.endpoint.toString('hex'), resetReasons.queueFull]])
    expect(b.take(relayFrames.deliver)).toHaveLength(MAX_PAIR_FRAMES)
  })

  it('of all senders together fill a queue only so far', () => {
    const lab = new Lab({ maxQueuedFrames: 200 })
    const topic = randomBytes(32)
    const [reader, ...senders] = Array.from({ length: 5 }, () => lab.enter())
    for (const guest of [reader, ...senders]) guest?.join(topic)
    if (!reader) return
    reader.reads = false
    for (const sender of senders) for (let i = 0; i < 100; i++) sender.sendTo(reader)
    const taken = reader.take(relayFrames.deliver).length
    expect(taken).toBeGreaterThan(175)
    expect(taken).toBeLessThanOrEqual(200)
    for (const written of reader.written) written()
    senders[0]?.sendTo(reader)
    expect(reader.take(relayFrames.deliver)).toHaveLength(1)
  })

  it('of who ignores its credit leave room for who sends little, and for nobody else', () => {
    const lab = new Lab()
    const topic = randomBytes(32)
    const [reader, honest, ...greedy] = Array.from({ length: 7 }, () => lab.enter())
    for (const guest of [reader, honest, ...greedy]) guest?.join(topic)
    if (!reader || !honest) return
    reader.reads = false
    for (let i = 0; i < 1_000; i++) {
      for (const sender of greedy) sender.sendTo(reader, new Uint8Array(65_000))
      // It takes a frame now and then, so that the greedy always find a little room.
      if (i % 8 === 0) for (const written of reader.written.splice(0, 2)) written()
      if (i % 50 === 0) honest.sendTo(reader)
    }
    expect(greedy.every((sender) => sender.resets().length > 100)).toBe(true)
    expect(honest.resets()).toEqual([])
    expect(reader.queuedBytes).toBeLessThan(DEFAULT_LIMITS.maxQueuedBytes + 66_048)
  })

  it('of who is refused again and again do not cost the reader a reset each', () => {
    const [a, b] = pairIn(new Lab())
    b.reads = false
    for (let i = 0; i < MAX_PAIR_FRAMES + 500; i++) a.sendTo(b)
    expect(a.resets()).toHaveLength(500)
    expect(b.resets()).toHaveLength(1)
  })

  it('of 16 senders within the credit of all far ends together are all taken', () => {
    const lab = new Lab()
    const topic = randomBytes(32)
    const [reader, ...senders] = Array.from({ length: 17 }, () => lab.enter())
    for (const guest of [reader, ...senders]) guest?.join(topic)
    if (!reader) return
    reader.reads = false
    // 448 frames, 6 MiB: `MAX_ALL_CREDIT_FRAMES` and `MAX_ALL_CREDIT_BYTES` of the transport.
    for (let i = 0; i < 28; i++) {
      for (const sender of senders) sender.sendTo(reader, new Uint8Array(13_900))
    }
    expect(senders.flatMap((sender) => sender.resets())).toEqual([])
  })

  it('ask for a pause when a topic has had its bytes', () => {
    const [a, b] = pairIn(new Lab({ bytesPerSecondPerTopic: 1_000 }))
    expect(a.sendTo(b, new Uint8Array(900))).toBe(0)
    expect(a.sendTo(b, new Uint8Array(900))).toBeGreaterThan(500)
  })
})

describe('clients', () => {
  it('tell those they talked with of their end', () => {
    const lab = new Lab()
    const [a, b] = pairIn(lab)
    a.sendTo(b)
    lab.core.leave(b.client)
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gone]])
  })

  it('take the place of an earlier one with the same key and instance', () => {
    const lab = new Lab()
    const endpoint = randomBytes(48)
    const before = lab.enter(endpoint)
    const after = lab.enter(endpoint)
    expect(before.wasReplaced).toBe(true)
    lab.core.leave(before.client)
    expect(lab.core.clientCount).toBe(1)
    lab.core.leave(after.client)
    expect(lab.core.clientCount).toBe(0)
  })

  it('that were replaced leave nothing behind, whatever they still say', () => {
    const lab = new Lab()
    const endpoint = randomBytes(48)
    const [before, after] = [lab.enter(endpoint), lab.enter(endpoint)]
    before.join(randomBytes(32))
    expect(lab.core.topicCount).toBe(0)
    lab.core.leave(before.client)
    lab.core.leave(after.client)
    before.join(randomBytes(32))
    expect(lab.core.topicCount).toBe(0)
  })

  it.each([
    ['nothing', []],
    ['a type that is none', [0x7f]],
    ['a frame of the relay', [relayFrames.deliver, ...new Uint8Array(60)]],
    ['a send without content', [clientFrames.send, ...new Uint8Array(48)]],
    ['a short topic', [clientFrames.join, 1, 2, 3]],
    ['unknown flags', [clientFrames.join, ...new Uint8Array(32), 4]],
  ])('are cut off for %s', (_, bytes) => {
    const guest = new Lab().enter()
    expect(() => guest.say(Uint8Array.from(bytes))).toThrowError(
      expect.objectContaining({ code: 'ERR_RELAY_PROTOCOL' }),
    )
  })
})
