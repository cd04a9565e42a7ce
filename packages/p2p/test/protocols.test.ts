import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { addressOf, createNode, startPair } from './nodes.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (message: Uint8Array | undefined): string => new TextDecoder().decode(message)

describe('protocols of an application', () => {
  it('are channels between members, and stay over a stop', async () => {
    const { a, b } = await startPair()
    b.handle('/app/echo/1', async (channel) => {
      expect(channel.database).toBe(b.database.id)
      for await (const message of channel) await channel.send(message)
      await channel.close()
    })
    const channel = a.openChannel(b.peerId, '/app/echo/1', { priority: 'high' })
    await channel.send(bytes('hello'))
    expect(text(await channel.receive())).toBe('hello')
    await channel.close()
    await b.stop()
    await b.start()
    await a.connectPeer(b.addresses[0] ?? '')
    const again = a.openChannel(b.peerId, '/app/echo/1')
    await again.send(bytes('again'))
    expect(text(await again.receive())).toBe('again')
  })

  it('are refused where nobody handles them, or not any more', async () => {
    const { a, b } = await startPair()
    const remove = b.respond('/app/ask/1', (message) => message)
    expect(text(await a.request(b.peerId, '/app/ask/1', bytes('one')))).toBe('one')
    remove()
    await expect(a.request(b.peerId, '/app/ask/1', bytes('two'))).rejects.toMatchObject({
      code: 'ERR_REQUEST_FAILED',
      peerCode: 'ERR_PROTOCOL_UNKNOWN',
    })
  })

  it('do not take channels that are for no database (ID1)', async () => {
    const { a, b } = await startPair()
    let isCalled = false
    b.handle('/app/echo/1', () => {
      isCalled = true
    })
    const channel = a.network.session(b.peerId)!.openChannel('/app/echo/1')
    const { error } = await channel.closed
    expect(error).toMatchObject({ peerCode: 'ERR_NOT_MEMBER' })
    expect(isCalled).toBe(false)
  })

  it('answer with sizes that both ends bound', async () => {
    const { a, b } = await startPair()
    b.respond('/app/ask/1', () => new Uint8Array(1_000), { maxRequestBytes: 3 })
    const ask = (message: string, maxResponseBytes?: number): Promise<Uint8Array> =>
      a.request(b.peerId, '/app/ask/1', bytes(message), { maxResponseBytes })
    expect(await ask('abc')).toHaveLength(1_000)
    await expect(ask('abcd')).rejects.toMatchObject({ peerCode: 'ERR_REQUEST_SIZE' })
    await expect(ask('abc', 999)).rejects.toMatchObject({ code: 'ERR_REQUEST_SIZE' })
  })

  it('send newest values', async () => {
    const { a, b } = await startPair()
    const seen: string[] = []
    const done = Promise.withResolvers<void>()
    b.handleLatest('/app/cursor/1', async (values) => {
      for await (const value of values) {
        seen.push(text(value))
        if (seen.at(-1) === '99') done.resolve()
      }
    })
    const cursor = a.openLatest(b.peerId, '/app/cursor/1', { priority: 'high' })
    for (let i = 0; i < 100; i++) cursor.set(bytes(String(i)))
    await done.promise
    expect(seen.length).toBeLessThan(10)
    await cursor.close()
  })

  it('have names of their own, and need a connected peer', async () => {
    const node = await createNode()
    await node.start()
    expect(() => node.handle('/vudo/sync/1', () => {})).toThrow(
      expect.objectContaining({ code: 'ERR_PROTOCOL_RESERVED' }),
    )
    expect(() => node.handle('', () => {})).toThrow(RangeError)
    expect(() => node.handle('x'.repeat(65), () => {})).toThrow(RangeError)
    const nobody = 'ab'.repeat(32)
    expect(() => node.openChannel(nobody, '/app/1')).toThrow(
      expect.objectContaining({ code: 'ERR_PEER_NOT_CONNECTED' }),
    )
    await expect(node.request(nobody, '/app/1', bytes('x'))).rejects.toMatchObject({
      code: 'ERR_PEER_NOT_CONNECTED',
    })
    await expect(node.request(nobody, '/vudo/sync/1', bytes('x'))).rejects.toMatchObject({
      code: 'ERR_PROTOCOL_RESERVED',
    })
    await setImmediate()
  })
})

describe('connectPeer', () => {
  it('takes an address as people write it', async () => {
    const a = await createNode()
    const b = await createNode({ database: a.ticket })
    await Promise.all([a.start(), b.start()])
    const written = addressOf(b).replace('tcp://', '')
    expect(await a.connectPeer(written)).toBe(b.peerId)
    await expect(a.connectPeer('nowhere')).rejects.toMatchObject({ code: 'ERR_NO_TRANSPORT' })
  })
})
