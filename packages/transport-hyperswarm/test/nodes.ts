import { createNodeKey } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { parseTransportConfig, type TransportConfig, type TransportContext } from '@vudo/transport'

/** A node on loopback, with a fresh key and without a discovery. */
export function createContext(config: TransportConfig = {}): TransportContext {
  return {
    ...createTransportContext(createNodeKey()),
    settings: parseTransportConfig({
      bindAddress: '127.0.0.1',
      port: 0,
      maxNewConnectionsPerSecond: 1_000,
      ...config,
    }),
  }
}
