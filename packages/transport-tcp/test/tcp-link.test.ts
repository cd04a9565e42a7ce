import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MAX_MESSAGE_BYTES } from '@vudo/transport'
import { createPair, type Pair } from './medium-pair.ts'

async function pair(): Promise<Pair> {
  const both = await createPair()
  onTestFinished(() => both.close())
  return both
}

describe('a link', () => {
  it.each([1, 64, 16_379, 16_380, 65_536, 81_915, 81_916, MAX_MESSAGE_BYTES])(
    'carries a message of %i bytes',
    async (size) => {
      const { dialled, accepted } = await pair()
      const message = new Uint8Array(randomBytes(size))
      const [received] = await Promise.all([accepted.receive(), dialled.send(message)])
      expect(received?.isControl).toBe(false)
      expect(Buffer.compare(received!.bytes, message)).toBe(0)
    },
  )

  it('keeps the order of sizes and lanes that leave at once', async () => {
    const { dialled, accepted } = await pair()
    const sizes = [1, 100_000, 5, 70_000, 16_380, 3, 200_000, 9]
    const sent = sizes.map((size, at) =>
      at % 2 === 0 ? dialled.send(filled(size, at)) : dialled.sendControl(filled(size, at)),
    )
    for (const [at, size] of sizes.entries()) {
      const message = await accepted.receive()
      expect(message?.isControl).toBe(at % 2 === 1)
      expect(message?.bytes.length).toBe(size)
      expect(message?.bytes.every((byte) => byte === at)).toBe(true)
    }
    await Promise.all(sent)
  })

  it.each([10, 50_000, 100_000])(
    'leaves a message of %i bytes alone until its send has settled',
    async (size) => {
      const { dialled, accepted } = await pair()
      const receiving = (async () => {
        for (let round = 1; round <= 50; round++) {
          const received = await accepted.receive()
          expect(received!.bytes).toHaveLength(size)
          expect(received!.bytes.every((byte) => byte === round)).toBe(true)
        }
      })()
      const message = new Uint8Array(size)
      for (let round = 1; round <= 50; round++) {
        message.fill(round)
        await dialled.send(message)
      }
      await receiving
    },
  )

  it('hands every message over in memory of its own', async () => {
    const { dialled, accepted } = await pair()
    await Promise.all([dialled.send(filled(3, 1)), dialled.send(filled(4, 2))])
    const first = await accepted.receive()
    expect(first!.bytes.buffer.byteLength).toBe(3)
    first!.bytes.fill(9)
    expect((await accepted.receive())!.bytes).toEqual(filled(4, 2))
  })

  it('holds a sender back while nobody reads, and lets it go on afterwards', async () => {
    const { dialled, accepted } = await pair()
    let sent = 0
    const total = 400
    const sending = (async () => {
      for (; sent < total; sent++) await dialled.send(filled(65_536, sent % 256))
    })()
    // The kernel takes some megabytes; 25 MiB fit nowhere unless something grows without bound.
    await settledDown(() => sent)
    expect(sent).toBeLessThan(total)
    for (let at = 0; at < total; at++) expect((await accepted.receive())!.bytes[0]).toBe(at % 256)
    await sending
  })

  it('gives up a send and a receive that wait, with the reason of the signal', async () => {
    const { dialled } = await pair()
    const reason = new Error('enough')
    const controller = new AbortController()
    const receiving = dialled.receive({ signal: controller.signal })
    const sending = Promise.all(
      Array.from({ length: 200 }, () =>
        dialled.send(filled(65_536, 1), { signal: controller.signal }),
      ),
    )
    controller.abort(reason)
    await Promise.all([
      expect(receiving).rejects.toBe(reason),
      expect(sending).rejects.toBe(reason),
    ])
    await expect(sending).rejects.toBe(reason)
    await expect(dialled.send(filled(1, 1), { signal: controller.signal })).rejects.toBe(reason)
  })

  it('sends the rest of a message that was given up half way, whatever its owner does with it', async () => {
    const { dialled, accepted } = await pair()
    const controller = new AbortController()
    const message = filled(MAX_MESSAGE_BYTES, 1)
    const sending = dialled.send(message, { signal: controller.signal })
    const dropped = dialled.send(filled(200_000, 2), { signal: controller.signal })
    controller.abort(new Error('enough'))
    await Promise.all([
      expect(sending).rejects.toThrow('enough'),
      expect(dropped).rejects.toThrow('enough'),
    ])
    message.fill(9)
    const [first] = await Promise.all([accepted.receive(), dialled.send(filled(7, 3))])
    expect(Buffer.compare(first!.bytes, filled(MAX_MESSAGE_BYTES, 1))).toBe(0)
    expect((await accepted.receive())!.bytes).toEqual(filled(7, 3))
  })

  it('completes a message that has begun before it says goodbye, and sends none that has not', async () => {
    const { dialled, accepted } = await pair()
    const sending = dialled.send(filled(MAX_MESSAGE_BYTES, 1))
    const dropped = dialled.send(filled(200_000, 2))
    const [received] = await Promise.all([
      accepted.receive(),
      dialled.close(),
      expect(dropped).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' }),
    ])
    await sending
    expect(Buffer.compare(received!.bytes, filled(MAX_MESSAGE_BYTES, 1))).toBe(0)
    expect(await accepted.receive()).toBeUndefined()
  })

  it('delivers what was sent before a clean end, then ends cleanly on both sides', async () => {
    const { dialled, accepted } = await pair()
    await dialled.send(filled(100_000, 7))
    const why = new Error('done')
    await dialled.close(why)
    expect(await dialled.closed).toEqual({ clean: true, error: why })
    expect((await accepted.receive())!.bytes).toHaveLength(100_000)
    expect(await accepted.receive()).toBeUndefined()
    expect((await accepted.closed).clean).toBe(true)
    await expect(dialled.send(filled(1, 1))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
    })
    await expect(accepted.send(filled(1, 1))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
    })
    expect(await dialled.receive()).toBeUndefined()
  })

  it('closes in bounded time although the far end does not read', async () => {
    const { dialled } = await pair()
    const sending = Promise.allSettled(
      Array.from({ length: 400 }, () => dialled.send(filled(65_536, 1))),
    )
    await dialled.close()
    const results = await sending
    expect(results.at(-1)).toMatchObject({
      status: 'rejected',
      reason: { code: 'ERR_CONNECTION_CLOSED' },
    })
  })

  it('can be closed twice, and by both ends at once', async () => {
    const { dialled, accepted } = await pair()
    await Promise.all([dialled.close(), dialled.close(), accepted.close()])
    expect((await accepted.closed).clean).toBe(true)
  })
})

function filled(size: number, value: number): Uint8Array {
  return new Uint8Array(size).fill(value)
}

/** Settles when `read` has given the same number in twenty turns of the event loop in a row, each after 5 ms. */
async function settledDown(read: () => number): Promise<void> {
  let last = -1
  let same = 0
  while (same < 20) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    same = read() === last ? same + 1 : 0
    last = read()
  }
}
