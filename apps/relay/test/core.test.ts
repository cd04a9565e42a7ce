import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { memoryBackPlane, type BackPlane } from '../src/back-plane.ts'
import { encodeBusReset } from '../src/bus-messages.ts'
import { createRelayCore, type Client, type ClientPort, type RelayCore } from '../src/core.ts'
import {
  DEFAULT_LIMITS,
  LEASE_MS,
  MAX_PAIR_FRAMES,
  MAX_TOLD_MEMBERS,
  type RelayLimits,
} from '../src/limits.ts'
import { clientFrames, relayFrames, resetReasons } from '../src/wire.ts'

/** A relay without sockets, and a clock that stands still. */
class Lab {
  nowMs = 0
  readonly timers: { dueMs: number; run: () => void }[] = []
  readonly core: RelayCore

  constructor(limits: Partial<RelayLimits> = {}, bus: BackPlane = memoryBackPlane) {
    this.core = createRelayCore({
      limits: { ...DEFAULT_LIMITS, ...limits },
      bus,
      relayId: randomBytes(8),
      nowMs: () => this.nowMs,
      setTimer: (ms, run) => this.timers.push({ dueMs: this.nowMs + ms, run }),
    })
  }

  pass(ms: number): void {
    this.nowMs += ms
    for (const timer of this.timers.splice(0)) {
      if (timer.dueMs <= this.nowMs) timer.run()
      else this.timers.push(timer)
    }
  }

  enter(endpoint: Buffer = randomBytes(48)): Guest {
    const guest = new Guest(this.core)
    guest.client = this.core.enter(endpoint, guest)
    return guest
  }
}

class Guest implements ClientPort {
  queuedBytes = 0
  wasReplaced = false
  charged = 0
  /** False keeps what is written waiting, as a reader does who does not read. */
  reads = true
  readonly frames: Buffer[] = []
  readonly written: (() => void)[] = []
  client!: Client
  readonly #core: RelayCore

  constructor(core: RelayCore) {
    this.#core = core
  }

  get endpoint(): Buffer {
    return Buffer.from(this.client.endpointBytes)
  }

  write(frame: Uint8Array, onWritten?: () => void): void {
    this.frames.push(Buffer.from(frame))
    if (this.reads) return onWritten?.()
    this.queuedBytes += frame.length
    this.written.push(() => {
      this.queuedBytes -= frame.length
      onWritten?.()
    })
  }

  charge(bytes: number): void {
    this.charged += bytes
  }

  replace(): void {
    this.wasReplaced = true
  }

  say(...parts: readonly Uint8Array[]): number {
    return this.#core.receive(this.client, Buffer.concat(parts))
  }

  join(topic: Uint8Array, flags = 3): void {
    this.say(Uint8Array.of(clientFrames.join), topic, Uint8Array.of(flags))
  }

  sendTo(to: Guest, payload: Uint8Array = Buffer.from('hello')): number {
    return this.say(Uint8Array.of(clientFrames.send), to.endpoint, payload)
  }

  /** Takes the frames of one type out. */
  take(type: number): Buffer[] {
    const taken = this.frames.filter((frame) => frame[0] === type)
    for (const frame of taken) this.frames.splice(this.frames.indexOf(frame), 1)
    return taken
  }

  resets(): [string, number | undefined][] {
    return this.take(relayFrames.reset).map((frame) => [frame.toString('hex', 1, 49), frame[49]])
  }
}

function pairIn(lab: Lab): [Guest, Guest, Buffer] {
  const topic = randomBytes(32)
  const [a, b] = [lab.enter(), lab.enter()]
  a.join(topic)
  b.join(topic)
  return [a, b, topic]
}

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

/** A back-plane in memory between cores. */
class Wire {
  isUp = true
  readonly labs: Lab[] = []
  readonly #subscribed = new Map<string, Set<Lab>>()

  lab(): Lab {
    const state: { lab?: Lab } = {}
    const isUp = (): boolean => this.isUp
    const subscribed = this.#subscribed
    const lab = new Lab(
      {},
      {
        get isUp() {
          return isUp()
        },
        subscribe(subject) {
          const labs = subscribed.get(subject) ?? new Set()
          subscribed.set(subject, labs)
          if (state.lab) labs.add(state.lab)
          return Promise.resolve()
        },
        unsubscribe: (subject) => void (state.lab && subscribed.get(subject)?.delete(state.lab)),
        publish(subject, bytes) {
          if (!isUp()) return false
          for (const to of subscribed.get(subject) ?? []) {
            if (to !== state.lab) to.core.onBusMessage(Buffer.from(bytes))
          }
          return true
        },
        close: () => Promise.resolve(),
      },
    )
    state.lab = lab
    this.labs.push(lab)
    return lab
  }
}

