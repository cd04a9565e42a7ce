import type { KeyPair, SecretStream, UdpAddress } from 'hyperdht'
import { TransportError, type Address, type ConnectionPath, type PeerId } from '@vudo/transport'
import { createAnswers, type Answers } from './answers.ts'
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
 * what this gives; one that does not greet changes nothing.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, `ERR_PEER_SELF`, `ERR_PEER_MISMATCH` before
 *   anything is sent; `ERR_DIAL_FAILED` (no connection), `ERR_HANDSHAKE_FAILED` (a connection,
 *   but no peer of ours).
 */
export async function dialDht(init: DialDhtInit): Promise<DhtLink> {
  const peerId = checkedPeer(init)
  init.signal.throwIfAborted()
  const path = { transport: 'hyperswarm', relayed: false, address: init.address }
  const incoming = { peerId, signal: init.signal, path: { ...path, outbound: false } }
  const answers = createAnswers(incoming, init.encounters.take(peerId))
  let own: SecretStream | undefined
  const dial = init.encounters.dialling(peerId, (stream) => {
    // Hyperswarm's rule for two that dial each other: the stream of the larger key stays.
    if (!own || init.self < peerId) return answers.add(stream)
    stream.destroy()
    return true
  })
  let link: DhtLink | undefined
  try {
    link = await answers.soon()
    if (link) return link
    init.signal.throwIfAborted()
    own = connect(init, peerId)
    const reached = reach(own, init, { answers, path: { ...path, outbound: true } })
    const reachedOrLate = reached.catch((error: unknown) => answers.orElse(error))
    link = await Promise.race([reachedOrLate, answers.first])
    return link
  } finally {
    dial.end()
    if (answers.choose(link)) own?.destroy()
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

function connect(init: DialDhtInit, peerId: PeerId): SecretStream {
  return init.dht.connect(Buffer.from(peerId, 'hex'), {
    keyPair: init.keyPair,
    relayAddresses: init.relayAddressesOf(peerId),
    localConnection: init.sharesLocalAddress,
    holepunch: () => init.punchesHoles,
  })
}

/** Settles when the peer has greeted on our own stream, or on one of its own meanwhile. */
async function reach(
  stream: SecretStream,
  init: DialDhtInit,
  { answers, path }: { readonly answers: Answers; readonly path: ConnectionPath },
): Promise<DhtLink> {
  await opened(stream, init)
  const answer = await answers.soon()
  if (answer) return answer
  if (stream.destroyed) throw refused(undefined)
  const peerId = stream.remotePublicKey.toString('hex')
  const link = createDhtLink({ stream, peerId, path })
  await greetedBefore(init.signal, link)
  return link
}

/** Settles when our side of the handshake is done. */
async function opened(stream: SecretStream, init: DialDhtInit): Promise<void> {
  const { signal, dht, address } = init
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
    throw signal.aborted ? signal.reason : dialError(address, cause, dht)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function dialError(address: Address, cause: Error | undefined, dht: Dht): TransportError {
  const code = cause && 'code' in cause ? String(cause.code) : 'no reason'
  if (code === 'PEER_NOT_FOUND' && dht.toArray({ limit: 1 }).length === 0) {
    return nobodyAnswers(cause)
  }
  if (code === 'ECONNRESET') return refused(cause)
  if (code === 'SERVER_INCOMPATIBLE' || code === 'SERVER_ERROR') {
    return new TransportError('ERR_HANDSHAKE_FAILED', `${address} refused the handshake: ${code}`, {
      cause,
      hint: 'it may run another version of hyperdht: compare with 6.34.0',
    })
  }
  return new TransportError('ERR_DIAL_FAILED', `${address} could not be reached: ${code}`, {
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
