import type { KadDHT, KadDHTComponents } from '@libp2p/kad-dht'
import type { Libp2pSettings } from './libp2p-options.ts'
import {
  DHT_MAX_INBOUND_STREAMS,
  DHT_MAX_OUTBOUND_STREAMS,
  DHT_MESSAGE_TIMEOUT_MS,
} from './limits.ts'
import { readRecord, recordNamespace, selectRecord } from './peer-records.ts'
import { loadPart, type StackLoaders } from './stack.ts'

/** The DHT as a service of a node, and the way to it once the node has been made. */
export interface DhtService {
  readonly service: (components: KadDHTComponents) => KadDHT
  get(): KadDHT | undefined
}

/**
 * Prepares a DHT under a protocol name of its own. On a private network every node
 * serves it and private addresses are passed on; on the internet those are left out, and
 * a node serves once it has a public address.
 */
export async function createDht(
  loaders: StackLoaders,
  { dhtProtocol, isPrivateNetwork }: Libp2pSettings,
): Promise<DhtService> {
  const { kadDHT, passthroughMapper, removePrivateAddressesMapper } = await loadPart(
    loaders,
    '@libp2p/kad-dht',
  )
  const create = kadDHT({
    protocol: dhtProtocol,
    peerInfoMapper: isPrivateNetwork ? passthroughMapper : removePrivateAddressesMapper,
    ...(isPrivateNetwork ? { clientMode: false } : {}),
    maxInboundStreams: DHT_MAX_INBOUND_STREAMS,
    maxOutboundStreams: DHT_MAX_OUTBOUND_STREAMS,
    incomingMessageTimeout: DHT_MESSAGE_TIMEOUT_MS,
    // The first node of a network asks nobody, and must not wait for ever for somebody to ask.
    allowQueryWithZeroPeers: true,
    validators: {
      [recordNamespace]: (key, value) => void readRecord(key, value, Date.now()),
    },
    selectors: {
      [recordNamespace]: (key, values) => selectRecord(key, values, Date.now()),
    },
  })
  let made: KadDHT | undefined
  return {
    service: (components) => (made = create(components)),
    get: () => made,
  }
}