async function acrossRelays(): Promise<{ wire: Wire; a: Guest; b: Guest; one: Lab; two: Lab }> {
  const wire = new Wire()
  const [one, two] = [wire.lab(), wire.lab()]
  const topic = randomBytes(32)
  const [a, b] = [one.enter(), two.enter()]
  a.join(topic)
  b.join(topic)
  await Promise.resolve()
  return { wire, a, b, one, two }
}

describe('two relays', () => {
  it('bring their clients together', async () => {
    const { a, b } = await acrossRelays()
    expect(a.take(relayFrames.members).at(-1)?.subarray(34)).toEqual(b.endpoint)
    a.sendTo(b)
    b.sendTo(a)
    expect(b.take(relayFrames.deliver)[0]?.subarray(1, 49)).toEqual(a.endpoint)
    expect(a.take(relayFrames.deliver)[0]?.subarray(49).toString()).toBe('hello')
  })

  it('say that an answer is complete only when the others have had time', async () => {
    const { a, one } = await acrossRelays()
    expect(a.take(relayFrames.members).filter((frame) => frame[33] === 1)).toEqual([])
    one.pass(100)
    one.pass(100)
    expect(a.take(relayFrames.members).filter((frame) => frame[33] === 1)).toHaveLength(1)
  })

  it('let a client go that has come to the other, and leave its new pairs alone', async () => {
    const { wire, a, b } = await acrossRelays()
    const three = wire.lab()
    // Its first relay has not noticed that it is gone.
    const moved = three.enter(b.endpoint)
    moved.join(Buffer.from([...a.client.memberships.keys()][0] ?? '', 'latin1'))
    await Promise.resolve()
    expect(b.wasReplaced).toBe(true)
    a.take(relayFrames.reset)
    for (let second = 0; second < 60; second++) {
      a.sendTo(moved)
      for (const lab of wire.labs) lab.pass(1_000)
      for (const lab of wire.labs) lab.core.sweep()
    }
    expect(moved.take(relayFrames.deliver)).toHaveLength(60)
    expect([...a.resets(), ...moved.resets()]).toEqual([])
    expect(b.take(relayFrames.deliver)).toEqual([])
  })

  it('take no reset of a relay that the client has left', async () => {
    const { wire, a, b } = await acrossRelays()
    a.sendTo(b)
    const old = encodeBusReset(
      randomBytes(8),
      { to: a.endpoint, from: b.endpoint },
      resetReasons.gone,
    )
    wire.labs[0]?.core.onBusMessage(old)
    expect(a.resets()).toEqual([])
  })

  it('reset the pairs between them after a gap, and no others', async () => {
    const { a, b, one } = await acrossRelays()
    const [c, d] = pairIn(one)
    c.sendTo(d)
    a.sendTo(b)
    one.core.onGap()
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gap]])
    expect(b.resets()).toEqual([[a.endpoint.toString('hex'), resetReasons.gap]])
    expect(c.resets()).toEqual([])
    a.sendTo(b)
    expect(b.take(relayFrames.deliver)).toHaveLength(2)
  })

  it('reset a pair whose frame cannot be handed over', async () => {
    const { wire, a, b } = await acrossRelays()
    wire.isUp = false
    a.sendTo(b)
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gap]])
  })

  it('forget the members of a relay that says nothing any more', async () => {
    const { a, b, one } = await acrossRelays()
    a.sendTo(b)
    one.pass(LEASE_MS + 1)
    one.core.sweep()
    expect(a.take(relayFrames.gone)).toHaveLength(1)
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gone]])
  })

  it('tell of a client that left, and of one that came back at the other', async () => {
    const { a, b, one, two } = await acrossRelays()
    a.sendTo(b)
    two.core.leave(b.client)
    expect(a.take(relayFrames.gone)[0]?.subarray(33)).toEqual(b.endpoint)
    expect(a.resets()).toEqual([[b.endpoint.toString('hex'), resetReasons.gone]])
    const back = one.enter(b.endpoint)
    back.join(Buffer.from([...a.client.memberships.keys()][0] ?? '', 'latin1'))
    a.sendTo(back)
    expect(back.take(relayFrames.deliver)).toHaveLength(1)
  })
})
