/**
 * iroh: QUIC between keys, direct where a path is found and else through relays of your
 * choice. Its bytes cost much, so it is for signalling and small sync messages.
 * Importing it makes the transport `iroh` available to `createTransport`.
 *
 * @packageDocumentation
 */
import { createSwarm } from '@vudo/swarm'
import { registerTransport, type TransportFactory } from '@vudo/transport'
import { createIrohMedium, type IrohOptions } from './iroh-medium.ts'
import { loadIroh } from './load-iroh.ts'

/**
 * The transport `iroh`. Its port, address and limits come from the transport settings.
 * The stack is loaded when a node first listens or dials.
 *
 * @param options - What only this transport has. Checked when the factory makes a transport,
 *   which throws `TransportError` `ERR_CONFIG_INVALID` then.
 */
export function iroh(options: IrohOptions = {}): TransportFactory {
  return (context) => createSwarm(createIrohMedium(context, options, loadIroh), context)
}

registerTransport('iroh', iroh())

export { formatIrohAddress, parseIrohAddress, type IrohAddress } from './iroh-address.ts'
export type { IrohOptions } from './iroh-medium.ts'
