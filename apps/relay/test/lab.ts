import { randomBytes } from 'node:crypto'
import { memoryBackPlane, type BackPlane } from '../src/back-plane.ts'
import { createRelayCore, type Client, type ClientPort, type RelayCore } from '../src/core.ts'
import { DEFAULT_LIMITS, type RelayLimits } from '../src/limits.ts'
import { clientFrames, relayFrames } from '../src/wire.ts'

/** A relay without sockets, and a clock that stands still. */
export class Lab {
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

/** A client without a socket: it keeps what it is told. */
export class Guest implements ClientPort {
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

/** Two clients that share a topic. */
export function pairIn(lab: Lab): [Guest, Guest, Buffer] {
  const topic = randomBytes(32)
  const [a, b] = [lab.enter(), lab.enter()]
  a.join(topic)
  b.join(topic)
  return [a, b, topic]
}
