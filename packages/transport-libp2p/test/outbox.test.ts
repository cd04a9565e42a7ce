import { expect, it } from 'vitest'
import type { Stream } from '@libp2p/interface'
import { costOf } from '../src/credit.ts'
import { lanes } from '../src/frames.ts'
import { FRAME_HEADER_BYTES, LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from '../src/limits.ts'
import { createOutbox, type Outbox } from '../src/outbox.ts'

const message = (fill: number): Uint8Array => new Uint8Array(SMALL_BUFFER_BYTES).fill(fill)

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A stream that keeps what it is sent, as Yamux does while its window is used up. */
class HeldStream extends EventTarget {
  writableNeedsDrain = false
  readonly held: Uint8Array[] = []

  send(bytes: Uint8Array): boolean {
    this.held.push(bytes)
    return !this.writableNeedsDrain
  }

  async drain(): Promise<void> {
    this.writableNeedsDrain = false
    this.dispatchEvent(new Event('drain'))
    await turn()
  }
}

function create(): { outbox: Outbox; stream: HeldStream } {
  const stream = new HeldStream()
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an outbox uses nothing else of it
  return { outbox: createOutbox(stream as unknown as Stream), stream }
}

it('does not overwrite a mark that the stream still holds when all messages before it were read', async () => {
  const { outbox, stream } = create()
  const send = (fill: number): Promise<void> => outbox.send(lanes.data, message(fill), undefined)
  await send(1)
  await send(2)
  await send(2)
  outbox.mark(lanes.credit, Uint8Array.of(0, 8, 0, 0))
  await turn()
  const held = stream.held.at(-1)!
  const before = Buffer.from(held)
  expect(before.subarray(-9).toString('hex')).toBe('000000050400080000')
  // The stream has something to do all the time, and so keeps its buffers.
  await send(3)
  outbox.credit(3 * costOf(message(0)))
  for (let at = 0; at < 40; at++) {
    await send(4)
    if (at % 4 === 0) await turn()
  }
  expect(Buffer.compare(before, held)).toBe(0)
})

it('gives back the credit of messages that were given up before they began', async () => {
  const { outbox, stream } = create()
  stream.writableNeedsDrain = true
  const quarter = new Uint8Array(LARGE_BUFFER_BYTES / 4 - FRAME_HEADER_BYTES)
  // The stream takes one buffer, and another one fills up to its last byte.
  for (let at = 0; at < 5; at++) await outbox.send(lanes.data, quarter, undefined)
  const large = new Uint8Array(1_000_000)
  for (let at = 0; at < 3; at++) {
    const controller = new AbortController()
    const sending = outbox.send(lanes.data, large, controller.signal)
    controller.abort(new Error('enough'))
    await expect(sending).rejects.toThrow('enough')
  }
  await stream.drain()
  outbox.credit(5 * costOf(quarter))
  // All of the window is free again, and two of them fit into it.
  const sent = Promise.all([
    outbox.send(lanes.data, large, undefined),
    outbox.send(lanes.data, large, undefined),
  ])
  for (let at = 0; at < 20; at++) await turn()
  expect(stream.held.reduce((sum, { length }) => sum + length, 0)).toBe(
    5 * (LARGE_BUFFER_BYTES / 4) + 2 * (FRAME_HEADER_BYTES + large.length),
  )
  await sent
})
