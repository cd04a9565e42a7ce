import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'vitest'
import { MAX_MESSAGE_BYTES, type Address } from '@vudo/transport'
import { testTransport, type RawEnd } from '@vudo/transport-conformance'
import { libp2p, parseLibp2pAddress } from '@vudo/transport-libp2p'
import { createCable } from './cable.ts'
import { createPlainNode, frame, multiaddrOf } from './plain-node.ts'

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
  const { host = '', multiaddr } = parseLibp2pAddress(address)
  const socket = connect({ host, port: Number(multiaddr.split('/')[4]) })
  const end = rawEnd(socket)
  await once(socket, 'connect')
  return end
}

async function oversize(address: Address): Promise<RawEnd> {
  const node = await createPlainNode()
  const connection = await node.dial(multiaddrOf(address))
  const stream = await connection.newStream('/vudo/link/1')
  const closed = new Promise((resolve) => stream.addEventListener('close', resolve))
  stream.send(frame(0, new Uint8Array(MAX_MESSAGE_BYTES + 1)).subarray(0, 5))
  return { send: (bytes) => void stream.send(bytes), closed, close: () => node.stop() }
}

const cable = createCable()

describe('transport-libp2p', () => {
  testTransport('libp2p', {
    // The suite has a limit of its own for each case, and says what it waited for.
    test: (name, run) => test(name, run, 30_000),
    make: libp2p(),
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
