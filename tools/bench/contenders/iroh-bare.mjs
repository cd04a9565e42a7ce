/** iroh alone, without relays. Bytes enter and leave it as arrays of numbers. Runs in a network of its own only (see stacks.mjs). */
import {
  Endpoint,
  EndpointAddr,
  EndpointId,
  presetMinimal,
  RelayMode,
} from '@number0/iroh/index.js'
import { createPongs, endsInPing, marked, ping } from '../support/ping-bytes.mjs'

const alpn = [...Buffer.from('/bench/1')]
const readBytes = 65_536
const answer = Array.from(ping)

export async function serve() {
  const endpoint = await bind()
  void acceptAll(endpoint)
  const [at] = endpoint.boundSockets().filter((address) => address.startsWith('127.'))
  return `${endpoint.id().toString()}@${at}`
}

export async function connect(address) {
  const [key, at] = address.split('@')
  return dial(await bind(), new EndpointAddr(EndpointId.fromString(key), null, [at]))
}

async function bind() {
  const builder = Endpoint.builder()
  presetMinimal(builder)
  builder.relayMode(RelayMode.disabled())
  builder.bindAddr('127.0.0.1:0')
  builder.alpns([alpn])
  return builder.bind()
}

async function acceptAll(endpoint) {
  for (;;) {
    const incoming = await endpoint.acceptNext()
    // A peer that went away during its handshake concerns nobody else.
    answerAll(incoming).catch(() => {})
  }
}

async function answerAll(incoming) {
  const connection = await (await incoming.accept()).connect()
  const { send, recv } = await connection.acceptBi()
  await readAll(recv, (chunk) => {
    if (endsInPing(chunk)) void send.writeAll(answer)
  })
}

/** Until the stream ends, which an empty array tells. */
async function readAll(recv, onChunk) {
  for (;;) {
    const chunk = await recv.read(readBytes)
    if (chunk.length === 0) return
    onChunk(chunk)
  }
}

async function dial(endpoint, target) {
  const connection = await endpoint.connect(target, alpn)
  const { send, recv } = await connection.openBi()
  const pongs = createPongs()
  // Ends with the connection, one way or the other.
  readAll(recv, () => pongs.arrived()).catch(() => {})
  return {
    send: (bytes) => send.writeAll(Array.from(marked(bytes))),
    receive: () => pongs.receive(),
    async close() {
      connection.close(0n, [])
      await connection.closed()
    },
    redial: () => dial(endpoint, target),
  }
}
