import { registeredTransports } from '@vudo/transport'
import { iroh } from '@vudo/transport-iroh'

// Importing it is enough: `createTransport({ mode: 'iroh' }, context)` finds it.
console.log(registeredTransports())

// Or hand its factory over, without a name.
console.log(typeof iroh())
