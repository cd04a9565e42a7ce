import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { WebSocket, type ClientOptions } from 'ws'
import { createNodeKey, type NodeKey } from '@vudo/identity'
import { challengeMessage, clientFrames, relayFrames } from '../src/wire.ts'

/** A client made of the documentation alone: it knows no limits and obeys no credit. */
export interface TestClient {
  readonly key: NodeKey
  /** 48 bytes. */
  readonly endpoint: Buffer
  readonly socket: WebSocket
  /** Settles with the close code. */
  readonly closed: Promise<number>
  /** Frames that have come and were not asked for yet. */
  readonly frames: Buffer[]
  /** The next frame of this type, from those that have come or will. */
  next(type: number): Promise<Buffer>
  join(topic: Uint8Array, flags?: number): Promise<Buffer>
  leave(topic: Uint8Array): void
  sendTo(endpoint: Uint8Array, payload: Uint8Array): void
  raw(...parts: readonly Uint8Array[]): void
}

/** What may differ from an honest client. */
export interface TestClientInit {
  readonly key?: NodeKey
  readonly instance?: Uint8Array
  readonly host?: string
  readonly token?: string
  readonly options?: ClientOptions
  readonly forge?: (signature: Uint8Array) => Uint8Array
}

/** Connects, proves and waits for the welcome. Rejects with the refusal's code and reason. */
export async function connectClient(url: string, init: TestClientInit = {}): Promise<TestClient> {
  const client = await openClient(url, init)
  const challenge = await client.next(relayFrames.challenge)
  client.raw(proofOf(client, challenge.subarray(2), new URL(url).host, init))
  const answer = await Promise.race([
    client.next(relayFrames.welcome),
    client.next(relayFrames.denied),
    client.closed.then((code) => Promise.reject(new Error(`closed with ${code}`))),
  ])
  if (answer[0] === relayFrames.welcome) return client
  throw new Error(`denied ${answer[1]}: ${answer.subarray(2).toString()}`)
}

/** The frame that answers a challenge. */
export function proofOf(
  { key, endpoint }: Pick<TestClient, 'key' | 'endpoint'>,
  challenge: Uint8Array,
  dialled: string,
  init: TestClientInit = {},
): Buffer {
  const host = init.host ?? dialled
  const token = Buffer.from(init.token ?? '')
  const message = challengeMessage(host, challenge, endpoint.subarray(32))
  const signature = key.sign('vudo/relay-challenge/1', message)
  const tokenLength = Buffer.alloc(2)
  tokenLength.writeUInt16BE(token.length)
  return Buffer.concat([
    Uint8Array.of(clientFrames.auth),
    endpoint,
    init.forge?.(signature) ?? signature,
    Uint8Array.of(host.length),
    Buffer.from(host),
    tokenLength,
    token,
  ])
}

/** Connects and says nothing. */
export async function openClient(url: string, init: TestClientInit = {}): Promise<TestClient> {
  const key = init.key ?? createNodeKey()
  const endpoint = Buffer.concat([key.publicKey, init.instance ?? randomBytes(16)])
  const socket = new WebSocket(url, { perMessageDeflate: false, ...init.options })
  const frames: Buffer[] = []
  const waiting: { readonly type: number; readonly resolve: (frame: Buffer) => void }[] = []
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  socket.on('error', () => undefined)
  socket.on('message', (data: Buffer) => {
    const at = waiting.findIndex(({ type }) => type === data[0])
    if (at === -1) frames.push(data)
    else waiting.splice(at, 1)[0]?.resolve(data)
  })
  const client: TestClient = {
    key,
    endpoint,
    socket,
    closed,
    frames,
    next(type) {
      const at = frames.findIndex((frame) => frame[0] === type)
      if (at !== -1) return Promise.resolve(frames.splice(at, 1)[0] ?? Buffer.alloc(0))
      return new Promise((resolve) => waiting.push({ type, resolve }))
    },
    async join(topic, flags = 3) {
      client.raw(Uint8Array.of(clientFrames.join), topic, Uint8Array.of(flags))
      let answer = await client.next(relayFrames.members)
      while (answer[33] !== 1) answer = await client.next(relayFrames.members)
      return answer
    },
    leave: (topic) => client.raw(Uint8Array.of(clientFrames.leave), topic),
    sendTo: (to, payload) => client.raw(Uint8Array.of(clientFrames.send), to, payload),
    raw: (...parts) => socket.send(Buffer.concat(parts)),
  }
  await Promise.race([once(socket, 'open'), closed])
  return client
}

/** The end points in a members or gone frame, in hex. */
export function endpointsIn(frame: Buffer): string[] {
  const list = frame.subarray(frame[0] === relayFrames.members ? 34 : 33)
  return Array.from({ length: list.length / 48 }, (_, i) =>
    list.subarray(i * 48, (i + 1) * 48).toString('hex'),
  )
}
