/**
 * Ours: `@vudo/secure-channel` over plain TCP with length-prefixed messages. The pipe reads as
 * `@vudo/transport-tcp` does: what came in is copied once, into the message, and freed at once.
 */
import { connect as connectTcp, createServer } from 'node:net'
import { createNodeKey } from '@vudo/identity'
import { secureLink } from '@vudo/secure-channel'

const path = { transport: 'tcp', relayed: false }
const headBytes = 4

export function serve(answer) {
  return new Promise((resolve) => {
    const server = createServer({ noDelay: true }, async (socket) => {
      void answer(
        end(await secureLink(pipe(socket), { key: createNodeKey(), initiator: false, path })),
      )
    })
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

export async function connect(port) {
  const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true })
  return end(await secureLink(pipe(socket), { key: createNodeKey(), initiator: true, path }))
}

function end(link) {
  return {
    send: (bytes) => link.send(bytes),
    receive: async () => (await link.receive())?.bytes,
  }
}

/** Length-prefixed messages over a socket, as a pipe. */
function pipe(socket) {
  const queue = []
  let wake
  socket.on(
    'data',
    reader((message) => {
      queue.push(message)
      if (queue.length > 16) socket.pause()
      wake?.()
    }),
  )
  socket.on('error', () => {})
  return {
    maxMessageBytes: 65_535,
    send(message) {
      const head = Buffer.allocUnsafe(headBytes)
      head.writeUInt32BE(message.byteLength)
      socket.cork()
      socket.write(head)
      // A pipe may use the message until it settles, so it settles when the socket has read it.
      const sent = new Promise((resolve) => void socket.write(message, resolve))
      socket.uncork()
      return sent
    },
    async receive() {
      while (queue.length === 0) {
        if (socket.isPaused()) socket.resume()
        await new Promise((resolve) => {
          wake = resolve
        })
      }
      return queue.shift()
    },
    async close() {
      socket.destroy()
    },
  }
}

/** Takes a stream apart into messages, each in memory of its own. */
function reader(onMessage) {
  const head = Buffer.alloc(headBytes)
  let headFilled = 0
  let message
  let filled = 0
  return (chunk) => {
    let at = 0
    while (at < chunk.length) {
      if (message === undefined) {
        head[headFilled++] = chunk[at++]
        if (headFilled < headBytes) continue
        message = new Uint8Array(head.readUInt32BE())
        filled = headFilled = 0
      } else {
        const to = Math.min(chunk.length, at + message.length - filled)
        message.set(chunk.subarray(at, to), filled)
        filled += to - at
        at = to
        if (filled < message.length) continue
        onMessage(message)
        message = undefined
      }
    }
    if (chunk.length === chunk.buffer.byteLength) chunk.buffer.transfer(0)
  }
}
