/**
 * Reaches peers through a relay, over the browser's own WebSocket. Importing it makes the
 * transport `relay` available to `createTransport`.
 *
 * @packageDocumentation
 */
import { registerTransport, type TransportFactory } from '@vudo/transport'
import { connectBrowserSocket } from './browser-socket.ts'
import { createRelayFactory, type RelayOptions } from './relay-transport.ts'

/**
 * The transport `relay`.
 *
 * @param options - Checked when the factory makes a transport, which throws `TransportError`
 *   `ERR_CONFIG_INVALID` then.
 */
export function relay(options: RelayOptions = {}): TransportFactory {
  return createRelayFactory(options, connectBrowserSocket)
}

registerTransport('relay', relay())

export { formatRelayAddress, parseRelayAddress, type RelayAddress } from './relay-address.ts'
export type { RelayOptions } from './relay-transport.ts'
