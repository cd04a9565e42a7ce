/**
 * A relay as iroh's clients expect one, just enough of it for tests: it lets clients
 * prove their keys and passes their datagrams on. The protocol is WebSocket messages
 * whose first byte is a type, as in `iroh-relay/src/protos` of iroh's sources.
 */
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { blake3 } from '@noble/hashes/blake3.js'

const types = { challenge: 0, auth: 1, confirm: 2, toRelay: 4, toRelayBatch: 5, ping: 9 } as const
const context = new TextEncoder().encode('iroh-relay handshake v1 challenge signature')
const protocols = ['iroh-relay-v2', 'iroh-relay-v1']

export interface Relay {
  readonly url: string
  /** Datagrams passed on. */
  readonly forwarded: number
  close(): Promise<void>
}

export async function startRelay(): Promise<Relay> {
  const relay = new TestRelay()
  await relay.start()
  return relay
}

class TestRelay implements Relay {
  forwarded = 0
  readonly #server: Server = createServer((request, response) => {
    const challenge = request.headers['x-iroh-challenge']
    if (challenge !== undefined)
      response.setHeader('x-iroh-response', `response ${String(challenge)}`)
    response.writeHead(request.url?.startsWith('/generate_204') ? 204 : 200).end()
  })
  readonly #clientsByKey = new Map<string, Duplex>()
  readonly #sockets = new Set<Duplex>()

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async start(): Promise<void> {
    this.#server.on('upgrade', (request, socket) => this.#upgrade(request, socket))
    const listening = Promise.withResolvers<void>()
    this.#server.listen(0, '0.0.0.0', listening.resolve)
    await listening.promise
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.closeAllConnections()
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    await closed.promise
  }

  #upgrade({ headers }: IncomingMessage, socket: Duplex): void {
    const offered = headers['sec-websocket-protocol']?.split(/\s*,\s*/) ?? []
    const protocol = protocols.find((name) => offered.includes(name)) ?? ''
    const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}`,
      `Sec-WebSocket-Protocol: ${protocol}`,
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    this.#serve(socket)
  }

  #serve(socket: Duplex): void {
    this.#sockets.add(socket)
    const challenge = randomBytes(16)
    let client: Uint8Array | undefined
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (client) this.#clientsByKey.delete(toHex(client))
    })
    readMessages(socket, (message) => {
      if (client) return this.#take(message, client, socket)
      client = provenKey(message, challenge)
      if (!client) return void socket.destroy()
      this.#clientsByKey.set(toHex(client), socket)
      writeMessage(socket, [types.confirm])
    })
    writeMessage(socket, [types.challenge, ...challenge])
  }

  #take(message: Buffer, from: Uint8Array, socket: Duplex): void {
    const [type = -1] = message
    if (type === types.ping) return writeMessage(socket, [type + 1, ...message.subarray(1)])
    if (type !== types.toRelay && type !== types.toRelayBatch) return
    const to = this.#clientsByKey.get(toHex(message.subarray(1, 33)))
    if (!to) return
    this.forwarded += 1
    writeMessage(to, [type + 2, ...from, ...message.subarray(33)])
  }
}

/** Who signed the challenge: a key, one byte of length, and the signature. */
function provenKey(message: Buffer, challenge: Uint8Array): Uint8Array | undefined {
  const key = message.subarray(1, 33)
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
  const signed = blake3(challenge, { context })
  const isProven = verify(null, signed, publicKey, message.subarray(34))
  return message[0] === types.auth && isProven ? Uint8Array.from(key) : undefined
}

/** Takes masked WebSocket messages apart (RFC 6455 section 5.2); clients of iroh send each in one frame. */
function readMessages(socket: Duplex, onMessage: (message: Buffer) => void): void {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const short = (rest[1] ?? 0) & 127
      const at = short === 126 ? 4 : short === 127 ? 10 : 2
      if (rest.length < at + 4) return
      const length =
        short === 126 ? rest.readUInt16BE(2) : short === 127 ? rest.readUInt32BE(6) : short
      if (rest.length < at + 4 + length) return
      const mask = rest.subarray(at, at + 4)
      const body = rest
        .subarray(at + 4, at + 4 + length)
        .map((byte, n) => byte ^ (mask[n % 4] ?? 0))
      const isBinary = ((rest[0] ?? 0) & 15) === 2
      rest = rest.subarray(at + 4 + length)
      if (isBinary) onMessage(Buffer.from(body))
    }
  })
}

function writeMessage(socket: Duplex, body: readonly number[]): void {
  const { length } = body
  const header = length < 126 ? [0x82, length] : [0x82, 126, length >> 8, length & 0xff]
  socket.write(Buffer.from([...header, ...body]))
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
