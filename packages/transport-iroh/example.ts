import { registeredTransports, type TransportFactory } from '@vudo/transport'
import { iroh, parseIrohAddress } from '@vudo/transport-iroh'

// Importing it is enough: `createTransport({ mode: 'iroh' }, context)` finds it.
console.log(registeredTransports())

// With a relay of yours, peers that cannot reach each other directly meet there.
const relayed: TransportFactory = iroh({ relays: ['https://relay.example.com'] })

// An address names the peer, where it listens, and the relay at which it waits.
const way = 'addr=192.168.1.20:34569&relay=https://relay.example.com'
console.log(typeof relayed, parseIrohAddress(`iroh://${'5a'.repeat(32)}?${way}`))
