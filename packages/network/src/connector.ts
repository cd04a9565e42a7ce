/** Makes sessions out of connections: dials, shakes hands, and hands over what came of it. */
import { randomBytes } from '@vudo/identity'
import {
  isPeerId,
  type Address,
  type Connection,
  type DialTarget,
  type PeerId,
  type Transport,
} from '@vudo/transport'
import { isNetworkError, NetworkError } from './errors.ts'
import type { Handshakes, HandshakeOutcome } from './handshake.ts'
import { HELLO_TIMEOUT_MS, MAX_DUPLICATE_DIALS, NONCE_BYTES } from './limits.ts'
import type { PeerBook } from './peer-book.ts'

/** A handshake that led to a session. */
export type Accepted = HandshakeOutcome & { readonly type: 'accepted' }

/** What a connector needs. */
export interface ConnectorInit<Result> {
  readonly transports: readonly Transport[]
  readonly handshakes: Handshakes
  readonly book: PeerBook
  readonly now: () => number
  /** Fires when the network stops. */
  readonly signal: AbortSignal
  /** Handshakes at one time. */
  readonly maxPending: number
  /** A session stands on `connection`, which has to be carried on. */
  readonly onAccepted: (connection: Connection, accepted: Accepted) => Result
  /**
   * The peer says that a session stands or is on its way: waits a moment for it.
   * `undefined` when none came; the peer may not know yet that an older one has ended.
   */
  readonly onDuplicate: (peerId: PeerId, signal: AbortSignal) => Promise<Result | undefined>
  readonly onRefused: (peerId: PeerId, error: NetworkError) => void
}

/** What {@link Connector.dial} takes. */
export interface ConnectorDialOptions {
  readonly expected?: PeerId | undefined
  readonly signal: AbortSignal
}

/** One way to try. */
interface Way {
  readonly transport: Transport
  readonly target: DialTarget
  readonly expected: PeerId | undefined
}

/** Turns connections into sessions, each once. */
export class Connector<Result> {
  readonly #init: ConnectorInit<Result>
  /** The same connection is yielded for every shared topic, and by `dial`. */
  readonly #adopted = new WeakMap<Connection, Promise<Result>>()
  #pending = 0

  constructor(init: ConnectorInit<Result>) {
    this.#init = init
  }

  /**
   * Shakes hands over a connection, once however often it is given.
   *
   * @throws `NetworkError`, after the connection was closed.
   */
  adopt(connection: Connection): Promise<Result> {
    const present = this.#adopted.get(connection)
    if (present !== undefined) return present
    const adopting = this.#adopt(connection)
    this.#adopted.set(connection, adopting)
    return adopting
  }

  /**
   * Reaches a target over the first way that leads there, and shakes hands.
   *
   * @throws what the last way or the handshake threw.
   */
  async dial(
    target: DialTarget,
    options: ConnectorDialOptions,
  ): Promise<{ readonly peerId: PeerId; readonly result: Result }> {
    for (let attempt = 1; ; attempt++) {
      const connection = await this.#reach(target, options)
      const { peerId } = connection
      try {
        return { peerId, result: await this.adopt(connection) }
      } catch (error) {
        const isDuplicate = isNetworkError(error) && error.code === 'ERR_SESSION_DUPLICATE'
        if (!isDuplicate || attempt === MAX_DUPLICATE_DIALS) throw error
        const result = await this.#init.onDuplicate(peerId, options.signal)
        if (result !== undefined) return { peerId, result }
      }
    }
  }

