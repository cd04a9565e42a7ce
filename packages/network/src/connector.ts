/** Makes sessions out of connections: dials, shakes hands, and hands over what came of it. */
import { randomBytes } from '@vudo/identity'
import {
  isPeerId,
  TransportError,
  type Connection,
  type DialTarget,
  type PeerId,
} from '@vudo/transport'
import type { Admission } from './admission.ts'
import { DialLimits } from './dial-limits.ts'
import { pathName, waysTo, type DialWay, type DialWaysInit } from './dial-ways.ts'
import { isNetworkError, NetworkError } from './errors.ts'
import type { Handshakes, HandshakeOutcome } from './handshake.ts'
import { HELLO_TIMEOUT_MS, HELLO_TURN_MS, MAX_DUPLICATE_DIALS, NONCE_BYTES } from './limits.ts'
import { startRace } from './race-driver.ts'
import type { Tasks } from './waiting.ts'

/** A handshake that led to a session. */
export type Accepted = HandshakeOutcome & { readonly type: 'accepted' }

/** What a connector needs. */
export interface ConnectorInit<Result> extends DialWaysInit {
  readonly handshakes: Handshakes
  readonly admission: Admission
  /** What the network waits for before it has stopped. */
  readonly tasks: Tasks
  /** Over all ways to one peer. */
  readonly connectionTimeoutMs: number
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
  /** Ends the waiting; better ways to a peer that was reached may still be tried. */
  readonly signal: AbortSignal
  /**
   * Only over direct ways: a relay carries a session already.
   *
   * @defaultValue false
   */
  readonly isDirect?: boolean | undefined
}

/** Where a dial led. */
export interface Dialled<Result> {
  readonly peerId: PeerId
  readonly result: Result
}

