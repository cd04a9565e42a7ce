import type { Connection, PeerId as Libp2pId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { TransportError, type Address, type PeerId } from '@vudo/transport'
import { dialError, handshakeFailed, mismatchError, selfError } from './dial-errors.ts'
import type { Keys } from './keys.ts'
import { parseLibp2pAddress, type Libp2pAddress } from './libp2p-address.ts'
import { linkProtocol } from './link-protocol.ts'
import { createLibp2pLink, type Libp2pLink } from './libp2p-link.ts'
import { MAX_LINKS_PER_CONNECTION } from './limits.ts'
import type { StackNode } from './node.ts'

/** What a dialler needs. */
export interface DiallerInit {
  readonly node: StackNode
  readonly keys: Keys
  readonly toMultiaddr: (text: string) => Multiaddr
  readonly self: PeerId
  /** Where a peer is, when only its key is known. */
  readonly find: (peerId: PeerId, signal: AbortSignal) => Promise<readonly Address[]>
}

/** One dial. */
export interface DialRequest {
  readonly address: Address
  readonly expected: PeerId | undefined
  readonly signal: AbortSignal
}

/**
 * Opens a link, over a connection that is there already or over a new one.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, `ERR_DIAL_FAILED` (no connection),
 *   `ERR_HANDSHAKE_FAILED` (a connection, but no peer), `ERR_PEER_SELF`, `ERR_PEER_MISMATCH`.
 */
export async function dialLibp2p(init: DiallerInit, request: DialRequest): Promise<Libp2pLink> {
  const { address, signal } = request
  const parsed = parseLibp2pAddress(address)
  const wanted = wantedPeer(init, parsed, request)
  signal.throwIfAborted()
  try {
    const present = wanted && openConnection(init, wanted, parsed)
    if (present) {
      const link = await reuse(init, present, request)
      if (link) return link
    }
    let connection = await connect(init, { ...request, parsed, wanted, force: !!present })
    // The stack may hand out one that is there already, and has no room for another link.
    if (!hasRoom(connection)) {
      connection = await connect(init, { ...request, parsed, wanted, force: true })
    }
    return await openLink(connection, provenPeer(connection), request)
  } catch (error) {
    throw signal.aborted ? signal.reason : dialError(address, error)
  }
}

/** Who has to be there: as the caller says, or as the address does. */
function wantedPeer(
  { keys, self }: DiallerInit,
  { libp2pId, peerId }: Libp2pAddress,
  { address, expected }: DialRequest,
): PeerId | undefined {
  const id = libp2pId === undefined ? undefined : keys.parse(libp2pId)
  const named = id ? keys.toPeerId(id) : peerId
  if (libp2pId !== undefined && named === undefined) {
    const what = id ? `a key of type ${id.type}` : 'no peer id of libp2p'
    throw new TransportError('ERR_ADDRESS_INVALID', `${address} names ${what}, expected Ed25519`, {
      hint: 'peers are known by their Ed25519 key: ask the peer for its address',
    })
  }
  if (named !== undefined && expected !== undefined && named !== expected) {
    throw mismatchError(named, expected)
  }
  const wanted = expected ?? named
  if (wanted === self) throw selfError()
  return wanted
}

/** A connection to use: a direct one if there is any, a relayed one only where the address is relayed too. */
function openConnection(
  { node, keys }: DiallerInit,
  wanted: PeerId,
  { medium }: Libp2pAddress,
): Connection | undefined {
  const open = node.libp2p
    .getConnections(keys.toLibp2pId(wanted))
    .filter((connection) => connection.status === 'open' && hasRoom(connection))
  const direct = open.find((connection) => connection.direct && connection.limits === undefined)
  return direct ?? (medium === 'relay' || medium === 'dht' ? open[0] : undefined)
}

/** Whether another link of ours may be on it: the far end turns away more. */
function hasRoom({ streams }: Connection): boolean {
  const ours = streams.filter(
    (one) => one.direction === 'outbound' && one.protocol === linkProtocol,
  )
  return ours.length < MAX_LINKS_PER_CONNECTION
}

/** The far end may just be closing it: then a new one is the answer, and not an error. */
async function reuse(
  init: DiallerInit,
  connection: Connection,
  request: DialRequest,
): Promise<Libp2pLink | undefined> {
  try {
    return await openLink(connection, provenPeer(connection), request)
  } catch (error) {
    request.signal.throwIfAborted()
    if (connection.status === 'open') throw error
    return undefined
  }
}

interface ConnectRequest extends DialRequest {
  readonly parsed: Libp2pAddress
  readonly wanted: PeerId | undefined
  /** True when a connection that was there did not do. */
  readonly force: boolean
}

async function connect(init: DiallerInit, request: ConnectRequest): Promise<Connection> {
  const { node, keys, self } = init
  const { wanted, signal, force } = request
  const targets = await targetsOf(init, request)
  const connection = await node.libp2p.dial(targets, { signal, force })
  const found = keys.toPeerId(connection.remotePeer)
  if (found === self) throw dropped(connection, selfError())
  if (wanted === undefined || found === wanted) return connection
  throw dropped(connection, mismatchError(String(found), wanted))
}

/**
 * Without the far end's key wherever the way does not need it: told which one to expect,
 * the stack fails without saying whom it found.
 */
async function targetsOf(
  { keys, toMultiaddr, find }: DiallerInit,
  { parsed, wanted, signal, address }: ConnectRequest,
): Promise<Multiaddr[]> {
  if (parsed.medium === 'relay') return [toMultiaddr(parsed.multiaddr)]
  if (parsed.medium !== 'dht' || wanted === undefined) {
    return [toMultiaddr(parsed.multiaddr.replace(/\/p2p\/[^/]+$/, ''))]
  }
  const id: Libp2pId = keys.toLibp2pId(wanted)
  const found = await find(wanted, signal)
  if (found.length > 0) {
    const direct = found.map((one) =>
      parseLibp2pAddress(one).multiaddr.replace(/\/p2p\/[^/]+$/, ''),
    )
    return direct.map((text) => toMultiaddr(`${text}/p2p/${id.toString()}`))
  }
  throw new TransportError('ERR_DIAL_FAILED', `nobody knows where the peer of ${address} is`, {
    hint: 'dial an address, or join the DHT of that peer (bootstrapNodes)',
  })
}

async function openLink(
  connection: Connection,
  peerId: PeerId,
  { signal, address }: DialRequest,
): Promise<Libp2pLink> {
  const stream = await connection
    .newStream(linkProtocol, {
      signal,
      runOnLimitedConnection: true,
      maxOutboundStreams: MAX_LINKS_PER_CONNECTION,
    })
    .catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== 'UnsupportedProtocolError') throw error
      throw handshakeFailed(address, `it does not speak ${linkProtocol}`, error)
    })
  const link = createLibp2pLink({ stream, connection, peerId, outbound: true })
  const abort = (): void => link.destroy()
  signal.addEventListener('abort', abort, { once: true })
  try {
    if (signal.aborted) abort()
    await link.ready
    return link
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The gater lets nobody in who has another kind of key. */
function provenPeer({ remotePeer }: Connection): PeerId {
  const raw = remotePeer.type === 'Ed25519' ? remotePeer.publicKey.raw : undefined
  if (raw) return Buffer.from(raw).toString('hex')
  throw new TransportError(
    'ERR_HANDSHAKE_FAILED',
    `the far end has a key of type ${remotePeer.type}`,
  )
}

/** Lets go of a connection to somebody who was not meant, unless links of others are on it. */
function dropped(connection: Connection, error: TransportError): TransportError {
  const isInUse = connection.streams.some(({ protocol }) => protocol === linkProtocol)
  if (!isInUse) connection.abort(error)
  return error
}
