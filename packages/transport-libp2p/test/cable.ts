import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** What lies below the connections of this process. */
export interface Cable {
  /** Destroys every socket that is open, so that no end can say goodbye. */
  cut(): void
}

/** Sees every TCP socket that is dialled from now on, by the channel on which Node tells of them. */
export function createCable(): Cable {
  const sockets = new Set<Socket>()
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { readonly socket: Socket }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    cut() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
