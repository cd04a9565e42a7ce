import { registeredTransports } from '@vudo/transport'
import { formatRelayAddress, parseRelayAddress, relay } from '@vudo/transport-relay'

// Importing it is enough: `createTransport({ mode: 'relay', relayUrl: 'wss://…' }, context)`.
console.log(registeredTransports())

// Or hand its factory over, with several relays: a node is at all of them at one time.
const urls = ['wss://relay.example.com', 'wss://relay.example.org?token=from-its-operator']
console.log(typeof relay({ urls }))

// Where a node is: at a relay, under its key and the instance of this process.
const endpoint = 'ab'.repeat(32) + '01'.repeat(16)
const address = formatRelayAddress({ host: 'relay.example.com', endpoint })
console.log(parseRelayAddress(address).host)
