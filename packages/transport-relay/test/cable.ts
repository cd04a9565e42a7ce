import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP forwarder in front of a relay, whose lines can be cut and listened to. */
export interface Cable {
  readonly url: string
  /** The host in that URL, by which the relay has to go. */
  readonly host: string
  /** Where it leads; to be called before anybody dials. */
  leadTo(port: number): void
  /** Breaks every line without a word of WebSocket. */
  cut(): void
  /** Keeps what passes from now on. */
  listen(): void
  /** Everything that has passed since. */
  captured(): Buffer
  close(): Promise<void>
}

/** Lays a cable on this machine. */
export async function layCable(): Promise<Cable> {
  const sockets = new Set<Socket>()
  const captured: Buffer[] = []
  let isListening = false
  let target = 0
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('data', (bytes) => {
        if (isListening) captured.push(Buffer.from(bytes))
        if (!other.write(bytes)) socket.pause()
      })
      socket.on('drain', () => other.resume())
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `ws://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    leadTo: (to) => {
      target = to
    },
    cut,
    listen: () => {
      isListening = true
    },
    captured: () => Buffer.concat(captured),
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
