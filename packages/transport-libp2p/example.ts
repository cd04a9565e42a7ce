import { registeredTransports, type TransportFactory } from '@vudo/transport'
import { libp2p, parseLibp2pAddress } from '@vudo/transport-libp2p'

// Importing it is enough: `createTransport({ mode: 'libp2p' }, context)` finds it.
console.log(registeredTransports())

// The first node of a DHT of one's own; others name it in `bootstrapNodes`.
const first: TransportFactory = libp2p({ enableDht: true, relayService: true })
// Behind a router that forwards a port, tell others the address outside.
const announceAddresses = ['libp2p:///ip4/203.0.113.7/tcp/34569']
const forwarded: TransportFactory = libp2p({ announceAddresses })
console.log(typeof first, typeof forwarded, announceAddresses.map(parseLibp2pAddress))
