import { describe, expect, it } from 'vitest'
import type { Runtime } from '@vudo/swarm'
import { parseRelayUrl } from '../src/relay-address.ts'
import { createRelayLink, type RelayLink } from '../src/relay-link.ts'
import type { ConnectSocket, SocketEvents } from '../src/socket.ts'

const welcome = Uint8Array.from(Buffer.from('82000102000200003c', 'hex'))
const challenge = new Uint8Array(34)
challenge.set([0x81, 1])

/** A clock that the test turns, and a relay that does what the test says. */
class Lab {
  nowMs = 0
  chance = 0
  readonly timers = new Map<number, { readonly dueMs: number; readonly run: () => void }>()
  readonly sent: Uint8Array[] = []
  attempts = 0
  /** False: nobody listens. */
  isThere = true
  events: SocketEvents | undefined
  readonly link: RelayLink
  #end: ((code: number) => void) | undefined
  #break: ((error: Error) => void) | undefined

  constructor() {
    const runtime: Runtime = {
      nowMs: () => this.nowMs,
      wallMs: () => this.nowMs,
      setTimer: (ms, run) => {
        const id = this.timers.size + this.attempts * 1_000 + this.nowMs * 10_000
        this.timers.set(id, { dueMs: this.nowMs + ms, run })
        return () => void this.timers.delete(id)
      },
      random: () => this.chance,
      randomBytes: (length) => new Uint8Array(length),
    }
    const connect: ConnectSocket = async (_url, events) => {
      this.attempts += 1
      if (!this.isThere) throw new Error('connection refused')
      this.events = events
      events.onOpen({
        hasRoom: () => true,
        send: (bytes) => void this.sent.push(bytes),
        close: () => this.#end?.(1_000),
      })
      events.onMessage(challenge)
      return new Promise((resolve, reject) => {
        this.#end = resolve
        this.#break = reject
      })
    }
    this.link = createRelayLink({
      target: parseRelayUrl('wss://relay.example.com'),
      endpoint: 'ab'.repeat(48),
      sign: () => new Uint8Array(64),
      connect,
      runtime,
      onIncoming: () => undefined,
      onMember: () => undefined,
      onNews: () => undefined,
    })
  }

  /** How long until the next timer is due. */
  waitMs(): number {
    return Math.min(...[...this.timers.values()].map(({ dueMs }) => dueMs)) - this.nowMs
  }

  /** Turns the clock to the next timer, or by `ms`, and lets promises settle. */
  async turn(ms: number = this.waitMs()): Promise<void> {
    this.nowMs += ms
    for (const [id, { dueMs, run }] of this.timers) {
      if (dueMs > this.nowMs) continue
      this.timers.delete(id)
      run()
    }
    await new Promise(setImmediate)
  }

  end(code = 1_006): void {
    this.#end?.(code)
  }

  break(): void {
    this.#break?.(new Error('ECONNRESET'))
  }
}

describe('a relay that is away', () => {
  it('is tried again after 100 ms, doubling to 30 s, of which a half is by chance', async () => {
    const lab = new Lab()
    lab.isThere = false
    lab.chance = 1
    lab.link.start()
    await lab.turn(0)
    const waits: number[] = []
    for (let n = 0; n < 11; n++) {
      waits.push(lab.waitMs())
      await lab.turn()
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
    lab.chance = 0
    await lab.turn()
    expect(lab.waitMs()).toBe(15_000)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('begins anew with 100 ms when it had been there for a while, and not before', async () => {
    const lab = new Lab()
    lab.chance = 1
    lab.link.start()
    await lab.turn(0)
    for (const [livedMs, waitMs] of [
      [10, 100],
      [10, 200],
      [10, 400],
      [6_000, 100],
    ] as const) {
      lab.events?.onMessage(welcome)
      await lab.turn(livedMs)
      lab.end()
      await lab.turn(0)
      expect(lab.link.isConnected).toBe(false)
      expect(lab.waitMs()).toBe(waitMs)
      await lab.turn()
    }
    await lab.link.close()
  })

  it('begins anew with 100 ms also when the good time ended by an error', async () => {
    const lab = new Lab()
    lab.chance = 1
    lab.link.start()
    await lab.turn(0)
    const waits: number[] = []
    for (const livedMs of [10, 10, 6_000, 6_000]) {
      lab.events?.onMessage(welcome)
      await lab.turn(livedMs)
      lab.break()
      await lab.turn(0)
      waits.push(lab.waitMs())
      await lab.turn()
    }
    expect(waits).toEqual([100, 200, 100, 100])
    await lab.link.close()
  })

  it('is left in peace for long when it has another connection of this end point', async () => {
    const lab = new Lab()
    lab.chance = 1
    lab.link.start()
    await lab.turn(0)
    lab.events?.onMessage(welcome)
    lab.end(4_001)
    await lab.turn(0)
    expect(lab.waitMs()).toBe(30_000)
    expect(lab.link.lastingError?.message).toContain('another connection')
    await lab.link.close()
  })

  it('is noticed by its silence', async () => {
    const lab = new Lab()
    lab.link.start()
    await lab.turn(0)
    lab.events?.onMessage(welcome)
    expect(lab.link.isConnected).toBe(true)
    await lab.turn(10_000)
    expect(lab.link.isConnected).toBe(false)
    expect(lab.link.lastError).toMatchObject({ code: 'ERR_CONNECTION_LOST' })
    await lab.link.close()
  })

  it('is asked when what is sent brings no answer, and not while it is heard or nobody speaks', async () => {
    const lab = new Lab()
    lab.link.start()
    await lab.turn(0)
    lab.events?.onMessage(welcome)
    const pong = Uint8Array.of(0x88, 0, 0, 0, 0, 0, 0, 0, 0)
    const pipe = lab.link.open('cd'.repeat(48))
    lab.events?.onMessage(pong)
    const pings = (): number => lab.sent.filter(([type]) => type === 0x05).length
    const speak = (): void => void pipe.send(Uint8Array.of(1)).catch(() => undefined)
    const before = pings()
    await lab.turn(5_000)
    speak()
    await lab.turn(1_000)
    lab.events?.onMessage(pong)
    speak()
    await lab.turn(1_500)
    expect(pings()).toBe(before)
    await lab.turn(500)
    expect(pings()).toBe(before + 1)
    await lab.turn(10_000)
    expect(lab.link.isConnected).toBe(false)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('is not given up while anything comes, and is when nothing more does', async () => {
    const lab = new Lab()
    lab.link.start()
    await lab.turn(0)
    lab.events?.onMessage(welcome)
    const delivery = new Uint8Array(60)
    delivery[0] = 0x86
    for (let n = 0; n < 30; n++) {
      await lab.turn(1_000)
      lab.events?.onMessage(delivery)
    }
    expect(lab.link.isConnected).toBe(true)
    await lab.turn(9_999)
    expect(lab.link.isConnected).toBe(true)
    await lab.turn(1)
    expect(lab.link.isConnected).toBe(false)
    await lab.link.close()
    expect(lab.timers.size).toBe(0)
  })

  it('says what is wrong when it speaks another version, or nonsense', async () => {
    for (const [bytes, code] of [
      [Uint8Array.of(0x81, 9), 'ERR_HANDSHAKE_FAILED'],
      [Uint8Array.of(0x82), 'ERR_PEER_PROTOCOL'],
    ] as const) {
      const lab = new Lab()
      lab.link.start()
      await lab.turn(0)
      lab.events?.onMessage(bytes)
      await lab.turn(0)
      expect(lab.link.lastError).toMatchObject({ code })
      await lab.link.close()
    }
  })
})
