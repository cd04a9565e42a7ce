import { registeredTransports, type TransportFactory } from '@vudo/transport'
import { parseTcpAddress, tcp } from '@vudo/transport-tcp'

// Importing it is enough: `createTransport({ mode: 'tcp' }, context)` finds it.
console.log(registeredTransports())

// Behind a router that forwards a port, tell others the address outside.
const announceAddresses = ['tcp://203.0.113.7:34569']
const forwarded: TransportFactory = tcp({ announceAddresses })
console.log(typeof forwarded, announceAddresses.map(parseTcpAddress))