  async #reach(target: DialTarget, options: ConnectorDialOptions): Promise<Connection> {
    const { signal } = options
    let failure: unknown = noTransport(target)
    for (const { transport, target: way, expected } of this.#ways(target, options.expected)) {
      try {
        const connection = await transport.dial(way, { expected, signal })
        if (way !== connection.peerId) this.#init.book.reached(connection.peerId, way)
        return connection
      } catch (error) {
        signal.throwIfAborted()
        failure = error
      }
    }
    throw failure
  }

  /** An address leads over its own transport; a peer over its addresses, and then over who can find it. */
  #ways(target: DialTarget, expected: PeerId | undefined): Way[] {
    const dialling = this.#init.transports.filter((transport) => transport.features.dials)
    if (!isPeerId(target)) return waysTo(target, dialling, expected)
    const known = this.#init.book
      .addresses(target)
      .flatMap((address) => waysTo(address, dialling, target))
    const finding = dialling
      .filter((transport) => transport.features.discovers)
      .map((transport) => ({ transport, target, expected: target }))
    return [...known, ...finding]
  }

  async #adopt(connection: Connection): Promise<Result> {
    const { signal, maxPending, onAccepted, onRefused } = this.#init
    this.#pending += 1
    try {
      signal.throwIfAborted()
      if (this.#pending > maxPending) {
        throw new NetworkError('ERR_LIMIT', `${maxPending} handshakes are under way`)
      }
      const outcome = await (connection.path.outbound
        ? this.#hello(connection)
        : this.#answer(connection))
      if (outcome.type === 'refused') throw outcome.error
      return onAccepted(connection, outcome)
    } catch (cause) {
      const error = isNetworkError(cause) ? cause : unanswered(cause)
      await connection.close(error)
      if (!signal.aborted && error.code !== 'ERR_SESSION_DUPLICATE') {
        onRefused(connection.peerId, error)
      }
      throw error
    } finally {
      this.#pending -= 1
    }
  }

  async #hello(connection: Connection): Promise<HandshakeOutcome> {
    const { handshakes, now } = this.#init
    const { frame, pending } = handshakes.hello(connection.peerId, randomBytes(NONCE_BYTES))
    try {
      const answer = await this.#inTime(async (signal) => {
        await connection.send(frame, { signal })
        return connection.receive({ signal })
      })
      if (answer === undefined) throw unanswered(undefined)
      return handshakes.complete(pending, answer, now())
    } finally {
      handshakes.abandon(pending)
    }
  }

  async #answer(connection: Connection): Promise<HandshakeOutcome> {
    const { handshakes, now } = this.#init
    const hello = await this.#inTime((signal) => connection.receive({ signal }))
    if (hello === undefined) throw unanswered(undefined)
    const nonce = randomBytes(NONCE_BYTES)
    const outcome = handshakes.answer(connection.peerId, hello, nonce, now())
    const { reply } = outcome
    if (outcome.type === 'refused' && reply !== undefined) {
      await this.#inTime((signal) => connection.send(reply, { signal }))
    }
    return outcome
  }

  /** A peer that stalls costs a connection for so long and no longer (attack HO1). */
  async #inTime<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(unanswered(undefined)), HELLO_TIMEOUT_MS)
    const onStop = (): void => deadline.abort(this.#init.signal.reason)
    this.#init.signal.addEventListener('abort', onStop, { once: true })
    try {
      return await work(deadline.signal)
    } finally {
      clearTimeout(timer)
      this.#init.signal.removeEventListener('abort', onStop)
    }
  }
}

function waysTo(
  address: Address,
  transports: readonly Transport[],
  expected: PeerId | undefined,
): Way[] {
  return transports
    .filter((transport) => address.startsWith(`${transport.name}://`))
    .map((transport) => ({ transport, target: address, expected }))
}

function noTransport(target: DialTarget): NetworkError {
  return new NetworkError('ERR_NO_TRANSPORT', `no transport can dial "${target}"`, {
    hint: 'import the transport that the address begins with, or give an address',
  })
}

function unanswered(cause: unknown): NetworkError {
  const isTopic = cause instanceof Error && 'code' in cause && cause.code === 'ERR_NO_SHARED_TOPIC'
  return new NetworkError(
    isTopic ? 'ERR_NO_SHARED_DATABASE' : 'ERR_SESSION_CLOSED',
    isTopic
      ? 'the two ends have no topic in common'
      : `the connection ended before a session stood`,
    { cause, hint: 'join the same database on both sides, with the same secret' },
  )
}
