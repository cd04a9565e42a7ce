/** A node of the simulator around the shipped cores: `Handshakes` and `SessionState`, no other protocol code. */
import type { ConnectionId, NodeEnvironment, SimulatedNode } from '@vudo/testing'
import {
  Handshakes,
  type HandshakeOutcome,
  type PendingHello,
  type SessionEntry,
} from '../src/handshake.ts'
import { deriveDatabaseKey } from '../src/membership.ts'
import type { SessionEffect, SessionInput } from '../src/session-io.ts'

/** What was said and heard in all sessions, kept outside the nodes: it survives their crashes. */
export class Books {
  /** Messages given to `send`, by session, channel and sender. */
  readonly sent = new Map<string, number>()
  readonly received = new Map<string, number>()
  /** Directions whose sender ended after so many messages. */
  readonly ended = new Map<string, number>()
  /** Directions of which the receiver saw the end. */
  readonly seenEnd = new Set<string>()
  readonly mistakes: string[] = []
  resumed = 0

  send(direction: string): number {
    const number = this.sent.get(direction) ?? 0
    this.sent.set(direction, number + 1)
    return number
  }

  receive(direction: string, bytes: Uint8Array): void {
    const expected = this.received.get(direction) ?? 0
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    if (number !== expected) this.mistakes.push(`${direction}: ${number}, expected ${expected}`)
    const length = lengthOf(number)
    if (bytes.length !== length)
      this.mistakes.push(`${direction}: ${bytes.length} of ${length} bytes`)
    if (bytes.subarray(4).some((byte) => byte !== (number & 255))) {
      this.mistakes.push(`${direction}: message ${number} was altered`)
    }
    this.received.set(direction, expected + 1)
  }

  end(direction: string): void {
    const received = this.received.get(direction) ?? 0
    const ended = this.ended.get(direction)
    if (ended !== received) this.mistakes.push(`${direction}: ended at ${received}, not ${ended}`)
    this.seenEnd.add(direction)
  }
}

/** Message `number` has this many bytes: mostly small, some of many fragments. */
function lengthOf(number: number): number {
  if (number % 23 === 7) return 100_000
  return 4 + (number % 50)
}

