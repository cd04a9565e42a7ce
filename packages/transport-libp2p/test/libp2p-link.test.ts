import { describe, expect, it, onTestFinished } from 'vitest'
import { isTransportError, type Link } from '@vudo/transport'
import { WINDOW_BYTES } from '../src/limits.ts'
import { createPair, createRawPair, frame, type Pair, type RawPair } from './links.ts'
import { until } from './nodes.ts'

async function pair(enableQuic = false): Promise<Pair> {
  const made = await createPair({ enableQuic })
  onTestFinished(() => made.close())
  return made
}

async function rawPair(): Promise<RawPair> {
  const made = await createRawPair()
  onTestFinished(() => made.close())
  return made
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

async function sendUntilFull(link: Link): Promise<number> {
  let sent = 0
  for (;;) {
    const sending = link.send(new Uint8Array(65_536).fill(sent % 251))
    sending.catch(() => undefined)
    const isTaken = await Promise.race([
      sending.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, 300, false)),
    ])
    if (!isTaken) return sent
    sent++
  }
}

describe.each([
  ['TCP', false],
  ['QUIC', true],
])('a link over %s', (_name, enableQuic) => {
  it('carries both lanes in order, and tells who is there and how', async () => {
    const { dialled, accepted } = await pair(enableQuic)
    await dialled.send(text('one'))
    await dialled.sendControl(text('two'))
    await dialled.send(text('three'))
    const received = [await accepted.receive(), await accepted.receive(), await accepted.receive()]
    expect(received.map((one) => [one?.isControl, new TextDecoder().decode(one?.bytes)])).toEqual([
      [false, 'one'],
      [true, 'two'],
      [false, 'three'],
    ])
    expect(dialled.path).toMatchObject({ transport: 'libp2p', relayed: false, outbound: true })
    expect(accepted.path).toMatchObject({ transport: 'libp2p', relayed: false, outbound: false })
    expect(dialled.path.address).toMatch(/^libp2p:\/\/\/ip4\/127\.0\.0\.1\//)
  })

  it('holds the sender back within its window while nobody reads, and loses nothing', async () => {
    const { dialled, accepted } = await pair(enableQuic)
    const sent = await sendUntilFull(dialled)
    expect(sent * 65_536).toBeLessThanOrEqual(WINDOW_BYTES)
    // The one that was waiting arrives too.
    for (let at = 0; at <= sent; at++) {
      const message = await accepted.receive()
      expect([message?.bytes.length, message?.bytes[0]]).toEqual([65_536, at % 251])
    }
  })

  it('ends cleanly behind what nobody has read yet', async () => {
    const { dialled, accepted } = await pair(enableQuic)
    await dialled.send(text('last words'))
    await dialled.close()
    expect(await accepted.closed).toEqual({ clean: true })
    expect((await accepted.receive())?.bytes).toEqual(text('last words'))
    expect(await accepted.receive()).toBeUndefined()
    await expect(accepted.send(text('too late'))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
    })
  })
})

describe('a link', () => {
  it('does not send what was aborted while it waited, and goes on', async () => {
    const { dialled, accepted } = await pair()
    const sent = await sendUntilFull(dialled)
    const controller = new AbortController()
    const aborted = dialled.send(text('never'), { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    const after = dialled.send(text('after'))
    for (let at = 0; at <= sent; at++) await accepted.receive()
    await after
    expect((await accepted.receive())?.bytes).toEqual(text('after'))
  })

  it('speaks as documented, byte by byte', async () => {
    const { link, stream, received } = await rawPair()
    await link.send(text('hi'))
    await until(() => received().length >= 12)
    // Ready, and two bytes on the data lane.
    expect(received().toString('hex')).toBe('0000000103000000030068690000000102'.slice(0, 24))
    stream.send(Buffer.from('0000000301686900000001', 'hex'))
    expect(await link.receive()).toEqual({ isControl: true, bytes: text('hi') })
    stream.send(Buffer.from('02', 'hex'))
    expect(await link.receive()).toBeUndefined()
    expect(await link.closed).toEqual({ clean: true })
  })

  it.each([
    ['an oversized frame', Buffer.from('00100002', 'hex')],
    ['an unknown lane', Buffer.from('000000020500', 'hex')],
    ['a second ready', frame(3, new Uint8Array())],
    ['a credit for nothing', frame(4, Buffer.from('00000001', 'hex'))],
    ['a credit of nothing', frame(4, new Uint8Array(4))],
  ])('ends the connection of a peer that sends %s', async (_what, bytes) => {
    const { link, stream, streamClosed } = await rawPair()
    stream.send(bytes)
    await expect(link.receive()).rejects.toMatchObject({ code: 'ERR_PEER_PROTOCOL' })
    const { clean, error } = await link.closed
    expect([clean, isTransportError(error) && error.code]).toEqual([false, 'ERR_PEER_PROTOCOL'])
    await streamClosed
  })

  it('ends the connection of a peer that sends more than its window, and keeps no more', async () => {
    const { link, stream, streamClosed } = await rawPair()
    const message = frame(0, new Uint8Array(65_536))
    for (let at = 0; at < 33 && stream.status === 'open'; at++) {
      if (!stream.send(message)) await stream.onDrain().catch(() => undefined)
    }
    await streamClosed
    const { error } = await link.closed
    expect(isTransportError(error) && error.code).toBe('ERR_PEER_PROTOCOL')
  })

  it('ends a link whose far end vanishes as lost', async () => {
    const { link, stream } = await rawPair()
    stream.abort(new Error('gone'))
    expect(await link.closed).toMatchObject({
      clean: false,
      error: expect.objectContaining({ code: 'ERR_CONNECTION_LOST' }),
    })
  })

  it('cuts off a far end that does not take the goodbye', async () => {
    const { link, stream, streamClosed } = await rawPair()
    await link.close(new Error('my reason'))
    expect(await link.closed).toMatchObject({ clean: true, error: new Error('my reason') })
    await streamClosed
    expect(stream.status).not.toBe('open')
  })
})
