/** One end of a session over two transports whose paths die one after the other (see failover.mjs). */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { libp2p } from '@vudo/transport-libp2p'
import { tcp } from '@vudo/transport-tcp'
import { openChannel, startNetwork } from './session-ends.mjs'

const EVERY_MS = 5

let network
let peerId
let isSending = false
let sent = 0
let sender
const received = { count: 0, lost: 0, doubled: 0, lastAtMs: 0, longestMs: 0 }

const actions = {
  async serve() {
    network = await startNetwork([tcp(), libp2p({ enableQuic: false })])
    network.handle('/numbers/1', (channel) => void receiveAll(channel))
    return { addresses: network.addresses }
  },
  async connect({ addresses }) {
    network = await startNetwork([tcp(), libp2p({ enableQuic: false })])
    for (const address of addresses) peerId = await network.connectPeer(address)
    const [address] = addresses
    isSending = true
    sender = sendAll(await openChannel(network, address, '/numbers/1'))
    return {}
  },
  /** One more connection, in place of one that died; a stack may first have to notice that it did. */
  async join({ address }) {
    for (let tries = 1; ; tries++) {
      try {
        await network.connectPeer(address)
        return {}
      } catch (error) {
        if (tries === 10) throw error
        await pause(500)
      }
    }
  },
  /** The transport that carries the session, once `count` paths answer. */
  async path({ count }) {
    const session = network.session(peerId)
    const answering = () => session.paths.filter((path) => path.isAnswering)
    for (let tries = 0; answering().length < count && tries < 600; tries++) await pause(50)
    return { transport: session.path?.transport, paths: answering().length }
  },
  /** Begins to look for the longest silence. */
  watch() {
    received.longestMs = 0
    return {}
  },
  silence() {
    return { longestMs: Math.max(received.longestMs, performance.now() - received.lastAtMs) }
  },
  async finish() {
    isSending = false
    await sender
    return { sent }
  },
  async result({ sent: expected }) {
    for (let tries = 0; received.count < expected && tries < 600; tries++) await pause(50)
    return { ...received }
  },
}

async function sendAll(channel) {
  // oxlint-disable-next-line no-unmodified-loop-condition -- a message of the parent ends it
  while (isSending) {
    const message = new Uint8Array(64)
    new DataView(message.buffer).setUint32(0, sent)
    await channel.send(message)
    sent += 1
    await pause(EVERY_MS)
  }
}

async function receiveAll(channel) {
  received.lastAtMs = performance.now()
  for await (const message of channel) {
    const number = new DataView(message.buffer, message.byteOffset).getUint32(0)
    if (number < received.count) received.doubled += 1
    else received.lost += number - received.count
    received.count = Math.max(received.count, number + 1)
    const nowMs = performance.now()
    received.longestMs = Math.max(received.longestMs, nowMs - received.lastAtMs)
    received.lastAtMs = nowMs
  }
}

process.on('message', async (question) => {
  try {
    process.send(await actions[question.type](question))
  } catch (error) {
    process.send({ error: error.stack ?? String(error) })
  }
})
