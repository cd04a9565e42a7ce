import { NetworkDriver } from './network-driver.ts'
import type { Network, NetworkInit } from './network.ts'

/**
 * Makes a network. Nothing happens before `start`.
 *
 * @throws `NetworkError` `ERR_NETWORK_OPTION`.
 * @throws `RangeError` without a transport.
 */
export function createNetwork(init: NetworkInit): Network {
  if (init.transports.length === 0) throw new RangeError('a network needs a transport')
  return new NetworkDriver(init)
}
