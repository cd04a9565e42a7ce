/** A TCP proxy on loopback that stops forwarding while its sockets stay open, or breaks them. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface TcpProxy {
  /** Where to dial. */
  readonly address: string
  readonly connections: number
  /** From now on nothing passes on the connections that stand; new ones are fine. */
  silence(): void
  /** Breaks every connection at once. */
  cut(): void
}

/** @param target - A `tcp://` address. */
export async function openProxy(target: string): Promise<TcpProxy> {
  const { port } = new URL(target.replace('tcp:', 'http:'))
  const pairs = new Set<readonly [Socket, Socket]>()
  let connections = 0
  const server = createServer((near) => {
    connections += 1
    const far = connect(Number(port), '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    near.pipe(far).pipe(near)
    for (const socket of pair) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        pairs.delete(pair)
        for (const other of pair) other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }
  onTestFinished(() => {
    cut()
    server.close()
  })
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections
    },
    silence() {
      for (const [near, far] of pairs) {
        near.unpipe(far)
        far.unpipe(near)
        near.pause()
        far.pause()
      }
    },
    cut,
  }
}
