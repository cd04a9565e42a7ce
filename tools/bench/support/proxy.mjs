/** A TCP proxy on loopback whose connections can fall silent while their sockets stay open, or break. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const host = '127.0.0.1'

/** Passes on what comes to a free port; `port` says which one. */
export async function openProxy(targetPort) {
  const pairs = new Set()
  const server = createServer((near) => {
    const far = connect(targetPort, host)
    const pair = [near, far]
    pairs.add(pair)
    near.pipe(far).pipe(near)
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.on('close', () => {
        pairs.delete(pair)
        for (const other of pair) other.destroy()
      })
    }
  })
  await once(server.listen(0, host), 'listening')
  return {
    port: server.address().port,
    /** Nothing passes any more on the connections that stand; new ones are fine. */
    silence() {
      for (const [near, far] of pairs) {
        near.unpipe(far)
        far.unpipe(near)
        near.pause()
        far.pause()
      }
    },
    /** Every connection breaks. */
    cut() {
      for (const socket of [...pairs].flat()) socket.resetAndDestroy()
    },
    close() {
      for (const socket of [...pairs].flat()) socket.destroy()
      server.close()
    },
  }
}
