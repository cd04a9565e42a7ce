import type { NodeKey } from '@vudo/identity'
import {
  HANDSHAKE_TIMEOUT_MS,
  isTransportError,
  TransportError,
  type Link,
  type Pipe,
  type SecureOptions,
} from '@vudo/transport'
import { SecureChannelError } from './errors.ts'
import { createHandshake, type Handshake, type HandshakeResult } from './handshake.ts'
import { HANDSHAKE_MESSAGE_BYTES } from './limits.ts'
import { createLink } from './link.ts'
import {
  createRecordOpener,
  createRecordSealer,
  maxBodyBytes,
  type RekeyLimits,
} from './records.ts'
import { createStaticKeys, type StaticKeys } from './static-keys.ts'

/** Bounds that tests make smaller. Both ends need the same `rekey…`, or the channel fails at the first change. */
export interface ChannelLimits extends RekeyLimits {
  /** A handshake that takes longer fails, in milliseconds. @defaultValue 5,000 */
  readonly handshakeTimeoutMs?: number | undefined
  /** How long `close` waits for the far end's goodbye, in milliseconds. @defaultValue 1,000 */
  readonly closeTimeoutMs?: number | undefined
}

/** What {@link secureLink} takes. */
export interface SecureLinkOptions extends SecureOptions {
  /** This node. */
  readonly key: NodeKey
  /** Where Noise static keys come from. @defaultValue one store for the whole process */
  readonly staticKeys?: StaticKeys | undefined
  readonly limits?: ChannelLimits | undefined
}

/** Used by every link that is not given a store of its own. */
const processKeys = createStaticKeys()

/**
 * Makes a pipe safe: agrees on keys, proves both ends' Ed25519 keys, and gives a link
 * whose records nobody on the way can read, change, replay, reorder or cut unnoticed.
 *
 * The initiator returns when it has sent its proof; that the far end accepted it, the
 * first message from there shows.
 *
 * @param pipe - Taken over, and closed on any failure. It has to carry 192 bytes or more.
 * @throws `TransportError` `ERR_PEER_SELF`, `ERR_PEER_MISMATCH`, or
 *   `ERR_HANDSHAKE_FAILED` whose `cause` says why.
 * @throws `signal.reason` when the signal ended it.
 * @throws `RangeError` when the pipe is too narrow.
 */
export async function secureLink(pipe: Pipe, options: SecureLinkOptions): Promise<Link> {
  assertWidth(pipe)
  const result = await runHandshake(pipe, options)
  const { limits = {}, path, initiator } = options
  return createLink({
    pipe,
    peerId: result.peerId,
    path: { ...path, outbound: initiator },
    sealer: createRecordSealer(result.send, maxBodyBytes(pipe.maxMessageBytes), limits),
    opener: createRecordOpener(result.receive, limits),
    closeTimeoutMs: limits.closeTimeoutMs,
  })
}

function assertWidth(pipe: Pipe): void {
  const needed = Math.max(...HANDSHAKE_MESSAGE_BYTES)
  if (pipe.maxMessageBytes >= needed) return
  throw new RangeError(`pipe carries ${pipe.maxMessageBytes} bytes, expected ${needed} or more`)
}

async function runHandshake(pipe: Pipe, options: SecureLinkOptions): Promise<HandshakeResult> {
  const { key, initiator, expected, binding, signal, staticKeys = processKeys } = options
  const interruption = createInterruption(
    options.limits?.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    signal,
  )
  try {
    signal?.throwIfAborted()
    const staticKey = staticKeys.current()
    const handshake = createHandshake({ key, initiator, expected, binding, staticKey })
    while (!handshake.isDone) await Promise.race([step(pipe, handshake), interruption.promise])
    return handshake.finish()
  } catch (error) {
    // The first error tells more than one from closing could. No reason goes to the far end: it might be an oracle.
    await pipe.close().catch(() => {})
    throw signal?.aborted && error === signal.reason ? error : failureOf(error)
  } finally {
    interruption.stop()
  }
}

async function step(pipe: Pipe, handshake: Handshake): Promise<void> {
  if (handshake.isOurTurn) {
    await pipe.send(handshake.write())
    return
  }
  const message = await pipe.receive()
  if (message === undefined) {
    throw new SecureChannelError('ERR_CHANNEL_TRUNCATED', 'the pipe ended during the handshake')
  }
  handshake.read(message)
}

interface Interruption {
  /** Rejects when time is up or the signal says so. */
  readonly promise: Promise<never>
  stop(): void
}

function createInterruption(timeoutMs: number, signal: AbortSignal | undefined): Interruption {
  const { promise, reject } = Promise.withResolvers<never>()
  // Whoever races it hears of it; after the last race nobody needs to.
  promise.catch(() => {})
  const onAbort = (): void => reject(signal?.reason)
  const timer = setTimeout(() => {
    reject(new SecureChannelError('ERR_CHANNEL_TIMEOUT', `no handshake within ${timeoutMs} ms`))
  }, timeoutMs)
  signal?.addEventListener('abort', onAbort)
  return {
    promise,
    stop() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    },
  }
}

/** Whatever the pipe threw, its owner made a handshake fail; only who is there has codes of its own. */
function failureOf(cause: unknown): TransportError {
  const isAboutPeer =
    isTransportError(cause) &&
    (cause.code === 'ERR_PEER_SELF' || cause.code === 'ERR_PEER_MISMATCH')
  if (isAboutPeer) return cause
  return new TransportError('ERR_HANDSHAKE_FAILED', 'the handshake failed', {
    cause,
    hint: 'Check that both ends run the same version and mean the same pipe.',
  })
}
