/**
 * Questions with one answer, over a channel each: the caller sends one message and ends
 * its direction, the other end sends one message and ends its own. A channel that is
 * reset is the answer "no", and its code says why.
 */
import { createTokenBucket, type TokenBucket } from '@vudo/swarm'
import { isVudoError, type PeerId } from '@vudo/transport'
import type { Channel } from './channel.ts'
import { isNetworkError, NetworkError } from './errors.ts'
import {
  MAX_CHANNEL_MESSAGE_BYTES,
  MAX_JUDGED_PEERS,
  MAX_REQUESTS_PER_PEER,
  MAX_WAITING_REQUESTS,
  REQUEST_END_MS,
  REQUEST_TIMEOUT_MS,
  REQUESTS_PER_PEER_AND_SECOND,
} from './limits.ts'
import type { ChannelHandler } from './network.ts'
import type { OpenChannelOptions, Session } from './session.ts'
import { abortable } from './waiting.ts'

/** What {@link request} takes. */
export interface RequestOptions extends OpenChannelOptions {
  /**
   * Milliseconds until it is given up, from the call to the whole answer; 1 to 2,147,483,647.
   *
   * @defaultValue 30,000
   */
  readonly timeoutMs?: number | undefined
  /**
   * Bytes of the answer; a larger one is refused. 0 to 262,144.
   *
   * @defaultValue 262,144
   */
  readonly maxResponseBytes?: number | undefined
  /** Ends the waiting; the other end is told. */
  readonly signal?: AbortSignal | undefined
}

/** What a handler of requests gets besides the question. */
export interface RequestContext {
  /** Who asks: proven. */
  readonly peerId: PeerId
  /** The database under which it asks; the peer has proven to be a member. */
  readonly database: string | undefined
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/**
 * Answers a request. What it throws becomes the caller's `peerCode` when it has a `code`
 * that begins with `ERR_`, else `ERR_REQUEST_FAILED`; nothing else of it is told.
 */
export type RequestHandler = (
  request: Uint8Array,
  context: RequestContext,
) => Uint8Array | Promise<Uint8Array>

/** What {@link requestHandler} takes. */
export interface RequestHandlerOptions {
  /**
   * Bytes of a request; a larger one is refused with `ERR_REQUEST_SIZE`. 0 to 262,144.
   *
   * @defaultValue 262,144
   */
  readonly maxRequestBytes?: number | undefined
  /**
   * Monotonic, in milliseconds, for the rate of requests.
   *
   * @defaultValue `performance.now`
   */
  readonly now?: (() => number) | undefined
}

/** Whose turn it is, per session: a session has few channels, and others need some. */
const turnsBySession = new WeakMap<Session, Turns>()

/**
 * Asks a peer, and gives its answer.
 *
 * @param message - 0 to 262,144 bytes.
 * @throws `NetworkError` `ERR_REQUEST_TIMEOUT`; `ERR_REQUEST_FAILED` with the peer's code as
 *   `peerCode`; `ERR_REQUEST_SIZE`; `ERR_LIMIT` when 256 requests to the peer wait; what
 *   `Channel.send` throws; the signal's reason.
 */
export async function request(
  session: Session,
  protocol: string,
  message: Uint8Array,
  options: RequestOptions = {},
): Promise<Uint8Array> {
  const { timeoutMs = REQUEST_TIMEOUT_MS, signal, maxResponseBytes, ...rest } = options
  const limit = checkedBytes('maxResponseBytes', maxResponseBytes)
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 2_147_483_647) {
    throw new RangeError(`timeoutMs is ${timeoutMs}, expected 1 to 2147483647`)
  }
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(timedOut(protocol, timeoutMs)), timeoutMs)
  const either = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
  let release: (() => void) | undefined
  let channel: Channel | undefined
  try {
    release = await turnsOf(session).take(either)
    channel = session.openChannel(protocol, rest)
    return await ask(channel, message, { signal: either, limit })
  } finally {
    clearTimeout(timer)
    // Not awaited, because the caller has its answer. It never rejects.
    void untilOver(channel).then(release)
  }
}

