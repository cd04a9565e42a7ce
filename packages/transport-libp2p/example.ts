import { registeredTransports } from '@vudo/transport'
import { libp2p } from '@vudo/transport-libp2p'

// Importing it is enough: `createTransport({ mode: 'libp2p' }, context)` finds it.
console.log(registeredTransports())

// Or hand its factory over, without a name.
console.log(typeof libp2p())
