import { setImmediate } from 'node:timers/promises'
import { latestReader, latestWriter, type LatestReader } from '@vudo/network'
import { describe, expect, it } from 'vitest'
import { pattern, startPair, type TestNode } from './nodes.ts'

/** The reader of the next channel for newest values. */
function nextReader({ network }: TestNode): Promise<LatestReader> {
  const { promise, resolve } = Promise.withResolvers<LatestReader>()
  network.handle('/cursor/1', (channel) => resolve(latestReader(channel)))
  return promise
}

describe('newest values', () => {
  it('overtake each other, and the last one always arrives', async () => {
    const { a, b } = await startPair()
    const reading = nextReader(b)
    const channel = a.network.session(b.key.peerId)!.openChannel('/cursor/1', { database: 'db' })
    const writer = latestWriter(channel)
    writer.set(Uint8Array.of(0))
    const reader = await reading
    expect([reader.peerId, reader.database]).toEqual([a.key.peerId, 'db'])
    const values: number[] = []
    for await (const [value = -1] of reader) {
      values.push(value)
      // A slow reader: 50 values are set while it works on one.
      const count = value === 0 ? 50 : 0
      for (let i = 1; i <= count; i++) {
        writer.set(Uint8Array.of(i))
        // A turn of the loop for each: a writer that did not wait would send all of them.
        await setImmediate()
      }
      if (value === 50) break
    }
    expect(values.length).toBeLessThan(5)
    expect(values.at(-1)).toBe(50)
    expect(writer.replaced).toBeGreaterThanOrEqual(48)
    reader.close()
    await writer.closed
    writer.set(Uint8Array.of(9))
  })

  it('are the newest when the reader asks, however long it worked on the one before', async () => {
    const { a, b } = await startPair()
    const reading = nextReader(b)
    const channel = a.network.session(b.key.peerId)!.openChannel('/cursor/1', { database: 'db' })
    const writer = latestWriter(channel)
    writer.set(Uint8Array.of(0))
    const reader = await reading
    const values: number[] = []
    // Each loop takes one value: what was taken in one is confirmed in the next.
    for (let round = 0; round < 3; round++) {
      for await (const [value = -1] of reader) {
        values.push(value)
        break
      }
      // The reader works, while values are set one after the other, and each could be sent.
      for (let i = 1; i <= 20; i++) {
        writer.set(Uint8Array.of(round * 20 + i))
        await a.network.session(b.key.peerId)!.openChannel('/none/1', { database: 'db' }).closed
      }
    }
    expect(values).toEqual([0, 20, 40])
    reader.close()
    await writer.closed
  })

  it('end after the newest when the writer closes', async () => {
    const { a, b } = await startPair()
    const reading = nextReader(b)
    const writer = latestWriter(
      a.network.session(b.key.peerId)!.openChannel('/cursor/1', { database: 'db' }),
    )
    writer.set(pattern(3, 1))
    writer.set(pattern(3, 2))
    const closed = writer.close()
    const values: Uint8Array[] = []
    for await (const value of await reading) values.push(value)
    expect(values.at(-1)).toEqual(pattern(3, 2))
    await closed
    expect(await writer.closed).toEqual({})
  })

  it('are refused when they are too large, and end with their session', async () => {
    const { a, b } = await startPair()
    const reading = nextReader(b)
    const writer = latestWriter(
      a.network.session(b.key.peerId)!.openChannel('/cursor/1', { database: 'db' }),
    )
    expect(() => writer.set(new Uint8Array(262_145))).toThrow(RangeError)
    writer.set(pattern(1))
    await reading
    await a.network.disconnectPeer(b.key.peerId)
    await writer.closed
  })
})
