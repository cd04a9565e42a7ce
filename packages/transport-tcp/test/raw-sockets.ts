import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parseTcpAddress } from '@vudo/transport-tcp'

/** Sockets that say nothing. */
export interface RawSockets {
  /** Settles when at most `count` are open. */
  left(count: number): Promise<void>
  close(): void
}

/** Opens `count` sockets to `address`. */
export async function rawSockets(address: string, count: number): Promise<RawSockets> {
  const open = new Set<Socket>()
  let changed = Promise.withResolvers<void>()
  const connecting = Array.from({ length: count }, async () => {
    const socket = connect(parseTcpAddress(address))
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      open.delete(socket)
      changed.resolve()
      changed = Promise.withResolvers()
    })
    await Promise.race([once(socket, 'connect'), once(socket, 'close')])
  })
  // A reset may come before the connection.
  await Promise.allSettled(connecting)
  return {
    async left(most) {
      while (open.size > most) await changed.promise
    },
    close() {
      for (const socket of open) socket.destroy()
    },
  }
}
