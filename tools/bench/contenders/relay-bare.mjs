/**
 * The least that forwards by key: a WebSocket server whose clients say who they are, and
 * whose frames name whom they are for. No proof, no topics, no limits.
 */
import { WebSocketServer } from 'ws'
import { measured } from '../support/relay-process.mjs'

const socketsById = new Map()
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  maxPayload: 1 << 20,
  clientTracking: false,
})
server.on('connection', (socket) => {
  let id
  socket.on('error', () => {})
  socket.on('close', () => socketsById.delete(id?.toString('latin1')))
  socket.on('message', (bytes) => {
    if (!id) {
      id = Buffer.from(bytes)
      socketsById.set(id.toString('latin1'), socket)
      socket.send(Uint8Array.of(1))
      return
    }
    const to = socketsById.get(bytes.toString('latin1', 1, 49))
    if (!to) return
    bytes.set(id, 1)
    to.send(bytes)
  })
})
server.on('listening', () => measured({ url: `ws://127.0.0.1:${server.address().port}` }))
