/**
 * Yjs with y-websocket in the benches of live edits. The node in the middle does what a
 * y-websocket server does for one document in memory; it stores nothing.
 */
import process from 'node:process'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { WebSocket, WebSocketServer } from 'ws'
import * as sync from 'y-protocols/sync'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { createTypist } from '../support/sync-typing.mjs'
import { meterWebSockets, quiet, usage } from '../support/sync-meter.mjs'
import { answer, residentKiB } from '../support/workers.mjs'

meterWebSockets()

/** The outer message type of the y-websocket protocol. */
const SYNC = 0
const doc = new Y.Doc()
const text = doc.getText('text')
const typist = createTypist({
  length: () => text.length,
  append: () => text.insert(text.length, 'x'),
})

answer({
  usage,
  residentKiB,
  quiet,
  async start({ isHub = false }) {
    return { address: isHub ? await listen() : undefined, readyMs: 0 }
  },
  begin() {
    text.observe(() => typist.look())
    return 'text'
  },
  async join({ address }) {
    const options = { WebSocketPolyfill: WebSocket, disableBc: true }
    const provider = new WebsocketProvider(address, 'room', doc, options)
    await new Promise((resolve) => void provider.on('sync', (done) => done && resolve()))
    text.observe(() => typist.look())
  },
  ...typist.actions,
  close() {},
  exit: () => process.exit(),
})

async function listen() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  const open = new Set()
  doc.on('update', (update) => {
    const bytes = encoding.toUint8Array(frame((out) => sync.writeUpdate(out, update)))
    for (const socket of open) socket.send(bytes)
  })
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('message', (data) => {
      const input = decoding.createDecoder(new Uint8Array(data))
      if (decoding.readVarUint(input) !== SYNC) return
      const reply = frame((out) => sync.readSyncMessage(input, out, doc, socket))
      if (encoding.length(reply) > 1) socket.send(encoding.toUint8Array(reply))
    })
    socket.send(encoding.toUint8Array(frame((out) => sync.writeSyncStep1(out, doc))))
  })
  await new Promise((resolve) => void server.once('listening', resolve))
  return `ws://127.0.0.1:${server.address().port}`
}

function frame(write) {
  const out = encoding.createEncoder()
  encoding.writeVarUint(out, SYNC)
  write(out)
  return out
}
