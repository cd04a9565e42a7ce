/** HyperDHT alone, which is what Hyperswarm's connections are made of: no hole to punch on loopback, chunks written as they are. */
import HyperDHT from 'hyperdht'
import { createPongs, endsInPing, marked, ping } from '../support/ping-bytes.mjs'

const host = '127.0.0.1'

export async function serve(_answer, { bootstrapNodes }) {
  const server = createNode(bootstrapNodes).createServer({ shareLocalAddress: false }, (stream) => {
    stream.on('error', () => {})
    stream.on('data', (chunk) => {
      if (endsInPing(chunk)) stream.write(ping)
    })
  })
  const keyPair = HyperDHT.keyPair()
  await server.listen(keyPair)
  return keyPair.publicKey.toString('hex')
}

export async function connect(key, { bootstrapNodes }) {
  return dial(createNode(bootstrapNodes), Buffer.from(key, 'hex'))
}

function createNode(bootstrapNodes) {
  const bootstrap = bootstrapNodes.map((node) => {
    const { hostname, port } = new URL(node)
    return { host: hostname, port: Number(port) }
  })
  // A range, because the library takes the number 0 for its default port.
  return new HyperDHT({ bootstrap, host, port: [0, 1], anyPort: true, firewalled: false })
}

async function dial(node, key) {
  const stream = node.connect(key, { localConnection: false })
  stream.on('error', () => {})
  if (!(await stream.opened)) throw new Error('the stream did not open')
  const pongs = createPongs()
  stream.on('data', () => pongs.arrived())
  return {
    send: (bytes) => (stream.write(marked(bytes)) ? undefined : drained(stream)),
    receive: () => pongs.receive(),
    close: () => closed(stream),
    redial: () => dial(node, key),
  }
}

function drained(stream) {
  return new Promise((resolve) => void stream.once('drain', resolve))
}

function closed(stream) {
  const done = new Promise((resolve) => void stream.once('close', resolve))
  stream.destroy()
  return done
}
