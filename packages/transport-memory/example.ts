import { registeredTransports } from '@vudo/transport'
import { createMemoryMedium, memory } from '@vudo/transport-memory'

// Importing it is enough: `createTransport({ mode: 'memory' }, context)` finds it.
console.log(registeredTransports())

// For a test: a medium of its own, slow and unreliable, the same way in every run.
const slow = memory({ seed: 7, delayMs: 20, lossRate: 0.001 })
const apart = memory({ medium: createMemoryMedium() })
console.log(typeof slow, typeof apart)
