import type { SecretStream } from 'hyperdht'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { MAX_MESSAGE_BYTES, type Link } from '@vudo/transport'
import { hyperswarm } from '@vudo/transport-hyperswarm'
import { startBootstrap } from '@vudo/transport-hyperswarm/bootstrap'
import { encodeCredit, frameCost, lanes, writeFrame, type Lane } from '../src/frames.ts'
import { MAX_GREETING_BYTES, MIN_FRAME_COST_BYTES, WINDOW_BYTES } from '../src/limits.ts'
import { listening, never, type Opened } from './medium-pair.ts'
import { createContext } from './nodes.ts'
import { createPlainPeer } from './plain-peer.ts'

// Real sockets on a machine that may have other things to do.
vi.setConfig({ testTimeout: 30_000 })

const bootstrap = await startBootstrap()
const plain = createPlainPeer(bootstrap)
afterAll(async () => {
  await plain.close()
  await bootstrap.close()
})

function frame(lane: Lane, bytes: Uint8Array = new Uint8Array()): Buffer {
  const target = Buffer.alloc(5 + bytes.length)
  writeFrame(target, 0, { lane, bytes })
  return target
}

const greeting = frame(lanes.greeting, Buffer.from('vudo/1'))

async function openServer(): Promise<Opened> {
  const opened = await listening(bootstrap)
  onTestFinished(() => opened.close())
  return opened
}

/** A plain peer that has greeted, and our end of it. */
async function greeted(): Promise<{ stream: SecretStream; link: Link }> {
  const server = await openServer()
  const stream = await plain.dial(server.address)
  stream.write(greeting)
  return { stream, link: await server.next() }
}

describe('a peer that did not greet', () => {
  it.each([
    ['another version', frame(lanes.greeting, Buffer.from('vudo/2'))],
    ['data at once', frame(lanes.data, Buffer.of(1))],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a frame of nothing', Buffer.alloc(4)],
    [
      'an endless greeting',
      Buffer.concat([Buffer.of(0, 0, 0xff, 0), Buffer.alloc(MAX_GREETING_BYTES)]),
    ],
  ])('is refused: %s', async (_what, bytes) => {
    const server = await openServer()
    const stream = await plain.dial(server.address)
    stream.write(bytes)
    await expect(server.next()).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
    await ended(stream)
  })

  it.each([
    ['another version', frame(lanes.greeting, Buffer.from('vudo/2')), /vudo\/2/],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /does not speak vudo\/1/],
  ])('is refused when it was dialled: %s', async (_what, bytes, message) => {
    const address = await plain.listen((stream) => void stream.write(bytes))
    const dialling = (await openServer()).medium.dial(address, { signal: never })
    await expect(dialling).rejects.toMatchObject({
      code: 'ERR_HANDSHAKE_FAILED',
      message: expect.stringMatching(message),
    })
  })

  it('is refused when it was dialled and ends the stream', async () => {
    const address = await plain.listen((stream) => stream.destroy())
    const dialling = (await openServer()).medium.dial(address, { signal: never })
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
  })

  it('holds a dial up no longer than its signal', async () => {
    const address = await plain.listen(() => undefined)
    const controller = new AbortController()
    const dialling = (await openServer()).medium.dial(address, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(dialling).rejects.toThrow('enough')
  })
})

describe('a peer that greeted', () => {
  it.each([
    ['a frame of nothing', Buffer.alloc(4)],
    ['a frame above the maximum', Buffer.of(0, 0x10, 0, 2)],
    ['an unknown lane', Buffer.of(0, 0, 0, 2, 5, 0)],
    ['an empty message', frame(lanes.data)],
    ['a second greeting', greeting],
    ['a goodbye with a byte', frame(lanes.goodbye, Buffer.of(1))],
    ['a credit of three bytes', frame(lanes.credit, Buffer.alloc(3))],
    ['credit for what it never got', frame(lanes.credit, encodeCredit(WINDOW_BYTES))],
  ])('loses its connection by %s', async (_what, bytes) => {
    const { stream, link } = await greeted()
    stream.write(bytes)
    await expect(link.receive()).rejects.toMatchObject({ code: 'ERR_PEER_PROTOCOL' })
    expect(await link.closed).toMatchObject({ clean: false })
    await ended(stream)
  })

  it.each([1, 65_536, MAX_MESSAGE_BYTES])(
    'loses its connection when it does not stop at the window, with messages of %i bytes',
    async (size) => {
      const { stream, link } = await greeted()
      const fits = Math.ceil(WINDOW_BYTES / frameCost(size))
      const message = frame(lanes.data, new Uint8Array(size).fill(1))
      for (let sent = 0; sent < fits; sent++) stream.write(message)
      stream.write(frame(lanes.data, Buffer.of(2)))
      expect(await link.closed).toMatchObject({ error: { code: 'ERR_PEER_PROTOCOL' } })
      // What had come before can be read.
      expect((await link.receive())?.bytes).toHaveLength(size)
    },
  )

  it('may use its whole window, and again what was read', async () => {
    const { stream, link } = await greeted()
    const fits = WINDOW_BYTES / MIN_FRAME_COST_BYTES
    let credit = 0
    stream.on('data', (chunk) => {
      if (chunk[4] === lanes.credit) credit += chunk.readUInt32BE(5)
    })
    for (let round = 0; round < 3; round++) {
      for (let sent = 0; sent < fits; sent++) stream.write(frame(lanes.data, Buffer.of(round)))
      for (let read = 0; read < fits; read++) {
        expect((await link.receive())?.bytes).toEqual(Uint8Array.of(round))
      }
      await expect.poll(() => credit, { interval: 1 }).toBe((round + 1) * WINDOW_BYTES)
    }
  })
})

it('admits an honest peer after a flood of connections that say nothing', async () => {
  const context = createContext({
    bootstrapNodes: [bootstrap.address],
    maxNewConnectionsPerSecond: 100_000,
  })
  const server = hyperswarm()(context)
  onTestFinished(() => server.disconnect())
  await server.listen()
  const address = `hyperswarm://${context.peerId}`
  const dialling = Array.from({ length: 100 }, () => plain.dial(address).catch(() => undefined))
  const streams = (await Promise.all(dialling)).filter((stream) => stream !== undefined)
  const open = new Set(streams)
  let changed = Promise.withResolvers<void>()
  for (const stream of streams) {
    stream.on('data', () => undefined)
    stream.on('close', () => {
      open.delete(stream)
      changed.resolve()
      changed = Promise.withResolvers()
    })
  }
  // No more than four of one address may wait for their greeting; all others are gone at once.
  while (open.size > 4) await changed.promise
  for (const stream of open) stream.destroy()
  while (open.size > 0) await changed.promise
  const honest = hyperswarm()(createContext({ bootstrapNodes: [bootstrap.address] }))
  onTestFinished(() => honest.disconnect())
  await expect(dialUntil(() => honest.dial(address))).resolves.toMatchObject({
    peerId: context.peerId,
  })
})

/** Places are free a moment after the streams are gone. */
async function dialUntil<T>(dial: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await dial()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

function ended(stream: SecretStream): Promise<void> {
  stream.on('data', () => undefined)
  return new Promise((resolve) => stream.on('close', resolve))
}
