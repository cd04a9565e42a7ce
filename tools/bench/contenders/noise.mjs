/** Ours: `@vudo/secure-channel` over plain TCP with length-prefixed messages. */
import { connect as connectTcp, createServer } from 'node:net'
import { createNodeKey } from '@vudo/identity'
import { secureLink } from '@vudo/secure-channel'
import { createFrameDecoder, encodeFrameHeader } from '@vudo/wire'

const path = { transport: 'tcp', relayed: false }

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
  const decoder = createFrameDecoder({ maxFrameBytes: 65_535 })
  const queue = []
  let wake
  socket.on('data', (chunk) => {
    for (const frame of decoder.push(chunk)) queue.push(frame)
    if (queue.length > 64) socket.pause()
    wake?.()
  })
  socket.on('error', () => {})
  return {
    maxMessageBytes: 65_535,
    async send(message) {
      socket.cork()
      socket.write(encodeFrameHeader(message.byteLength))
      const isFree = socket.write(message)
      socket.uncork()
      if (!isFree) await new Promise((resolve) => void socket.once('drain', resolve))
    },
    async receive() {
      while (queue.length === 0) {
        socket.resume()
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
