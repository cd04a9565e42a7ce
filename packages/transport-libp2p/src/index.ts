/**
 * libp2p: TCP, QUIC and WebSocket, a DHT of one's own that finds peers by topic, relays
 * and hole punching. Importing it makes the transport `libp2p` available to
 * `createTransport`; the stack itself is loaded when the transport listens first.
 *
 * @packageDocumentation
 */
import { createSwarm } from '@vudo/swarm'
import { registerTransport, type TransportFactory } from '@vudo/transport'
import { createLibp2pMedium } from './libp2p-medium.ts'
import { parseLibp2pOptions, type Libp2pOptions } from './libp2p-options.ts'

/**
 * The transport `libp2p`. Its port, address, limits and bootstrap nodes come from the
 * transport settings.
 *
 * @param options - What only this transport has. Checked when the factory makes a transport,
 *   which throws `TransportError` `ERR_ADDRESS_INVALID` or `ERR_CONFIG_INVALID` then.
 */
export function libp2p(options: Libp2pOptions = {}): TransportFactory {
  return (context) => {
    const settings = parseLibp2pOptions(options, context.settings)
    return createSwarm(createLibp2pMedium(context, settings), context)
  }
}

registerTransport('libp2p', libp2p())

export { parseLibp2pAddress, type Libp2pAddress } from './libp2p-address.ts'
export type { Libp2pOptions } from './libp2p-options.ts'
