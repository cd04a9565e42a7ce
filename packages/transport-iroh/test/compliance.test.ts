import { describe, test } from 'vitest'
import type { Link, TransportContext } from '@vudo/transport'
import { testTransport } from '@vudo/transport-conformance'
import { createSwarm, type Medium } from '@vudo/swarm'
import { createIrohMedium } from '../src/iroh-medium.ts'
import type { IrohLink } from '../src/iroh-link.ts'
import { lanes } from '../src/frames.ts'
import { loadIroh } from '../src/load-iroh.ts'
import { isIsolated } from './namespace.ts'
import { dialRaw } from './plain-endpoint.ts'

const maxMessageBytes = 65_536

/** The links of the case under way that were dialled. */
const dialled = new Set<IrohLink>()

/** The medium as it is; it only remembers what it hands up, so that `cut` can reach it. */
function make(context: TransportContext) {
  const medium = createIrohMedium(context, {}, loadIroh)
  const remembering: Medium = {
    name: medium.name,
    features: medium.features,
    listen: (accept, options) => medium.listen(accept, options),
    close: () => medium.close(),
    async dial(address, options) {
      const link = (await medium.dial(address, options)) as Link & IrohLink
      dialled.add(link)
      return link
    },
  }
  return createSwarm(remembering, context)
}

/** In a namespace: see `namespace.test.ts`, which runs this file there. */
describe.runIf(isIsolated)('transport-iroh', () => {
  testTransport('iroh', {
    // The suite has a limit of its own for each case, and says what it waited for.
    test: (name, run) => test(name, run, 30_000),
    make,
    manifest: {
      features: { maxMessageBytes, provesPeer: true, discovers: false, dials: true, bulk: false },
      pipes: false,
    },
    raw: {
      dial: dialRaw,
      async oversize(address) {
        const end = await dialRaw(address)
        const length = 1 + maxMessageBytes + 1
        const ready = [0, 0, 0, 1, lanes.ready]
        const header = [0, length >> 16, (length >> 8) & 0xff, length & 0xff, lanes.data]
        await end.send(Uint8Array.of(...ready, ...header))
        return end
      },
    },
    // The stack's connection ends under both links, and neither has said goodbye.
    cut() {
      for (const link of dialled) link.destroy()
    },
    teardown: () => dialled.clear(),
  })
})
