/*
 * A peer of plain Hyperswarm that knows nothing of this project but two pages,
 * docs/wire-formats/hyperswarm.md and docs/wire-formats/swarm.md, and writes their bytes by hand.
 * It runs in a process of its own, with the library's own defaults:
 *
 *   node plain-hyperswarm.mjs <bootstrap host> <bootstrap port> <topic in hex>
 *
 * Joins the topic, greets, says hello, names the topic, answers each message with the same bytes
 * in reverse, and writes what happens as lines of JSON. Ends when its input ends.
 */
import { createRequire } from 'node:module'
import Hyperswarm from 'hyperswarm'

const require = createRequire(import.meta.url)
// BLAKE2b with a key: node:crypto has none, and libsodium comes with Hyperswarm.
const sodium = createRequire(require.resolve('hyperdht'))('sodium-universal')

const [host, port, topicHex] = process.argv.slice(2)
const topic = Buffer.from(topicHex, 'hex')
const tell = (event, more) => console.log(JSON.stringify({ event, ...more }))

const swarm = new Hyperswarm({ bootstrap: [{ host, port: Number(port) }] })
swarm.on('connection', (stream) => {
  stream.on('error', (error) => tell('error', { code: error.code ?? error.message }))
  stream.on('close', () => tell('close'))
  tell('connection', { peer: stream.remotePublicKey.toString('hex') })
  speak(stream)
})
const discovery = swarm.join(topic, { server: true, client: true })
await discovery.flushed()
tell('joined', { key: swarm.keyPair.publicKey.toString('hex') })
tell('ready')
process.stdin.resume()
process.stdin.on('end', async () => {
  await swarm.destroy()
  tell('end')
})

/** A frame: length of what follows (4 bytes, big-endian), lane (1 byte), message. */
function frame(lane, message) {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(1 + message.length)
  header[4] = lane
  return Buffer.concat([header, message])
}

/** A control record: kind (1 byte), length of the body (2 bytes, big-endian), body. */
function record(kind, body) {
  return Buffer.concat([Buffer.of(kind, body.length >> 8, body.length & 255), body])
}

function tag(sender, receiver, nonce) {
  const message = Buffer.concat([Buffer.from('vudo/topic/blind/1'), sender, receiver, nonce])
  const out = Buffer.alloc(32)
  sodium.crypto_generichash(out, message, topic)
  return out
}

function speak(stream) {
  const nonce = Buffer.alloc(32, 9)
  const joined = tag(stream.publicKey, stream.remotePublicKey, nonce)
  const hello = record(1, Buffer.concat([Buffer.of(1), nonce]))
  stream.write(frame(3, Buffer.from('vudo/1')))
  stream.write(frame(1, Buffer.concat([hello, record(2, joined)])))
  let pending = Buffer.alloc(0)
  stream.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE(0)) {
      const length = pending.readUInt32BE(0)
      heard(stream, pending[4], pending.subarray(5, 4 + length))
      pending = pending.subarray(4 + length)
    }
  })
}

function heard(stream, lane, message) {
  if (lane === 3) tell('greeting', { text: message.toString() })
  if (lane === 1) {
    // Our hello is 36 bytes long; the nonce are the last 32 of them.
    const theirs = tag(stream.remotePublicKey, stream.publicKey, message.subarray(4, 36))
    tell('control', { kind: message[0], namesTopic: message.includes(theirs) })
  }
  if (lane === 0) {
    tell('message', { hex: message.toString('hex') })
    stream.write(frame(0, message.toReversed()))
  }
  if (lane === 2) {
    tell('goodbye')
    stream.write(frame(2, Buffer.alloc(0)))
    stream.end()
  }
}
