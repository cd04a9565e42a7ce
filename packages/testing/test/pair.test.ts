import { describe, expect, it } from 'vitest'
import { createConnectionPair, createPipePair } from '@vudo/testing'

const bytes = (length: number): Uint8Array => new Uint8Array(length)

describe('createConnectionPair', () => {
  it('carries whole messages in order, both ways', async () => {
    const { first, second } = createConnectionPair()
    await first.send(Uint8Array.of(1))
    await first.send(Uint8Array.of(2, 3))
    await second.send(Uint8Array.of(4))
    expect(await second.receive()).toEqual(Uint8Array.of(1))
    expect(await second.receive()).toEqual(Uint8Array.of(2, 3))
    expect(await first.receive()).toEqual(Uint8Array.of(4))
    expect([first.peerId[0], second.peerId[0]]).toEqual(['b', 'a'])
  })

  it('lets send wait for a slow reader', async () => {
    const { first, second } = createConnectionPair({ maxBufferedBytes: 10 })
    let sent = 0
    const sending = (async () => {
      for (; sent < 5; sent++) await first.send(bytes(6))
    })()
    await Promise.resolve()
    expect(sent).toBeLessThan(3)
    for (let n = 0; n < 5; n++) expect(await second.receive()).toHaveLength(6)
    await sending
  })

  it('refuses sizes outside the contract', async () => {
    const { first } = createConnectionPair({ maxMessageBytes: 3 })
    const refused = expect.objectContaining({ code: 'ERR_MESSAGE_SIZE' })
    await expect(first.send(bytes(0))).rejects.toEqual(refused)
    await expect(first.send(bytes(4))).rejects.toEqual(refused)
  })

  it('tells a close from a cut', async () => {
    const closed = createConnectionPair()
    await closed.first.send(bytes(1))
    await closed.first.close()
    await closed.first.close()
    expect(await closed.second.receive()).toHaveLength(1)
    expect(await closed.second.receive()).toBeUndefined()
    expect(await closed.second.closed).toEqual({ clean: true })
    const refused = expect.objectContaining({ code: 'ERR_CONNECTION_CLOSED' })
    await expect(closed.second.send(bytes(1))).rejects.toEqual(refused)

    const cut = createConnectionPair()
    const waiting = cut.second.receive()
    cut.cut()
    const lost = expect.objectContaining({ code: 'ERR_CONNECTION_LOST' })
    await expect(waiting).rejects.toEqual(lost)
    await expect(cut.first.send(bytes(1))).rejects.toEqual(lost)
    expect(await cut.first.closed).toMatchObject({ clean: false })
  })

  it('rejects with the reason of an aborted signal', async () => {
    const { first, second } = createConnectionPair({ maxBufferedBytes: 1 })
    const reason = new Error('enough')
    const controller = new AbortController()
    const { signal } = controller
    const waiting = [first.send(bytes(2), { signal }), first.receive({ signal })]
    controller.abort(reason)
    for (const one of waiting) await expect(one).rejects.toBe(reason)
    expect(await second.receive()).toHaveLength(2)
  })

  it('can be iterated', async () => {
    const { first, second } = createConnectionPair()
    for (let n = 1; n < 4; n++) await first.send(bytes(n))
    await first.close()
    const lengths: number[] = []
    for await (const message of second) lengths.push(message.length)
    expect(lengths).toEqual([1, 2, 3])
  })
})

describe('createPipePair', () => {
  it('gives two ends of one pipe', async () => {
    const [one, two] = createPipePair({ maxMessageBytes: 9 })
    expect(one.maxMessageBytes).toBe(9)
    await one.send(bytes(9))
    await one.close()
    expect(await two.receive()).toHaveLength(9)
    expect(await two.receive()).toBeUndefined()
  })
})
