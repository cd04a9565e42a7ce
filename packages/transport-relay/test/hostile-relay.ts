import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'

/** A relay that lets everybody in and does to frames what it is told. */
export interface HostileRelay {
  readonly url: string
  /**
   * What to deliver for each frame: given the whole deliver frame and how many data frames
   * of that sender came before. Without it, the frame itself.
   */
  tamper: ((frame: Buffer, n: number) => readonly Buffer[]) | undefined
  /** Shows one client under another end point, both in hex. */
  alias: { readonly shown: string; readonly real: string } | undefined
  close(): Promise<void>
}

/** Where the payload begins in a frame, and where in it the message of a data frame does. */
export const offsets = { payload: 49, pipe: 50, message: 62 } as const

/** Starts one on a free port. */
export async function startHostileRelay(): Promise<HostileRelay> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  await once(server, 'listening')
  const clients = new Map<string, WebSocket>()
  const hostile: HostileRelay = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tamper: undefined,
    alias: undefined,
    async close() {
      for (const socket of server.clients) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  server.on('connection', (socket) => {
    let id = Buffer.alloc(0)
    let count = 0
    socket.on('error', () => undefined)
    socket.on('message', (frame: Buffer) => {
      if (frame[0] === 1) {
        id = Buffer.from(frame.subarray(1, 49))
        clients.set(id.toString('hex'), socket)
        // 66,048 bytes, 512 topics, 60 s.
        socket.send(Buffer.from('82000102000200003c', 'hex'))
      } else if (frame[0] === 2) {
        const others = [...clients.keys()].filter((other) => other !== id.toString('hex'))
        const list = Buffer.from(others.join(''), 'hex')
        const head = [Uint8Array.of(0x84), frame.subarray(1, 33), Uint8Array.of(1)]
        socket.send(Buffer.concat([...head, list]))
        const news = Buffer.concat([Uint8Array.of(0x84), frame.subarray(1, 33), Uint8Array.of(0)])
        for (const other of others) clients.get(other)?.send(Buffer.concat([news, id]))
      } else if (frame[0] === 4) {
        const { alias } = hostile
        const named = frame.toString('hex', 1, 49)
        const to = clients.get(named === alias?.shown ? alias.real : named)
        const isHidden = id.toString('hex') === alias?.real
        const source = isHidden ? Buffer.from(alias?.shown ?? '', 'hex') : id
        const delivered = Buffer.concat([Uint8Array.of(0x86), source, frame.subarray(49)])
        const isData = delivered[offsets.payload] === 1
        const result = isData && hostile.tamper ? hostile.tamper(delivered, count++) : [delivered]
        for (const one of result) to?.send(one)
      }
    })
    socket.send(Buffer.concat([Uint8Array.of(0x81, 1), randomBytes(32)]))
  })
  return hostile
}
