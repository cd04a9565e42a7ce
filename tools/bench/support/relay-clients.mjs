/** Clients of the relay and of its bare contender, as thin as both protocols allow. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { createNodeKey } from '@vudo/identity'

const frames = { auth: 1, join: 2, send: 4, challenge: 0x81, welcome: 0x82, members: 0x84 }
const key = createNodeKey()

/** Connects to either: proves and joins, or just says who it is. `onPayload` gets what is delivered. */
export async function connectClient(kind, url, { topic, onPayload = () => {} }) {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 1 << 20 })
  const id = Buffer.concat([key.publicKey, randomBytes(16)])
  const ready = Promise.withResolvers()
  const isOurs = kind === 'ours'
  const seen = new Set()
  const watched = []
  socket.on('message', (bytes) => {
    if (bytes[0] === 0x86 || bytes[0] === frames.send) return onPayload(bytes)
    if (bytes[0] === frames.challenge) socket.send(proof(id, bytes.subarray(2), new URL(url).host))
    else if (bytes[0] === frames.welcome) {
      socket.send(Buffer.concat([Uint8Array.of(frames.join), topic, Uint8Array.of(3)]))
    } else if (bytes[0] === frames.members) {
      for (let at = 34; at < bytes.length; at += 48) seen.add(bytes.toString('hex', at, at + 48))
      for (const look of watched.splice(0)) look()
      if (bytes[33] === 1) ready.resolve()
    } else ready.resolve()
  })
  await once(socket, 'open')
  if (!isOurs) socket.send(id)
  await ready.promise
  return {
    id,
    socket,
    /** Settles when this client has been told of another one. */
    async knows(other) {
      if (!isOurs) return
      const wanted = other.toString('hex')
      while (!seen.has(wanted)) await new Promise((resolve) => watched.push(resolve))
    },
    send(to, payload) {
      socket.send(Buffer.concat([Uint8Array.of(frames.send), to, payload]))
    },
  }
}

function proof(id, challenge, host) {
  const name = Buffer.from(host)
  const signed = Buffer.concat([Uint8Array.of(name.length), name, challenge, id.subarray(32)])
  const signature = key.sign('vudo/relay-challenge/1', signed)
  const head = Uint8Array.of(frames.auth)
  return Buffer.concat([head, id, signature, Uint8Array.of(name.length), name, new Uint8Array(2)])
}

/** Pairs of clients, each pair with a topic of its own; the far ends at another relay where one is named. */
export async function connectPairs(kind, count, [nearUrl, farUrl = nearUrl]) {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const topic = randomBytes(32)
      const pair = { onPayload: () => {} }
      const onPayload = (bytes) => pair.onPayload(bytes)
      const far = await connectClient(kind, farUrl, { topic, onPayload })
      const near = await connectClient(kind, nearUrl, { topic })
      await near.knows(far.id)
      return Object.assign(pair, { near, far })
    }),
  )
}

/** Sends `messages` over the pairs with at most `window` under way in each; settles when all have come. */
export async function pump(pairs, { messages, bytes, window }) {
  const payload = randomBytes(bytes)
  const each = Math.ceil(messages / pairs.length)
  await Promise.all(
    pairs.map(
      (pair) =>
        new Promise((resolve) => {
          let [sent, received] = [0, 0]
          const send = () => {
            while (sent < each && sent - received < window) {
              pair.near.send(pair.far.id, payload)
              sent += 1
            }
          }
          pair.onPayload = () => {
            received += 1
            if (received === each) resolve()
            // In bursts, so that the sender is not woken for every one.
            else if (sent - received <= window / 2) send()
          }
          send()
        }),
    ),
  )
}
