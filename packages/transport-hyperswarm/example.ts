import { registeredTransports, type TransportFactory } from '@vudo/transport'
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'

// A DHT of your own: at least one node runs where every peer reaches it.
const bootstrap = await startBootstrap({ host: '127.0.0.1' })

// Importing it is enough: `createTransport({ mode: 'hyperswarm', bootstrapNodes }, context)`.
const bootstrapNodes = [bootstrap.address]
console.log(registeredTransports(), bootstrapNodes.length)

// Or hand its factory over, with what only this transport has.
const reachable: TransportFactory = hyperswarm({ bootstrap: bootstrapNodes, firewalled: false })
console.log(typeof reachable)
await bootstrap.close()
