/*
 * From a medium's bytes to a link with a proven peer, within a time limit. The same
 * for both directions but for who begins.
 */
import {
  HANDSHAKE_TIMEOUT_MS,
  isTransportError,
  MAX_ADDRESS_CHARACTERS,
  TransportError,
  type Address,
  type Link,
  type PeerId,
  type Pipe,
  type TransportContext,
} from '@vudo/transport'
import { orAborted, startDeadline } from './deadline.ts'
import { isLink, type Incoming, type Medium, type MediumDialOptions } from './medium.ts'
import type { Runtime } from './runtime.ts'

/** See {@link createLinkOpener}. */
export interface LinkOpener {
  /** @throws As `Transport.dial`, and `signal.reason`. */
  dial(address: Address, options: LinkDialOptions): Promise<Link>
  /** @throws `TransportError` `ERR_HANDSHAKE_FAILED` and whatever the medium or `secure` throws. */
  accept(incoming: Incoming): Promise<Link>
}

/** What {@link LinkOpener.dial} takes. */
export interface LinkDialOptions {
  readonly signal?: AbortSignal | undefined
  readonly expected?: PeerId | undefined
}

/** What an opener needs. */
export interface LinkOpenerInit {
  readonly medium: Medium
  readonly context: TransportContext
  readonly runtime: Runtime
  /** Fires when the transport closes; what is under way then rejects with its reason. */
  readonly closing: AbortSignal
}

/** Makes an opener. It counts nothing: limits are the caller's. */
export function createLinkOpener(init: LinkOpenerInit): LinkOpener {
  return {
    dial: (address, options) => dialLink(init, address, options),
    accept: (incoming) => acceptLink(init, incoming),
  }
}

async function dialLink(
  init: LinkOpenerInit,
  address: Address,
  { signal, expected }: LinkDialOptions,
): Promise<Link> {
  const { medium, context, runtime, closing } = init
  assertAddress(address, medium.name)
  const ms = context.settings.dialTimeoutMs
  const limit = startDeadline(runtime, ms, () => dialTimeout(address, ms), [signal, closing])
  try {
    limit.signal.throwIfAborted()
    const options: MediumDialOptions = { signal: limit.signal, expected }
    const far = await orAborted(medium.dial(address, options), limit.signal, closeFar)
    const path = { transport: medium.name, relayed: false, address }
    const secure = { signal: limit.signal, initiator: true, expected, path }
    return await toLink(init, far, secure)
  } catch (error) {
    if (limit.signal.aborted || isTransportError(error)) throw error
    throw new TransportError('ERR_DIAL_FAILED', `cannot reach ${address}`, { cause: error })
  } finally {
    limit.release()
  }
}

async function acceptLink(init: LinkOpenerInit, incoming: Incoming): Promise<Link> {
  const { medium, runtime, closing } = init
  const limit = startDeadline(runtime, HANDSHAKE_TIMEOUT_MS, handshakeTimeout, [closing])
  try {
    const far = await orAborted(incoming.open(limit.signal), limit.signal, closeFar)
    const path = { transport: medium.name, relayed: false, address: incoming.address }
    return await toLink(init, far, { signal: limit.signal, initiator: false, path })
  } finally {
    limit.release()
  }
}

interface ToLinkOptions {
  readonly signal: AbortSignal
  readonly initiator: boolean
  readonly expected?: PeerId | undefined
  readonly path: {
    readonly transport: string
    readonly relayed: boolean
    readonly address?: Address | undefined
  }
}

async function toLink(
  { context }: LinkOpenerInit,
  far: Link | Pipe,
  options: ToLinkOptions,
): Promise<Link> {
  const link = isLink(far)
    ? far
    : await orAborted(context.secure(far, options), options.signal, closeFar)
  // The medium was told as well. Twice, because a mistake here would let an impostor in.
  const error = identityError(link.peerId, context.peerId, options.expected)
  if (!error) return link
  await link.close(error)
  throw error
}

function identityError(
  proven: PeerId,
  self: PeerId,
  expected: PeerId | undefined,
): TransportError | undefined {
  if (proven === self) return selfError()
  if (expected === undefined || expected === proven) return undefined
  return new TransportError('ERR_PEER_MISMATCH', `peer proved ${proven}, expected ${expected}`, {
    hint: 'the address is old, or somebody else answers there',
  })
}

/** A node met itself. */
export function selfError(): TransportError {
  return new TransportError('ERR_PEER_SELF', 'the far end holds the key of this node', {
    hint: 'do not dial your own address, and do not copy a key to a second device',
  })
}

function assertAddress(address: Address, name: string): void {
  if (address.length > MAX_ADDRESS_CHARACTERS) {
    throw new TransportError(
      'ERR_ADDRESS_INVALID',
      `address has ${address.length} characters, expected at most ${MAX_ADDRESS_CHARACTERS}`,
    )
  }
  if (address.startsWith(`${name}://`)) return
  throw new TransportError(
    'ERR_ADDRESS_INVALID',
    `address is ${JSON.stringify(address)}, expected ${name}://…`,
    { hint: 'hand each address to the transport that its scheme names' },
  )
}

/** What came too late, or to somebody who is gone. */
function closeFar(far: Link | Pipe): void {
  far.close().catch(() => {
    // It is being thrown away; how its end went matters to nobody.
  })
}

function dialTimeout(address: Address, ms: number): TransportError {
  return new TransportError('ERR_DIAL_TIMEOUT', `no answer from ${address} within ${ms} ms`, {
    hint: 'try another address of the peer, or later',
  })
}

function handshakeTimeout(): TransportError {
  return new TransportError(
    'ERR_HANDSHAKE_FAILED',
    `handshake took more than ${HANDSHAKE_TIMEOUT_MS} ms`,
  )
}
