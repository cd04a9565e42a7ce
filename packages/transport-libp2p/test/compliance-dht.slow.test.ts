/**
 * The suite once more, with the DHT as the only way to find anybody: fifty peers that
 * share two cores ask and announce for a minute, so it is not among the quick tests.
 */
import { afterAll, describe, test } from 'vitest'
import { MAX_MESSAGE_BYTES } from '@vudo/transport'
import { testTransport } from '@vudo/transport-conformance'
import { libp2p } from '@vudo/transport-libp2p'
import { addressOf, createNode } from './nodes.ts'

const bootstrap = createNode({ maxConnections: 1_000 }, { enableDht: true })
const bootstrapNodes = [await addressOf(bootstrap)]
afterAll(() => bootstrap.transport.disconnect())

describe('transport-libp2p with its DHT', () => {
  testTransport('libp2p', {
    // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- the suite names and asserts
    test: (name, run) => test(name, run, 130_000),
    make: libp2p({ enableQuic: false }),
    manifest: {
      features: {
        maxMessageBytes: MAX_MESSAGE_BYTES,
        provesPeer: true,
        discovers: true,
        dials: true,
      },
      pipes: false,
    },
    config: { bootstrapNodes },
    caseTimeoutMs: 120_000,
    raw: 'none: the hostile cases do not differ from those without a DHT',
    cut: 'none: connections with the bootstrap node are between the same ends',
  })
})