/** Turns connections into sessions, each once. */
export class Connector<Result> {
  readonly #init: ConnectorInit<Result>
  /** The same connection is yielded for every shared topic, and by `dial`. */
  readonly #adopted = new WeakMap<Connection, Promise<Result>>()
  readonly #limits = new DialLimits()
  /** The last hello to each peer: the next one waits for its outcome, so that it can join the session. */
  readonly #hellos = new Map<PeerId, Promise<unknown>>()
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
   * Reaches a target, over several ways at once where there are some, and shakes hands.
   *
   * @throws what the last way or the handshake threw; `TransportError` `ERR_DIAL_TIMEOUT`
   *   when none of them led there within `connectionTimeoutMs`.
   */
  async dial(target: DialTarget, options: ConnectorDialOptions): Promise<Dialled<Result>> {
    const { now, signal, tasks, connectionTimeoutMs } = this.#init
    options.signal.throwIfAborted()
    const refusal = options.expected && this.#init.admission.refusal(options.expected, now())
    if (refusal !== undefined) throw refusal
    const ways = waysTo(target, options.expected, this.#init, now()).filter(
      ({ isRelay }) => options.isDirect !== true || !isRelay,
    )
    if (ways.length === 0) throw noTransport(target)
    const attempt = (way: DialWay, aborted: AbortSignal): Promise<Dialled<Result>> =>
      this.#attempt(way, aborted)
    const race = startRace({ ways, attempt, now, signal })
    void tasks.add(race.over)
    const timer = setTimeout(
      () => race.cancelUndecided(dialTimeout(target, connectionTimeoutMs)),
      connectionTimeoutMs,
    )
    const onAbort = (): void => race.cancelUndecided(options.signal.reason)
    options.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await race.first
    } finally {
      clearTimeout(timer)
      options.signal.removeEventListener('abort', onAbort)
    }
  }

  /** One way, from the socket to the session. */
  async #attempt(way: DialWay, signal: AbortSignal): Promise<Dialled<Result>> {
    const { scores, now } = this.#init
    const place = this.#limits.take(`${way.transport.name} ${way.target}`, way.isHearsay, now())
    if (typeof place === 'string') throw new NetworkError('ERR_LIMIT', place)
    try {
      return await this.#dialWay(way, signal)
    } catch (error) {
      if (!signal.aborted) scores.failed(way.path, now())
      throw error
    } finally {
      place()
    }
  }

  async #dialWay(way: DialWay, signal: AbortSignal): Promise<Dialled<Result>> {
    const { scores, now, book, onDuplicate } = this.#init
    const { transport, target, expected } = way
    for (let attempt = 1; ; attempt++) {
      const beganAtMs = now()
      const connection = await transport.dial(target, { expected, signal })
      const { peerId } = connection
      if (target !== peerId) book.reached(peerId, target)
      try {
        const result = await this.adopt(connection)
        scores.succeeded(pathName(peerId, target), now() - beganAtMs, now())
        return { peerId, result }
      } catch (error) {
        const isDuplicate = isNetworkError(error) && error.code === 'ERR_SESSION_DUPLICATE'
        if (!isDuplicate || attempt === MAX_DUPLICATE_DIALS) throw error
        const result = await onDuplicate(peerId, signal)
        if (result !== undefined) return { peerId, result }
      }
    }
  }

  async #adopt(connection: Connection): Promise<Result> {
    this.#pending += 1
    try {
      return await this.#shakeHands(connection)
    } catch (cause) {
      throw await this.#refuse(connection, cause)
    } finally {
      this.#pending -= 1
    }
  }

  async #shakeHands(connection: Connection): Promise<Result> {
    const { signal, maxPending, admission, now } = this.#init
    const { peerId } = connection
    signal.throwIfAborted()
    this.#assertAdmitted(peerId)
    if (!admission.takeHandshake(peerId, now())) {
      throw new NetworkError('ERR_LIMIT', `peer ${peerId} makes too many handshakes`)
    }
    if (this.#pending > maxPending) {
      throw new NetworkError('ERR_LIMIT', `${maxPending} handshakes are under way`)
    }
    return connection.path.outbound ? this.#hello(connection) : this.#answer(connection)
  }

  /** Closes a connection that led to no session, and gives the reason. */
  async #refuse(connection: Connection, cause: unknown): Promise<NetworkError> {
    const { signal, onRefused } = this.#init
    const error = isNetworkError(cause) ? cause : unanswered(cause)
    await connection.close(error)
    if (!signal.aborted && error.code !== 'ERR_SESSION_DUPLICATE') {
      onRefused(connection.peerId, error)
    }
    return error
  }

  #assertAdmitted(peerId: PeerId): void {
    const refusal = this.#init.admission.refusal(peerId, this.#init.now())
    if (refusal !== undefined) throw refusal
  }

  /** One at a time per peer: the second then knows the session that came of the first. */
  async #hello(connection: Connection): Promise<Result> {
    const { peerId } = connection
    const before = this.#hellos.get(peerId)
    const turn = this.#helloAfter(before, connection)
    this.#hellos.set(peerId, turn)
    try {
      return await turn
    } finally {
      if (this.#hellos.get(peerId) === turn) this.#hellos.delete(peerId)
    }
  }

  async #helloAfter(before: Promise<unknown> | undefined, connection: Connection): Promise<Result> {
    // One that stalls must not keep the others: its path may be dead.
    if (before !== undefined) await settledWithin(before, HELLO_TURN_MS)
    const { handshakes, now, onAccepted } = this.#init
    const { frame, pending } = handshakes.hello(connection.peerId, randomBytes(NONCE_BYTES))
    try {
      const answer = await this.#inTime(async (signal) => {
        await connection.send(frame, { signal })
        return connection.receive({ signal })
      })
      if (answer === undefined) throw unanswered(undefined)
      // Again, and nothing is awaited from here on: the lists may have changed meanwhile.
      this.#assertAdmitted(connection.peerId)
      const outcome = handshakes.complete(pending, answer, now())
      if (outcome.type === 'refused') throw outcome.error
      return onAccepted(connection, outcome)
    } finally {
      handshakes.abandon(pending)
    }
  }

  async #answer(connection: Connection): Promise<Result> {
    const { handshakes, now, onAccepted } = this.#init
    const hello = await this.#inTime((signal) => connection.receive({ signal }))
    if (hello === undefined) throw unanswered(undefined)
    // Again, and nothing is awaited before the session stands: the peer chose when to say its hello.
    this.#assertAdmitted(connection.peerId)
    const nonce = randomBytes(NONCE_BYTES)
    const outcome = handshakes.answer(connection.peerId, hello, nonce, now())
    if (outcome.type === 'accepted') return onAccepted(connection, outcome)
    const { reply } = outcome
    if (reply !== undefined) await this.#inTime((signal) => connection.send(reply, { signal }))
    throw outcome.error
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

/** Never rejects. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([promise.catch(() => undefined), late])
  clearTimeout(timer)
}

function dialTimeout(target: DialTarget, ms: number): TransportError {
  return new TransportError('ERR_DIAL_TIMEOUT', `nobody answered at "${target}" in ${ms} ms`, {
    hint: 'is the peer online? Name a relay to reach it through firewalls',
  })
}

function noTransport(target: DialTarget): NetworkError {
  const isPeer: boolean = isPeerId(target)
  if (isPeer) {
    return new NetworkError('ERR_NO_TRANSPORT', `no way leads to peer ${target}`, {
      hint:
        'no address of it is known that may be dialled: those of private networks count only ' +
        'from the local network or a proven peer. Name a relay, or give an address',
    })
  }
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
