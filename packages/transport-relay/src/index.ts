/**
 * Reaches peers through a relay, over WebSocket on port 443: where nothing direct works.
 * What passes is encrypted end to end. Importing it makes the transport `relay` available to
 * `createTransport`.
 *
 * @packageDocumentation
 */
import process from 'node:process'
import { registerTransport, type TransportFactory } from '@vudo/transport'
import { createNodeConnector } from './node-socket.ts'
import { createRelayFactory, type RelayOptions } from './relay-transport.ts'

/** What `relay` takes on Node. */
export interface NodeRelayOptions extends RelayOptions {
  /**
   * Certificates of the authorities to trust, PEM, instead of those that Node trusts.
   *
   * @defaultValue Node's own, and those of `NODE_EXTRA_CA_CERTS`
   */
  readonly ca?: string | readonly string[] | undefined
}

/**
 * The transport `relay`. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment hold.
 *
 * @param options - Checked when the factory makes a transport, which throws `TransportError`
 *   `ERR_CONFIG_INVALID` then.
 */
export function relay(options: NodeRelayOptions = {}): TransportFactory {
  const connect = createNodeConnector({ ca: options.ca, environment: process.env })
  return createRelayFactory(options, connect)
}

registerTransport('relay', relay())

export { formatRelayAddress, parseRelayAddress, type RelayAddress } from './relay-address.ts'
export type { RelayOptions } from './relay-transport.ts'
