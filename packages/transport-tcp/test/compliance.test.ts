import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, test } from 'vitest'
import { MAX_MESSAGE_BYTES, type Address } from '@vudo/transport'
import { testTransport, type RawEnd } from '@vudo/transport-conformance'
import { tcp } from '@vudo/transport-tcp'
import { createTlsIdentity } from '../src/tls-identity.ts'
import { parseTcpAddress } from '../src/tcp-address.ts'
import { createCable } from './cable.ts'

function rawEnd(socket: Socket): RawEnd {
  socket.on('error', () => undefined)
  // Nobody reads it; without this the end would never be noticed.
  socket.resume()
  return {
    send: (bytes) => void socket.write(bytes),
    closed: new Promise((resolve) => socket.once('close', resolve)),
    close: () => void socket.destroy(),
  }
}

async function dialRaw(address: Address): Promise<RawEnd> {
  const socket = connect(parseTcpAddress(address))
  const end = rawEnd(socket)
  await once(socket, 'connect')
  return end
}

async function oversize(address: Address): Promise<RawEnd> {
  const socket = connectTls({
    ...parseTcpAddress(address),
    ...createTlsIdentity(randomBytes(32)).client,
  })
  const end = rawEnd(socket)
  await once(socket, 'secureConnect')
  const header = Buffer.alloc(5)
  header.writeUInt32BE(1 + MAX_MESSAGE_BYTES + 1)
  socket.write(header)
  return end
}

const cable = createCable()

describe('transport-tcp', () => {
  testTransport('tcp', {
    // The suite has a limit of its own for each case, and says what it waited for.
    test: (name, run) => test(name, run, 30_000),
    make: tcp(),
    manifest: {
      features: {
        maxMessageBytes: MAX_MESSAGE_BYTES,
        provesPeer: true,
        discovers: false,
        dials: true,
      },
      pipes: false,
    },
    raw: { dial: dialRaw, oversize },
    // A case has one connection when it asks for this.
    cut: () => cable.cut(),
  })
})
