import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '@number0/iroh/index.js'
import { within } from '../src/abandon.ts'
import { isIsolated } from './namespace.ts'
import { createPair, listening, type Opened, type Pair } from './nodes.ts'
import { connectPlain, plainEndpoint } from './plain-endpoint.ts'

/** Milliseconds after which a message that waits is held back, and does not just take its time. */
const STUCK_MS = 500

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((run) => run()))
})

async function pair(): Promise<Pair> {
  const made = await createPair()
  cleanups.push(() => made.close())
  return made
}

const message = (bytes: number, fill: number): Uint8Array => new Uint8Array(bytes).fill(fill)

describe.runIf(isIsolated)('a link', () => {
  it('loses nothing by closing, even when the far end reads late', async () => {
    const { dialled, accepted } = await pair()
    const count = 12
    for (let n = 0; n < count; n++) await dialled.send(message(65_536, n))
    // More than the far end takes unread, so it comes to the goodbye only when the connection has ended.
    await dialled.close()
    expect(await accepted.closed).toMatchObject({ clean: true })
    for (let n = 0; n < count; n++) {
      expect(await accepted.receive()).toEqual({ isControl: false, bytes: message(65_536, n) })
    }
    expect(await accepted.receive()).toBeUndefined()
    expect(await dialled.closed).toMatchObject({ clean: true })
  })

  it('does not call an end clean that cuts off what was sent', async () => {
    const { dialled, accepted } = await pair()
    const reason = new Error('enough')
    // Until not even the stack takes more: then no goodbye gets past what nobody reads.
    let sent = 0
    while (await isTaken(dialled.send(message(65_536, sent)))) sent++
    await dialled.close(reason)
    const cut = { clean: false, error: { code: 'ERR_CONNECTION_LOST' } }
    expect(await dialled.closed).toMatchObject({ ...cut, error: { cause: reason } })
    let received = 0
    const reading = (async () => {
      while (await accepted.receive()) received++
    })()
    await expect(reading).rejects.toMatchObject(cut.error)
    expect(await accepted.closed).toMatchObject(cut)
    expect(received).toBeLessThan(sent)
  })

  it('closes while the far end sends and nobody reads', async () => {
    const { dialled, accepted } = await pair()
    const reason = new Error('enough')
    const sending = (async () => {
      for (;;) await accepted.send(message(65_536, 1))
    })()
    await Promise.all([
      expect(sending).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' }),
      dialled.close(reason),
    ])
    expect(await dialled.closed).toEqual({ clean: true, error: reason })
    expect(await accepted.closed).toMatchObject({ clean: true })
  })

  it('tells a far end that was cut off from one that said goodbye', async () => {
    const { dialled, accepted } = await pair()
    const receiving = accepted.receive()
    dialled.destroy()
    await expect(receiving).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
    for (const { closed } of [dialled, accepted]) {
      expect(await closed).toMatchObject({ clean: false, error: { code: 'ERR_CONNECTION_LOST' } })
    }
    await expect(accepted.send(message(1, 1))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
    })
  })

  it('keeps the lanes apart and in order', async () => {
    const { dialled, accepted } = await pair()
    void dialled.send(message(2, 1))
    void dialled.sendControl(message(3, 2))
    void dialled.send(message(4, 3))
    const got = [await accepted.receive(), await accepted.receive(), await accepted.receive()]
    expect(got.map((one) => one?.isControl)).toEqual([false, true, false])
  })
})

describe.runIf(isIsolated)('a peer that breaks the rules', () => {
  /** It has said ready and is let in. */
  async function intruder(): Promise<{ connection: Connection; server: Opened; send: Send }> {
    const server = await listening()
    const endpoint = await plainEndpoint()
    cleanups.push(
      () => endpoint.close(),
      () => server.medium.close(),
    )
    const connection = await connectPlain(endpoint, server.address)
    const stream = await connection.openBi()
    const send: Send = {
      bytes: (bytes) => stream.send.writeAll([...bytes]),
      finish: () => stream.send.finish(),
    }
    await send.bytes([0, 0, 0, 1, 3])
    return { connection, server, send }
  }

  interface Send {
    bytes(bytes: readonly number[]): Promise<void>
    finish(): Promise<void>
  }

  it.each([
    ['announces a frame above the maximum', [0, 1, 0, 2]],
    ['announces four gigabytes', [255, 255, 255, 255]],
    ['sends an empty frame', [0, 0, 0, 0]],
    ['says ready twice', [0, 0, 0, 1, 3]],
    ['goes on after its goodbye', [0, 0, 0, 1, 2, 0, 0, 0, 1, 2]],
  ])('is cut off when it %s', async (_what, bytes) => {
    const { connection, server, send } = await intruder()
    const link = await server.next()
    await send.bytes(bytes)
    await connection.closed()
    const { clean } = await link.closed
    // What came up to the goodbye counts.
    expect(clean).toBe(bytes[4] === 2)
  })

  it.each(['openBi', 'openUni'] as const)('is cut off when it calls %s again', async (open) => {
    const { connection, server } = await intruder()
    const link = await server.next()
    const stream = await connection[open]()
    await ('send' in stream ? stream.send : stream).writeAll([1])
    await connection.closed()
    expect(await link.closed).toMatchObject({ error: { code: 'ERR_PEER_PROTOCOL' } })
  })

  it('did not close cleanly when its stream ends without a goodbye', async () => {
    const { server, send } = await intruder()
    const link = await server.next()
    await send.finish()
    expect(await link.closed).toMatchObject({ error: { code: 'ERR_CONNECTION_LOST' } })
  })
})

/** False when `sending` is still held back after a while; it is nobody's then. */
async function isTaken(sending: Promise<void>): Promise<boolean> {
  sending.catch(() => undefined)
  return within(STUCK_MS, sending)
}