function messageOf(number: number): Uint8Array {
  const bytes = new Uint8Array(lengthOf(number)).fill(number & 255)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

const messagesPerChannel = 60

interface Live {
  readonly session: SessionEntry
  connection: ConnectionId | undefined
  /** Messages that the application has not read yet. */
  readonly unread: { channel: number; cost: number }[]
  readonly left: Map<number, number>
}

export interface SimulatedNodeInit {
  readonly env: NodeEnvironment
  readonly peerId: string
  readonly others: Readonly<Record<string, string>>
  readonly books: Books
  readonly dials: string | undefined
}

/** Two of these talk whenever they can. */
export class SessionNode implements SimulatedNode {
  readonly #init: SimulatedNodeInit
  readonly #env: NodeEnvironment
  readonly #handshakes: Handshakes
  readonly #live = new Map<SessionEntry, Live>()
  readonly #byConnection = new Map<ConnectionId, Live>()
  readonly #pending = new Map<ConnectionId, PendingHello>()
  readonly #peers = new Map<ConnectionId, string>()

  constructor(init: SimulatedNodeInit) {
    this.#init = init
    this.#env = init.env
    this.#handshakes = new Handshakes({
      peerId: init.peerId,
      instance: init.env.random.bytes(16),
      maxFrameBytes: 16_384,
      maxSessions: 100,
      heartbeatIntervalMs: 300,
      resumeWindowMs: 5_000,
      unsharedGraceMs: 2_000,
      databases: () => [deriveDatabaseKey('db', new Uint8Array(32).fill(1))],
      record: () => new Uint8Array(0),
    })
    this.#env.setTimer('dial', 1 + this.#env.random.int(50))
    this.#env.setTimer('work', 10)
  }

  connected(connection: ConnectionId, peerName: string, isOutbound: boolean): void {
    const peerId = this.#init.others[peerName] ?? ''
    this.#peers.set(connection, peerId)
    if (!isOutbound) return
    const { frame, pending } = this.#handshakes.hello(peerId, this.#env.random.bytes(32))
    this.#pending.set(connection, pending)
    this.#env.send(connection, frame)
  }

  received(connection: ConnectionId, bytes: Uint8Array): void {
    const live = this.#byConnection.get(connection)
    if (live !== undefined) return this.#apply(live, { type: 'frame', bytes })
    const pending = this.#pending.get(connection)
    this.#pending.delete(connection)
    const now = this.#env.now()
    const peerId = this.#peers.get(connection)
    if (peerId === undefined) return
    const outcome = pending
      ? this.#handshakes.complete(pending, bytes, now)
      : this.#handshakes.answer(peerId, bytes, this.#env.random.bytes(32), now)
    this.#settle(connection, outcome)
  }

  closed(connection: ConnectionId): void {
    this.#peers.delete(connection)
    const pending = this.#pending.get(connection)
    if (pending !== undefined) this.#handshakes.abandon(pending)
    this.#pending.delete(connection)
    const live = this.#byConnection.get(connection)
    this.#byConnection.delete(connection)
    if (live?.connection === connection) {
      live.connection = undefined
      this.#apply(live, { type: 'detach' })
    }
    this.#env.setTimer('dial', 20 + this.#env.random.int(100))
  }

  timer(name: string): void {
    if (name === 'dial') this.#dial()
    else if (name === 'work') this.#work()
    else {
      const live = [...this.#live.values()].find(({ session }) => session.id === name)
      if (live !== undefined) this.#apply(live, { type: 'timer' })
    }
  }

  #dial(): void {
    this.#env.setTimer('dial', 300)
    const { dials } = this.#init
    const isConnected = [...this.#live.values()].some(({ session }) => session.state.isAttached)
    if (dials !== undefined && !isConnected && this.#pending.size === 0) this.#env.connect(dials)
  }

  #settle(connection: ConnectionId, outcome: HandshakeOutcome): void {
    if (outcome.reply !== undefined) this.#env.send(connection, outcome.reply)
    if (outcome.type === 'refused') return this.#env.close(connection)
    const { session, ended } = outcome
    const past = ended && this.#live.get(ended.session)
    if (past !== undefined && ended !== undefined) this.#perform(past, ended.effects)
    const live = this.#live.get(session) ?? {
      session,
      connection: undefined,
      unread: [],
      left: new Map<number, number>(),
    }
    if (!outcome.isNew) this.#env.tell(() => (this.#init.books.resumed += 1))
    this.#live.set(session, live)
    if (live.connection !== undefined) {
      this.#byConnection.delete(live.connection)
      this.#env.close(live.connection)
    }
    live.connection = connection
    this.#byConnection.set(connection, live)
    this.#perform(live, outcome.effects)
    this.#pump(live)
  }

  /** Reads what came in and writes what is left. */
  #work(): void {
    this.#env.setTimer('work', 5 + this.#env.random.int(20))
    for (const live of this.#live.values()) {
      for (const { channel, cost } of live.unread.splice(0, this.#env.random.int(12))) {
        this.#apply(live, { type: 'consume', channel, cost })
      }
      for (const channel of live.left.keys()) this.#write(live, channel)
      const { state } = live.session
      if (state.shared.size > 0 && live.left.size < 2 && this.#env.random.chance(0.1)) {
        this.#open(live)
      }
    }
  }

  #open(live: Live): void {
    const id = live.session.state.nextChannel
    live.left.set(id, messagesPerChannel)
    const priority = ([0, 1, 2, 3] as const)[this.#env.random.int(4)] ?? 2
    this.#apply(live, { type: 'open', protocol: '/test/1', priority, database: 'db' })
  }

  #write(live: Live, id: number): void {
    const left = live.left.get(id) ?? 0
    const channel = live.session.state.channel(id)
    if (channel === undefined || left === 0 || !channel.isWritable) return
    const { books } = this.#init
    const direction = this.#direction(live, id, true)
    live.left.set(id, left - 1)
    let message: Uint8Array | undefined
    this.#env.tell(() => {
      message = messageOf(books.send(direction))
      if (left === 1) books.ended.set(direction, books.sent.get(direction) ?? 0)
    })
    if (message === undefined) return
    this.#apply(live, { type: 'send', channel: id, message })
    if (left === 1) this.#apply(live, { type: 'end', channel: id })
  }

  #apply(live: Live, input: SessionInput): void {
    this.#perform(live, live.session.state.handle(input, this.#env.now()))
    this.#pump(live)
  }

  #pump(live: Live): void {
    const { state, id } = live.session
    if (live.connection !== undefined) {
      for (;;) {
        const frame = state.takeFrame(this.#env.now())
        if (frame === undefined) break
        this.#env.send(live.connection, frame)
      }
      this.#perform(live, state.takeEffects())
    }
    if (state.wakeAtMs !== undefined) {
      this.#env.setTimer(id, Math.max(1, Math.ceil(state.wakeAtMs - this.#env.now())))
    }
  }

  #perform(live: Live, effects: readonly SessionEffect[]): void {
    const { books } = this.#init
    for (const effect of effects) {
      switch (effect.type) {
        case 'message': {
          const direction = this.#direction(live, effect.channel, false)
          this.#env.tell(() => books.receive(direction, effect.bytes))
          live.unread.push({ channel: effect.channel, cost: effect.cost })
          break
        }
        case 'open':
          live.left.set(effect.channel, messagesPerChannel)
          break
        case 'end': {
          const direction = this.#direction(live, effect.channel, false)
          this.#env.tell(() => books.end(direction))
          break
        }
        case 'closed':
          live.left.delete(effect.channel)
          if (effect.error !== undefined) {
            this.#env.tell(() => books.mistakes.push(`channel closed: ${effect.error?.message}`))
          }
          break
        case 'drop-path':
          this.#drop(live)
          break
        case 'ended':
          this.#env.tell(() => {
            if (effect.error.code === 'ERR_SESSION_PROTOCOL')
              books.mistakes.push(effect.error.message)
          })
          this.#finish(live)
          break
        default:
      }
    }
  }

  #drop(live: Live): void {
    const { connection } = live
    if (connection === undefined) return
    this.#env.close(connection)
    this.closed(connection)
  }

  #finish(live: Live): void {
    const { connection, session } = live
    live.connection = undefined
    this.#live.delete(session)
    this.#handshakes.remove(session)
    this.#env.clearTimer(session.id)
    if (connection === undefined) return
    const goodbye = session.state.takeFrame(this.#env.now())
    if (goodbye !== undefined) this.#env.send(connection, goodbye)
    this.#byConnection.delete(connection)
    this.#env.close(connection)
    this.closed(connection)
  }

  #direction(live: Live, channel: number, isOwn: boolean): string {
    const { peerId } = this.#init
    return `${live.session.id.slice(0, 8)}/${channel}/${isOwn ? peerId[0] : live.session.peerId[0]}`
  }
}