/** The place of a request is free when its channel is: a peer that answers and never ends costs it a moment. */
async function untilOver(channel: Channel | undefined): Promise<void> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), REQUEST_END_MS)
  try {
    // Nothing but the end may follow the answer.
    if ((await channel?.receive({ signal: late.signal })) !== undefined) channel?.reset(aborted)
  } catch {
    channel?.reset(aborted)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Makes of a handler of requests one of channels, for `Network.handle`. A peer may ask 64
 * times per second; beyond that it is refused with `ERR_LIMIT`.
 */
export function requestHandler(
  handler: RequestHandler,
  options: RequestHandlerOptions = {},
): ChannelHandler {
  const { now = () => performance.now() } = options
  const limit = checkedBytes('maxRequestBytes', options.maxRequestBytes)
  const rates = new Map<PeerId, TokenBucket>()
  return async (channel) => {
    if (!rateOf(rates, channel.session.peerId, now()).take(now())) return channel.reset('ERR_LIMIT')
    await answer(channel, handler, limit)
  }
}

async function ask(
  channel: Channel,
  message: Uint8Array,
  { signal, limit }: { readonly signal: AbortSignal; readonly limit: number },
): Promise<Uint8Array> {
  try {
    await channel.send(message, { signal })
    // Its direction ends here; the channel is over when the answer has come.
    void channel.close()
    const response = await channel.receive({ signal })
    if (response === undefined) throw failed(channel.protocol, 'ERR_REQUEST_FAILED')
    if (response.length > limit) throw tooLarge('answer', response.length, limit)
    return response
  } catch (error) {
    channel.reset(aborted)
    if (!isNetworkError(error) || !endsRequest.has(error.code)) throw error
    throw failed(channel.protocol, error.peerCode ?? error.code, error)
  }
}

/** What the peer is told of a channel that is not read to its end. */
const aborted = 'ERR_REQUEST_ABORTED'

/** What becomes of a channel whose request was refused. */
const endsRequest: ReadonlySet<string> = new Set(['ERR_CHANNEL_RESET', 'ERR_CHANNEL_REFUSED'])

async function answer(channel: Channel, handler: RequestHandler, limit: number): Promise<void> {
  const message = await channel.receive()
  if (message === undefined) return channel.reset('ERR_REQUEST_FAILED')
  if (message.length > limit) return channel.reset('ERR_REQUEST_SIZE')
  const gone = new AbortController()
  // Owned: `closed` never rejects, and it settles at the latest when the network stops.
  void channel.closed.then(() => gone.abort(new Error('nobody waits for the answer')))
  const { peerId } = channel.session
  try {
    const context = { peerId, database: channel.database, signal: gone.signal }
    const response = await abortable(Promise.resolve(handler(message, context)), gone.signal)
    if (response.length > MAX_CHANNEL_MESSAGE_BYTES) {
      throw tooLarge('answer', response.length, MAX_CHANNEL_MESSAGE_BYTES)
    }
    await channel.send(response)
    await channel.close()
  } catch (error) {
    if (!gone.signal.aborted) channel.reset(codeOf(error))
  }
}

/** A handler's mistake is told by its code alone: messages may hold what is nobody else's business. */
function codeOf(error: unknown): string {
  const code = isVudoError(error) || error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' && /^ERR_[A-Z0-9_]{1,60}$/.test(code)
    ? code
    : 'ERR_REQUEST_FAILED'
}

function rateOf(rates: Map<PeerId, TokenBucket>, peerId: PeerId, nowMs: number): TokenBucket {
  const rate = rates.get(peerId) ?? createTokenBucket(REQUESTS_PER_PEER_AND_SECOND, nowMs)
  rates.delete(peerId)
  rates.set(peerId, rate)
  for (const oldest of rates.keys()) {
    if (rates.size <= MAX_JUDGED_PEERS) break
    rates.delete(oldest)
  }
  return rate
}

function turnsOf(session: Session): Turns {
  const present = turnsBySession.get(session) ?? new Turns()
  turnsBySession.set(session, present)
  return present
}

/** So many at a time, the others in turn. */
class Turns {
  #taken = 0
  readonly #waiting = new Set<() => void>()

  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#taken >= MAX_REQUESTS_PER_PEER) await this.#wait(signal)
    else this.#taken += 1
    return () => this.#release()
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING_REQUESTS) {
      throw new NetworkError('ERR_LIMIT', `${MAX_WAITING_REQUESTS} requests to that peer wait`, {
        hint: 'await some of them before asking more',
      })
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    try {
      await abortable(promise, signal)
    } catch (error) {
      // When its turn came at the same moment, the next one gets it.
      if (!this.#waiting.delete(resolve)) this.#release()
      throw error
    }
  }

  /** Hands the place over, so that nobody comes between. */
  #release(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next)
      next()
      return
    }
    this.#taken -= 1
  }
}

function checkedBytes(name: string, bytes: number = MAX_CHANNEL_MESSAGE_BYTES): number {
  if (Number.isInteger(bytes) && bytes >= 0 && bytes <= MAX_CHANNEL_MESSAGE_BYTES) return bytes
  throw new RangeError(`${name} is ${bytes}, expected 0 to ${MAX_CHANNEL_MESSAGE_BYTES}`)
}

function timedOut(protocol: string, timeoutMs: number): NetworkError {
  return new NetworkError('ERR_REQUEST_TIMEOUT', `no answer of "${protocol}" in ${timeoutMs} ms`, {
    hint: 'is the peer connected? A larger timeoutMs waits longer',
  })
}

function failed(protocol: string, peerCode: string, cause?: unknown): NetworkError {
  return new NetworkError(
    'ERR_REQUEST_FAILED',
    `the peer did not answer the request "${protocol}": ${peerCode}`,
    { peerCode, cause, hint: 'does the peer answer that protocol, and allow the request?' },
  )
}

function tooLarge(what: string, bytes: number, limit: number): NetworkError {
  return new NetworkError(
    'ERR_REQUEST_SIZE',
    `the ${what} has ${bytes} bytes, at most ${limit} are allowed`,
    { hint: 'send a reference, or open a channel for large contents' },
  )
}
