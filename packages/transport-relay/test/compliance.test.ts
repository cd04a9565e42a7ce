import { afterAll, describe, test } from 'vitest'
import { MAX_MESSAGE_BYTES, type Address } from '@vudo/transport'
import { testTransport, type RawEnd } from '@vudo/transport-conformance'
import { relay } from '@vudo/transport-relay'
import { layCable } from './cable.ts'
import { createPlainClient } from './plain-client.ts'
import { startRelayProcess } from './relay-process.ts'

// A relay in a process of its own, reached through a cable that can be cut.
const cable = await layCable()
const server = await startRelayProcess('--name', cable.host)
cable.leadTo(server.port)
afterAll(async () => {
  await cable.close()
  await server.stop()
})

async function dialRaw(address: Address): Promise<RawEnd> {
  const client = await createPlainClient(cable.url)
  const pipe = await client.dial(address)
  return { send: (bytes) => pipe.send(bytes), closed: pipe.ended, close: () => client.close() }
}

describe('transport-relay', () => {
  testTransport('relay', {
    // The suite has a limit of its own for each case, and says what it waited for.
    test: (name, run) => test(name, run, 25_000),
    make: relay({ urls: [cable.url] }),
    manifest: {
      features: {
        maxMessageBytes: MAX_MESSAGE_BYTES,
        provesPeer: false,
        discovers: true,
        dials: true,
        relays: true,
      },
      pipes: false,
    },
    raw: {
      dial: dialRaw,
      oversize:
        'none: a record that opens to too much takes the keys, which only secure-channel has',
    },
    // A case has one connection when it asks for this.
    cut: () => cable.cut(),
    log: (line) => process.env['VUDO_TEST_TABLE'] === undefined || console.log(line),
  })
})
