/** A relay link in a laboratory: a clock that the test turns, sockets that are none. */
import type { Runtime } from '@vudo/swarm'
import { parseRelayUrl } from '../src/relay-address.ts'
import { createRelayLink, type RelayLink } from '../src/relay-link.ts'
import type { ConnectSocket, SocketEvents } from '../src/socket.ts'

/** The relay lets the link in. */
export const welcome = Uint8Array.from(Buffer.from('82000102000200003c', 'hex'))
const challenge = new Uint8Array(34)
challenge.set([0x81, 1])
/** It answers a ping. */
export const pong = Uint8Array.of(0x88, 0, 0, 0, 0, 0, 0, 0, 0)
/** Another node at the relay. */
export const other = 'cd'.repeat(48)

/** A socket that the link has opened, or waits for. */
export interface Line {
  readonly events: SocketEvents
  readonly sent: Uint8Array[]
  isOver: boolean
  /** The far end is reached: it asks for the proof. */
  answer(): void
  end(code?: number): void
  break(message?: string): void
}

/** A clock that the test turns, and a relay that does what the test says. */
export class Lab {
  nowMs = 0
  chance = 0
  readonly timers = new Map<number, { readonly dueMs: number; readonly run: () => void }>()
  readonly lines: Line[] = []
  attempts = 0
  /** False: nobody listens. */
  isThere = true
  /** True: packets vanish. */
  isMute = false
  readonly link: RelayLink
  #timer = 0

  constructor() {
    const runtime: Runtime = {
      nowMs: () => this.nowMs,
      wallMs: () => this.nowMs,
      setTimer: (ms, run) => {
        this.#timer += 1
        const id = this.#timer
        this.timers.set(id, { dueMs: this.nowMs + ms, run })
        return () => void this.timers.delete(id)
      },
      random: () => this.chance,
      randomBytes: (length) => new Uint8Array(length),
    }
    this.link = createRelayLink({
      target: parseRelayUrl('wss://relay.example.com'),
      endpoint: 'ab'.repeat(48),
      sign: () => new Uint8Array(64),
      connect: (_url, events, { signal }) => this.#connect(events, signal),
      runtime,
      onIncoming: () => undefined,
      onMember: () => undefined,
      onNews: () => undefined,
    })
  }

  #connect(events: SocketEvents, signal: AbortSignal): ReturnType<ConnectSocket> {
    this.attempts += 1
    if (!this.isThere) return Promise.reject(new Error('connection refused'))
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const line: Line = {
      events,
      sent: [],
      isOver: false,
      answer() {
        const socket = {
          hasRoom: () => true,
          send: (bytes: Uint8Array) => void line.sent.push(bytes),
          close: () => line.end(1_000),
        }
        events.onOpen(socket)
        events.onMessage(challenge)
      },
      end(code = 1_006) {
        line.isOver = true
        resolve(code)
      },
      break(message = 'ECONNRESET') {
        line.isOver = true
        reject(new Error(message))
      },
    }
    signal.addEventListener('abort', () => line.break('aborted'), { once: true })
    this.lines.push(line)
    if (!this.isMute) line.answer()
    return promise
  }

  /** The line that was opened last. */
  get line(): Line {
    return this.lines.at(-1)!
  }

  get first(): Line {
    const [line] = this.lines
    if (line === undefined) throw new Error('nothing was opened')
    return line
  }

  get events(): SocketEvents {
    return this.line.events
  }

  /** Those that are open or waited for. */
  get open(): Line[] {
    return this.lines.filter(({ isOver }) => !isOver)
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

  /** Turns the clock from timer to timer. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms
    while (this.nowMs + this.waitMs() <= untilMs) await this.turn()
    await this.turn(untilMs - this.nowMs)
  }

  /** Lets the link in, and answers its first ping. */
  enter(line: Line = this.line): void {
    line.events.onMessage(welcome)
    line.events.onMessage(pong)
  }

  end(code = 1_006): void {
    this.line.end(code)
  }

  break(): void {
    this.line.break()
  }

  /** The frames of one type that went out on all lines. */
  count(type: number): number {
    return this.lines.flatMap(({ sent }) => sent).filter(([first]) => first === type).length
  }
}

/** A lab whose link has been let in. */
export async function connected(): Promise<Lab> {
  const lab = new Lab()
  lab.link.start()
  await lab.turn(0)
  lab.enter()
  return lab
}
