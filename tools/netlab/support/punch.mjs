/**
 * Plain UDP hole punching without any stack: `node punch.mjs public <host>` tells two peers of
 * a lab where the other is, and `node punch.mjs peer <host>` is one of them. It shows what the
 * routers of the lab let through, so that a stack's result can be told from the lab's.
 */
import { createSocket } from 'node:dgram'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setInterval } from 'node:timers'

const port = 3478
/** Milliseconds between two packets. */
const againMs = 100
const [role, host] = process.argv.slice(2)
const socket = createSocket('udp4')
socket.on('error', () => undefined)

function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

/** Who is there, for everybody who asks. */
function introduce() {
  const peers = new Map()
  socket.on('message', (_text, { address, port: from }) => {
    peers.set(`${address}:${from}`, { address, port: from })
    for (const [name, peer] of peers) {
      const others = [...peers].filter(([other]) => other !== name).map(([, other]) => other)
      socket.send(JSON.stringify(others), peer.port, peer.address)
    }
  })
  socket.bind(port, host, () => tell({ event: 'ready' }))
}

function punch(startMs) {
  let others = []
  let hasHeard = false
  socket.on('message', (text, from) => {
    if (from.address === host) {
      others = JSON.parse(String(text))
      return
    }
    // Where it came from may be another port than we were told: the answer goes there.
    others = [{ address: from.address, port: from.port }]
    if (hasHeard) return
    hasHeard = true
    const ms = Math.round(performance.now() - startMs)
    tell({ event: 'message', ms, relayed: false, address: `udp://${from.address}:${from.port}` })
  })
  const send = () => {
    if (others.length === 0) socket.send('hello', port, host)
    for (const one of others) socket.send('hello', one.port, one.address)
  }
  send()
  setInterval(send, againMs)
}

if (role === 'public') introduce()
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
if (role === 'peer') {
  socket.bind(0, () => tell({ event: 'ready' }))
  await lines.next()
  punch(performance.now())
}
while (!(await lines.next()).done);
process.exit(0)
