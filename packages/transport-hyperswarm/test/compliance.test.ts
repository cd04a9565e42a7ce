import type { SecretStream } from 'hyperdht'
import { afterAll, describe, test } from 'vitest'
import { MAX_MESSAGE_BYTES, type Address } from '@vudo/transport'
import { testTransport, type RawEnd } from '@vudo/transport-conformance'
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { createCable } from './cable.ts'
import { createPlainPeer } from './plain-peer.ts'

const cable = createCable()
const bootstrap = await startBootstrap()
const plain = createPlainPeer(bootstrap)
afterAll(async () => {
  await plain.close()
  await bootstrap.close()
})

function rawEnd(stream: SecretStream): RawEnd {
  // Nobody reads it; without this the end would never be noticed.
  stream.on('data', () => undefined)
  return {
    send: (bytes) => void stream.write(Buffer.from(bytes)),
    closed: new Promise<void>((resolve) => stream.on('close', resolve)),
    close: () => stream.destroy(),
  }
}

async function oversize(address: Address): Promise<RawEnd> {
  const stream = await plain.dial(address)
  const header = Buffer.alloc(5)
  header.writeUInt32BE(1 + MAX_MESSAGE_BYTES + 1)
  stream.write(Buffer.concat([Buffer.from('00000007037675646f2f31', 'hex'), header]))
  return rawEnd(stream)
}

describe('transport-hyperswarm', () => {
  testTransport('hyperswarm', {
    // The suite has a limit of its own for each case, and says what it waited for.
    test: (name, run) => test(name, run, 30_000),
    make: hyperswarm({ bootstrap: [bootstrap.address] }),
    manifest: {
      features: {
        maxMessageBytes: MAX_MESSAGE_BYTES,
        provesPeer: true,
        discovers: true,
        dials: true,
      },
      pipes: false,
    },
    raw: { dial: async (address) => rawEnd(await plain.dial(address)), oversize },
    // A case has one connection when it asks for this.
    cut: () => cable.cut(),
  })
})
