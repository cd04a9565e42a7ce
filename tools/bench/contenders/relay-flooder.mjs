/** A client that sends 100 Mbit/s to another, whatever the relay reads: in a process of its own, so that only the relay is shared. */
import process from 'node:process'
import { connectPairs } from '../support/relay-clients.mjs'

const bytesPerSecond = 12_500_000
const [url] = process.argv.slice(2)
const [{ near, far }] = await connectPairs('ours', 1, [url])
const payload = new Uint8Array(60_000)
let due = 0
let last = performance.now()
setInterval(() => {
  const now = performance.now()
  due += ((now - last) / 1_000) * bytesPerSecond
  last = now
  for (; due >= payload.length; due -= payload.length) {
    // What the relay does not read waits in the kernel; more than this would only fill our memory.
    if (near.socket.bufferedAmount < 2 ** 24) near.send(far.id, payload)
  }
}, 2)
process.on('disconnect', () => process.exit())
process.send({ url })
