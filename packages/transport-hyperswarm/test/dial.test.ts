import { EventEmitter } from 'node:events'
import type { SecretStream } from 'hyperdht'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDhtLink } from '../src/dht-link.ts'
import { dialDht, type DialDhtInit } from '../src/dial.ts'
import { createEncounters } from '../src/encounters.ts'
import { lanes, PROTOCOL, writeFrame } from '../src/frames.ts'
import { ANSWER_WAIT_MS, MAX_ANSWERS } from '../src/limits.ts'

const [smaller, peer, larger] = ['11', '22', '33'].map((byte) => byte.repeat(32)) as [
  string,
  string,
  string,
]

/** A stream of the library with nobody at the other end; the test plays that. */
class FakeStream extends EventEmitter {
  readonly remotePublicKey = Buffer.from(peer, 'hex')
  readonly rawStream = null
  /** True when our end let go of it; {@link destroyed} when it has. */
  isDestroyed = false
  destroyed = false
  /** True when our end has sent something. */
  isGreeted = false
  readonly #opening = Promise.withResolvers<boolean>()
  readonly opened = this.#opening.promise

  isConnecting = false

  connect(): this {
    this.isConnecting = true
    return this
  }

  alloc(bytes: number): Buffer {
    return Buffer.alloc(bytes)
  }

  write(): boolean {
    this.isGreeted = true
    return true
  }

  end(): void {
    this.destroy()
  }

  open(): void {
    this.#opening.resolve(true)
  }

  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.#opening.resolve(false)
    queueMicrotask(() => {
      this.destroyed = true
      this.emit('close')
    })
  }

  greet(): void {
    const bytes = Buffer.from(PROTOCOL)
    const frame = Buffer.alloc(5 + bytes.length)
    writeFrame(frame, 0, { lane: lanes.greeting, bytes })
    this.emit('data', frame)
  }
}

/** Streams of the peer that came in before the dial. */
function arrivingBefore(count: number) {
  const encounters = createEncounters()
  const streams = Array.from({ length: count }, () => new FakeStream())
  for (const one of streams) {
    const path = { transport: 'hyperswarm', relayed: false, outbound: false }
    const stream = one as unknown as SecretStream
    encounters.arriving(createDhtLink({ stream, peerId: peer, path }))
  }
  return { encounters, streams }
}

/** Our own dial under way, and how a stream of the peer comes in meanwhile. */
async function startDial(encounters = createEncounters(), self = smaller) {
  const [own, controller] = [new FakeStream(), new AbortController()]
  const init = {
    dht: { connect: () => own.connect(), toArray: () => [1] },
    keyPair: {},
    self,
    address: `hyperswarm://${peer}`,
    relayAddressesOf: () => [],
    sharesLocalAddress: false,
    punchesHoles: true,
    encounters,
    signal: controller.signal,
  }
  const dialling = dialDht(init as unknown as DialDhtInit)
  dialling.catch(() => undefined)
  // It looks for streams that have come in before.
  await vi.advanceTimersByTimeAsync(0)
  const arrive = (): { stream: FakeStream; isTaken: boolean } => {
    const stream = new FakeStream()
    stream.on('error', () => undefined)
    return { stream, isTaken: encounters.settle(peer, stream) }
  }
  return { dialling, own, arrive, controller }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

describe('a dial while a stream of its peer comes in', () => {
  it('goes on beside one that proves nothing, and ends that when it succeeds', async () => {
    const { dialling, own, arrive } = await startDial()
    const { stream, isTaken } = arrive()
    expect([isTaken, own.isDestroyed]).toEqual([true, false])
    own.open()
    // It might be honest, and its greeting on the way.
    await vi.advanceTimersByTimeAsync(ANSWER_WAIT_MS - 1)
    expect(own.isGreeted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(own.isGreeted).toBe(true)
    own.greet()
    expect((await dialling).path.outbound).toBe(true)
    expect([own.isDestroyed, stream.isDestroyed]).toEqual([false, true])
  })

  it('gives its place to one that greets', async () => {
    const { dialling, own, arrive } = await startDial()
    const [silent, honest] = [arrive(), arrive()]
    honest.stream.greet()
    expect((await dialling).path.outbound).toBe(false)
    const destroyed = [own, silent.stream, honest.stream].map(({ isDestroyed }) => isDestroyed)
    expect(destroyed).toEqual([true, true, false])
  })

  it('ends one that comes in when our key is the larger one: our own stays', async () => {
    const { arrive, own } = await startDial(createEncounters(), larger)
    const { stream, isTaken } = arrive()
    expect([isTaken, stream.isDestroyed, own.isDestroyed]).toEqual([true, true, false])
  })

  it('waits for one that has come in when the peer ends our own stream', async () => {
    const { dialling, own, arrive } = await startDial()
    const { stream } = arrive()
    own.destroy()
    await new Promise(setImmediate)
    stream.greet()
    expect((await dialling).path.outbound).toBe(false)
  })

  it('fails with its own error when those that came in come to nothing', async () => {
    const { dialling, own, arrive } = await startDial()
    const { stream } = arrive()
    own.destroy()
    stream.destroy()
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_DIAL_FAILED' })
  })

  it('leaves nothing when it is given up', async () => {
    const { dialling, own, arrive, controller } = await startDial()
    const { stream } = arrive()
    controller.abort('enough')
    await expect(dialling).rejects.toBe('enough')
    expect([own.isDestroyed, stream.isDestroyed]).toEqual([true, true])
  })

  it(`takes ${MAX_ANSWERS} of them; more are strangers like others`, async () => {
    const { arrive } = await startDial()
    const taken = Array.from({ length: MAX_ANSWERS + 1 }, () => arrive().isTaken)
    expect(taken).toEqual([...Array.from({ length: MAX_ANSWERS }, () => true), false])
  })
})

describe('a dial after streams of its peer came in', () => {
  it('is answered by the one that greets, without a word of its own', async () => {
    const { encounters, streams } = arrivingBefore(2)
    const { dialling, own } = await startDial(encounters)
    streams[0]?.greet()
    expect((await dialling).path.outbound).toBe(false)
    expect(own.isConnecting).toBe(false)
    expect(streams.map(({ isDestroyed }) => isDestroyed)).toEqual([false, true])
  })

  it('is answered by one that comes while it waits for those, whoever has the larger key', async () => {
    const { encounters } = arrivingBefore(1)
    const { dialling, own, arrive } = await startDial(encounters, larger)
    const { stream } = arrive()
    stream.greet()
    await vi.advanceTimersByTimeAsync(ANSWER_WAIT_MS)
    expect((await dialling).path.outbound).toBe(false)
    expect([own.isConnecting, stream.isDestroyed]).toEqual([false, false])
  })

  it('begins soon when none of them greets', async () => {
    const { encounters, streams } = arrivingBefore(1)
    const { dialling, own } = await startDial(encounters, larger)
    await vi.advanceTimersByTimeAsync(ANSWER_WAIT_MS)
    expect(own.isConnecting).toBe(true)
    own.open()
    await vi.advanceTimersByTimeAsync(ANSWER_WAIT_MS)
    own.greet()
    expect((await dialling).path.outbound).toBe(true)
    expect(streams[0]?.isDestroyed).toBe(true)
  })
})
