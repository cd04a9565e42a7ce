/** A TCP relay on loopback that can be cut: both ends see their connection break in the middle of anything. */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Cable {
  /** Where to dial. */
  readonly address: string
  /** Breaks every connection at once. */
  cut(): void
  readonly connections: number
}

export async function layCable(target: string): Promise<Cable> {
  const { port } = new URL(target.replace('tcp:', 'http:'))
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    return socket
  }
  let connections = 0
  const server = createServer((near) => {
    connections += 1
    const far = keep(connect(Number(port), '127.0.0.1'))
    keep(near).pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  onTestFinished(() => {
    cut()
    server.close()
  })
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    get connections() {
      return connections
    },
  }
}
