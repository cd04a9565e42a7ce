import { registeredTransports } from '@vudo/transport'
import { relay } from '@vudo/transport-relay'

// Importing it is enough: `createTransport({ mode: 'relay' }, context)` finds it.
console.log(registeredTransports())

// Or hand its factory over, without a name.
console.log(typeof relay())
