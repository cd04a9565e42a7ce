/**
 * TCP with TLS 1.3 in which each side's certificate is its peer id: the default on
 * Node. Importing it makes the transport `tcp` available to `createTransport`.
 *
 * @packageDocumentation
 */
import { createSwarm } from '@vudo/swarm'
import { registerTransport, type TransportFactory } from '@vudo/transport'
import { createTcpMedium, type TcpOptions } from './tcp-medium.ts'

/**
 * The transport `tcp`. Its port, address and limits come from the transport settings.
 *
 * @param options - What only this transport has. Checked when the factory makes a transport,
 *   which throws `TransportError` `ERR_ADDRESS_INVALID` then.
 */
export function tcp(options: TcpOptions = {}): TransportFactory {
  return (context) => createSwarm(createTcpMedium(context, options), context)
}

registerTransport('tcp', tcp())

export { formatTcpAddress, parseTcpAddress, type TcpAddress } from './tcp-address.ts'
export type { TcpOptions } from './tcp-medium.ts'
