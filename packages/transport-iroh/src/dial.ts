import type { Connection, Endpoint, EndpointAddr } from '@number0/iroh/index.js'
import { isTransportError, TransportError, type PeerId } from '@vudo/transport'
import { orAbandon } from './abandon.ts'
import { alpn } from './endpoint.ts'
import { parseIrohAddress, type IrohAddress } from './iroh-address.ts'
import { createIrohLink, cutOff, type IrohLink } from './iroh-link.ts'
import { createIrohPath } from './iroh-path.ts'
import type { Iroh } from './load-iroh.ts'
import { dialError } from './stack-error.ts'

/** Whom to dial, and as whom. */
export interface DialIrohInit {
  readonly iroh: Iroh
  readonly endpoint: Endpoint
  /** As `parseIrohAddress` reads it. */
  readonly address: string
  readonly self: PeerId
  readonly expected?: PeerId | undefined
  readonly relays: {
    /** False: those of addresses are passed over as well. */
    readonly areUsed: boolean
    /** Our own, where a peer is looked for whose address names no way to it. */
    readonly home: string | undefined
  }
  /** Gives up. The stack cannot: what it brings later is closed. */
  readonly signal: AbortSignal
}

/**
 * Opens a link. It settles at the far end's first frame, so that a refusal shows here.
 *
 * @throws `TransportError` `ERR_ADDRESS_INVALID`, `ERR_DIAL_FAILED` (no connection),
 *   `ERR_HANDSHAKE_FAILED` (a connection, but no peer), `ERR_PEER_SELF`, `ERR_PEER_MISMATCH`;
 *   and the signal's reason.
 */
export async function dialIroh(init: DialIrohInit): Promise<IrohLink> {
  const { endpoint, signal } = init
  const to = parseIrohAddress(init.address)
  const { peerId } = to
  checkPeer(peerId, init)
  signal.throwIfAborted()
  try {
    const dialling = endpoint.connect(toEndpointAddr(init, to), alpn())
    const connection = await orAbandon(dialling, signal, cutOff)
    return await openLink(connection, peerId, signal)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw isTransportError(error) ? error : dialError(peerId, error)
  }
}

async function openLink(
  connection: Connection,
  expected: PeerId,
  signal: AbortSignal,
): Promise<IrohLink> {
  try {
    const peerId = connection.remoteId().toString()
    if (peerId !== expected) throw mismatch(peerId, expected)
    const stream = await orAbandon(connection.openBi(), signal, () => undefined)
    const path = createIrohPath({ source: connection, peerId, outbound: true })
    const link = createIrohLink({ connection, stream, peerId, path })
    await orAbandon(link.ready, signal, () => undefined)
    return link
  } catch (error) {
    cutOff(connection)
    throw error
  }
}

function checkPeer(peerId: PeerId, { self, expected }: DialIrohInit): void {
  if (peerId === self) {
    throw new TransportError('ERR_PEER_SELF', 'the address is our own', {
      hint: 'remove our own address from the list, and give every device its own key',
    })
  }
  if (expected !== undefined && peerId !== expected) throw mismatch(peerId, expected)
}

function toEndpointAddr({ iroh, relays }: DialIrohInit, to: IrohAddress): EndpointAddr {
  const { peerId, direct } = to
  const home = direct.length === 0 ? relays.home : undefined
  const relay = relays.areUsed ? (to.relay ?? home) : undefined
  if (direct.length === 0 && relay === undefined) throw noWay(to)
  return new iroh.EndpointAddr(iroh.EndpointId.fromString(peerId), relay, [...direct])
}

function noWay({ peerId, relay }: IrohAddress): TransportError {
  const message =
    relay === undefined
      ? `no way to ${peerId} is known`
      : `${peerId} waits at a relay, and this node uses none`
  return new TransportError('ERR_DIAL_FAILED', message, {
    hint: 'iroh finds nobody by the key alone: dial an address with an IP address, or allow relays by iroh({ relays })',
  })
}

function mismatch(found: PeerId, expected: PeerId): TransportError {
  return new TransportError('ERR_PEER_MISMATCH', `found peer ${found}, expected ${expected}`, {
    hint: 'ask the peer for its present address',
  })
}
