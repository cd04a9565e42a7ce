/** Nodes of the simulator around the shipped cores: `Handshakes` and `SessionState`, no other protocol code. */
import type { ConnectionId, NodeEnvironment, SimulatedNode } from '@vudo/testing'
import {
  Handshakes,
  type HandshakeOutcome,
  type PendingHello,
  type SessionEntry,
} from '../src/handshake.ts'
import { deriveDatabaseKey } from '../src/membership.ts'
import type { SessionEffect, SessionInput } from '../src/session-io.ts'
import { messageOf, type SimulatedBooks } from './simulated-books.ts'

const messagesPerChannel = 60

interface Live {
  readonly session: SessionEntry
  /** Connections that carry it, and their numbers in the core. */
  readonly paths: Map<ConnectionId, number>
  /** Messages that the application has not read yet. */
  readonly unread: { channel: number; cost: number }[]
  readonly left: Map<number, number>
}

/** How a connection leads to the peer. */
interface Way {
  readonly name: string
  readonly isOutbound: boolean
  readonly sinceMs: number
}

const helloTimeoutMs = 1_500

export interface SimulatedNodeInit {
  readonly env: NodeEnvironment
  readonly peerId: string
  /** Ids of peers, by the name of the node over which they are reached: the transport. */
  readonly others: Readonly<Record<string, string>>
  readonly books: SimulatedBooks
  /** Nodes over which it dials. */
  readonly dials: readonly string[]
}

/** Two of these talk whenever they can. */
export class SessionNode implements SimulatedNode {
  readonly #init: SimulatedNodeInit
  readonly #env: NodeEnvironment
  readonly #handshakes: Handshakes
  readonly #live = new Map<SessionEntry, Live>()
  readonly #byConnection = new Map<ConnectionId, Live>()
  readonly #transports = new Map<ConnectionId, Way>()
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
    this.#transports.set(connection, { name: peerName, isOutbound, sinceMs: this.#env.now() })
    if (!isOutbound) return
    const { frame, pending } = this.#handshakes.hello(peerId, this.#env.random.bytes(32))
    this.#pending.set(connection, pending)
    this.#env.send(connection, frame)
  }

  received(connection: ConnectionId, bytes: Uint8Array): void {
    const live = this.#byConnection.get(connection)
    const path = live?.paths.get(connection)
    if (live !== undefined && path !== undefined) {
      return this.#apply(live, { type: 'frame', path, bytes })
    }
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
    this.#transports.delete(connection)
    const pending = this.#pending.get(connection)
    if (pending !== undefined) this.#handshakes.abandon(pending)
    this.#pending.delete(connection)
    const live = this.#byConnection.get(connection)
    const path = live?.paths.get(connection)
    this.#byConnection.delete(connection)
    live?.paths.delete(connection)
    if (live !== undefined && path !== undefined) this.#apply(live, { type: 'detach', path })
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

  /** Sees to it that every transport carries the session. */
  #dial(): void {
    this.#env.setTimer('dial', 300)
    for (const [connection, { sinceMs }] of this.#transports) {
      // A hello that nobody answers: the connector gives up after a while.
      if (this.#byConnection.has(connection) || this.#env.now() < sinceMs + helloTimeoutMs) continue
      this.#env.close(connection)
      this.closed(connection)
    }
    const present = new Set([...this.#transports.values()].map(({ name }) => name))
    for (const name of this.#init.dials) {
      if (!present.has(name) && this.#env.random.chance(0.5)) this.#env.connect(name)
    }
  }

  #settle(connection: ConnectionId, outcome: HandshakeOutcome): void {
    if (outcome.reply !== undefined) this.#env.send(connection, outcome.reply)
    if (outcome.type === 'refused') {
      this.#env.close(connection)
      return this.closed(connection)
    }
    const { session, ended, path } = outcome
    const past = ended && this.#live.get(ended.session)
    if (past !== undefined && ended !== undefined) this.#perform(past, ended.effects)
    const live = this.#live.get(session) ?? {
      session,
      paths: new Map<ConnectionId, number>(),
      unread: [],
      left: new Map<number, number>(),
    }
    const { books } = this.#init
    this.#env.tell(() => {
      if (!outcome.isNew && !outcome.isFurther) books.resumed += 1
      if (outcome.isFurther) books.joined += 1
    })
    this.#live.set(session, live)
    live.paths.set(connection, path)
    this.#byConnection.set(connection, live)
    this.#describe(live, connection, path)
    this.#perform(live, outcome.effects)
    this.#pump(live)
  }

  #describe(live: Live, connection: ConnectionId, path: number): void {
    const { name, isOutbound } = this.#transports.get(connection) ?? { name: '', isOutbound: true }
    const isRelayed = name === 'relay'
    const info = { transport: name, isRelayed, isBulk: !isRelayed, isOutbound }
    this.#perform(
      live,
      live.session.state.handle({ type: 'describe', path, info }, this.#env.now()),
    )
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
    for (const [connection, path] of live.paths) {
      for (;;) {
        const frame = state.takeFrame(path, this.#env.now())
        if (frame === undefined) break
        this.#env.send(connection, frame)
      }
      this.#perform(live, state.takeEffects())
    }
    const { wakeAtMs } = state
    if (wakeAtMs !== undefined) {
      this.#env.setTimer(id, Math.max(1, Math.ceil(wakeAtMs - this.#env.now())))
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
          this.#drop(live, effect.path)
          break
        case 'best-path':
          this.#env.tell(() => (books.changes += 1))
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

  #drop(live: Live, path: number): void {
    for (const [connection, id] of live.paths) {
      if (id !== path) continue
      this.#env.close(connection)
      this.closed(connection)
    }
  }

  #finish(live: Live): void {
    const { session } = live
    const connections = [...live.paths.keys()]
    live.paths.clear()
    this.#live.delete(session)
    this.#handshakes.remove(session)
    this.#env.clearTimer(session.id)
    const goodbye = session.state.takeGoodbye()
    for (const connection of connections) {
      if (goodbye !== undefined) this.#env.send(connection, goodbye)
      this.#byConnection.delete(connection)
      this.#env.close(connection)
      this.closed(connection)
    }
  }

  #direction(live: Live, channel: number, isOwn: boolean): string {
    const { peerId } = this.#init
    return `${live.session.id.slice(0, 8)}/${channel}/${isOwn ? peerId[0] : live.session.peerId[0]}`
  }
}
