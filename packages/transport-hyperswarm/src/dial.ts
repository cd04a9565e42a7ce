import type { KeyPair, SecretStream, UdpAddress } from 'hyperdht'
import { TransportError, type Address, type PeerId } from '@vudo/transport'
import { createDhtLink, greetedBefore, refused, type DhtLink } from './dht-link.ts'
import type { Encounters } from './encounters.ts'
import { parseHyperswarmAddress } from './hyperswarm-address.ts'
import { nobodyAnswers, type Dht } from './query.ts'

/** Whom to dial, and as whom. */
export interface DialDhtInit {
  readonly dht: Dht
  readonly keyPair: KeyPair
  readonly self: PeerId
  readonly address: Address
  readonly expected?: PeerId | undefined
  /** Nodes of the DHT that are said to know the peer: spares looking for them. */
  readonly relayAddressesOf: (peerId: PeerId) => readonly UdpAddress[]
  readonly sharesLocalAddress: boolean
  readonly punchesHoles: boolean
  /** The peer may dial at the same time. */
  readonly encounters: Encounters
  /** Gives up; the stream is gone then. */
  readonly signal: AbortSignal
}

/**
 * Finds a peer in the DHT by its key, punches holes where that is needed, and settles when the
 * peer has greeted. When the peer dials at the same time, its stream may be
 * what this gives.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, `ERR_PEER_SELF`, `ERR_PEER_MISMATCH` before
 *   anything is sent; `ERR_DIAL_FAILED` (no connection), `ERR_HANDSHAKE_FAILED` (a connection,
 *   but no peer of ours).
 */
export async function dialDht(init: DialDhtInit): Promise<DhtLink> {
  const peerId = checkedPeer(init)
  init.signal.throwIfAborted()
  const arriving = init.encounters.take(peerId)
  if (arriving && (await isGreeted(arriving, init.signal))) return arriving
  const stream = connect(init, peerId)
  const dial = init.encounters.dialling(peerId, () => stream.destroy())
  try {
    await opened(stream, init, peerId)
    return await greet(stream, init, true)
  } catch (error) {
    if (!dial.replacement || init.signal.aborted) throw error
    return await greet(dial.replacement, init, false)
  } finally {
    dial.end()
  }
}

/** The key is what is dialled, so both mistakes show without a word to anybody. */
function checkedPeer({ address, self, expected }: DialDhtInit): PeerId {
  const peerId = parseHyperswarmAddress(address)
  if (peerId === self) {
    throw new TransportError('ERR_PEER_SELF', 'the address is that of this node', {
      hint: 'remove our own address from the list, and give every device its own key',
    })
  }
  if (expected === undefined || expected === peerId) return peerId
  throw new TransportError('ERR_PEER_MISMATCH', `${address} names another peer than ${expected}`, {
    hint: `dial hyperswarm://${expected}`,
  })
}

async function isGreeted(link: DhtLink, signal: AbortSignal): Promise<boolean> {
  try {
    await greetedBefore(signal, link)
    return true
  } catch {
    // It came to nothing; our own dial is still to come.
    signal.throwIfAborted()
    return false
  }
}

function connect(init: DialDhtInit, peerId: PeerId): SecretStream {
  return init.dht.connect(Buffer.from(peerId, 'hex'), {
    keyPair: init.keyPair,
    relayAddresses: init.relayAddressesOf(peerId),
    localConnection: init.sharesLocalAddress,
    holepunch: () => init.punchesHoles,
  })
}

/** Settles when our side of the handshake is done. */
async function opened(stream: SecretStream, init: DialDhtInit, peerId: PeerId): Promise<void> {
  const { signal, dht } = init
  const abort = (): void => stream.destroy()
  let cause: Error | undefined
  // Before anything else, and for good: a stream whose error nobody hears ends the process.
  stream.on('error', (error) => {
    cause = error
  })
  const over = new Promise<false>((resolve) => stream.on('close', () => resolve(false)))
  signal.addEventListener('abort', abort, { once: true })
  try {
    // `opened` is false a turn before the error is told.
    if ((await stream.opened) || (await over)) return
    throw signal.aborted ? signal.reason : dialError(peerId, cause, dht)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function greet(
  stream: SecretStream,
  { address, signal }: DialDhtInit,
  outbound: boolean,
): Promise<DhtLink> {
  const peerId = stream.remotePublicKey.toString('hex')
  const path = { transport: 'hyperswarm', relayed: false, address, outbound }
  const link = createDhtLink({ stream, peerId, path })
  await greetedBefore(signal, link)
  return link
}

function dialError(peerId: PeerId, cause: Error | undefined, dht: Dht): TransportError {
  const code = cause && 'code' in cause ? String(cause.code) : 'no reason'
  if (code === 'PEER_NOT_FOUND' && dht.toArray({ limit: 1 }).length === 0) {
    return nobodyAnswers(cause)
  }
  if (code === 'ECONNRESET') return refused(cause)
  if (code === 'SERVER_INCOMPATIBLE' || code === 'SERVER_ERROR') {
    return new TransportError('ERR_HANDSHAKE_FAILED', `${peerId} refused the handshake: ${code}`, {
      cause,
      hint: 'it may run another version of hyperdht: compare with 6.34.0',
    })
  }
  return new TransportError('ERR_DIAL_FAILED', `${peerId} could not be reached: ${code}`, {
    cause,
    hint: hints[code] ?? (/PUNCH|NAT/.test(code) ? hardNat : undefined),
  })
}

const hardNat = 'no direct way: both routers are too strict, or holes are not allowed; use a relay'

const hints: Readonly<Record<string, string | undefined>> = {
  PEER_NOT_FOUND: 'the peer is not in this DHT: check that it runs, with the same bootstrap nodes',
  PEER_CONNECTION_FAILED: 'the peer was announced but does not answer: it may be gone, or full',
  REMOTE_ABORTED: hardNat,
}
