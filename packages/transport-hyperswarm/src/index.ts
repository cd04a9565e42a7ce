/**
 * HyperDHT as a transport: peers find each other by topic in a DHT of your own, dial each other by
 * key, and punch holes through routers. Peers of plain Hyperswarm on the same topic meet ours.
 * Importing it makes the transport `hyperswarm` available to `createTransport`.
 *
 * @packageDocumentation
 */
import { createSwarm } from '@vudo/swarm'
import {
  registerTransport,
  TransportError,
  type Address,
  type TransportFactory,
} from '@vudo/transport'
import { parseBootstrapList } from './hyperswarm-address.ts'
import { createHyperswarmMedium } from './hyperswarm-medium.ts'

/** What `hyperswarm` takes. */
export interface HyperswarmOptions {
  /**
   * Nodes of the DHT to join by, `hyperswarm://host:port`, at least one. Whoever runs them sees
   * topics and addresses.
   *
   * @defaultValue those of `settings.bootstrapNodes`; without any, `ERR_CONFIG_INVALID`.
   */
  readonly bootstrap?: readonly Address[] | undefined
  /**
   * False says that peers reach this machine at its UDP port without a hole: a public address, a
   * forwarded port. It connects faster then, and fails where that is not true.
   *
   * @defaultValue the library finds out; false on loopback.
   */
  readonly firewalled?: boolean | undefined
  /**
   * True says that this machine stays, and keeps announcements of others from the start on, so that
   * topics are found when no bootstrap node is left. The DHT must answer while it starts and find it
   * reachable. Where nodes come and go, lookups ask many that are gone, and are slower.
   *
   * @defaultValue the library decides, after 20 minutes at one address at which it is reached.
   */
  readonly persistent?: boolean | undefined
}

/**
 * The transport `hyperswarm`. Its port, address and limits come from the transport settings.
 *
 * @param options - What only this transport has. Checked when the factory makes a transport,
 *   which throws `TransportError` `ERR_CONFIG_INVALID` then.
 */
export function hyperswarm(options: HyperswarmOptions = {}): TransportFactory {
  return (context) => {
    const { settings } = context
    const { firewalled, persistent } = options
    const named = [...(options.bootstrap ?? []), ...settings.bootstrapNodes]
    const { nodes: bootstrap, peers } = parseBootstrapList(named)
    if (!settings.enableDht) throw noDht()
    const medium = createHyperswarmMedium({ context, bootstrap, firewalled, persistent })
    // The swarm dials bootstrap addresses; nodes of the DHT are no peers.
    return createSwarm(medium, { ...context, settings: { ...settings, bootstrapNodes: peers } })
  }
}

function noDht(): TransportError {
  return new TransportError('ERR_CONFIG_INVALID', 'enableDht is false, expected true', {
    hint: 'hyperswarm finds everybody in a DHT: leave enableDht out, or choose another mode',
  })
}

registerTransport('hyperswarm', hyperswarm())

export { formatHyperswarmAddress, parseHyperswarmAddress } from './hyperswarm-address.ts'
