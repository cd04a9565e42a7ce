import { describe, expect, it } from 'vitest'
import { createLaneDecoder, lanes } from '../src/frames.ts'
import { MAX_LINK_MESSAGE_BYTES } from '../src/limits.ts'
import { createOutbox } from '../src/outbox.ts'

/** A stream that takes a batch when it is told to. */
function createStream() {
  const batches: number[][] = []
  let taken: (() => void) | undefined
  let failed: ((error: Error) => void) | undefined
  let isFinished = false
  return {
    batches,
    /** Everything that was taken, by its lane and first byte. */
    get frames() {
      const stream = Uint8Array.from(batches.flat())
      return createLaneDecoder()
        .push(stream)
        .map(({ lane, bytes }) => [lane, bytes[0]])
    },
    get isFinished() {
      return isFinished
    },
    writeAll(numbers: number[]) {
      batches.push(numbers)
      return new Promise<void>((resolve, reject) => {
        taken = resolve
        failed = reject
      })
    },
    async finish() {
      isFinished = true
    },
    async take() {
      await turn()
      taken?.()
      await turn()
    },
    break() {
      failed?.(new Error('broken'))
      return turn()
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const message = (fill: number, bytes = MAX_LINK_MESSAGE_BYTES): Uint8Array =>
  new Uint8Array(bytes).fill(fill)
const fail = (): never => {
  throw new Error('not expected')
}

describe('an outbox', () => {
  it('hands many small messages over at once, and the last ones with the next batch', async () => {
    const stream = createStream()
    const outbox = createOutbox(stream, fail)
    for (const n of [1, 2, 3]) await outbox.send(lanes.data, message(n, 10), undefined)
    await turn()
    for (const n of [4, 5]) await outbox.send(lanes.data, message(n, 10), undefined)
    await stream.take()
    expect(stream.batches).toHaveLength(2)
    expect(stream.frames).toEqual([1, 2, 3, 4, 5].map((n) => [lanes.data, n]))
  })

  it('takes one large message besides the one under way, and lets the next sender wait', async () => {
    const stream = createStream()
    const outbox = createOutbox(stream, fail)
    const settled: number[] = []
    for (const n of [1, 2, 3, 4]) {
      void outbox.send(lanes.data, message(n), undefined).then(() => settled.push(n))
      await turn()
    }
    expect(settled).toEqual([1, 2])
    await stream.take()
    expect(settled).toEqual([1, 2, 3])
  })

  it('has copied a message when its send settles', async () => {
    const stream = createStream()
    const outbox = createOutbox(stream, fail)
    const mine = message(1, 10)
    await outbox.send(lanes.data, mine, undefined)
    mine.fill(9)
    await stream.take()
    expect(stream.frames).toEqual([[lanes.data, 1]])
  })

  it('sends nothing of a message whose sender gave up waiting', async () => {
    const stream = createStream()
    const outbox = createOutbox(stream, fail)
    const controller = new AbortController()
    await outbox.send(lanes.data, message(1), undefined)
    await turn()
    await outbox.send(lanes.data, message(2), undefined)
    const given = outbox.send(lanes.data, message(3), controller.signal)
    const after = outbox.send(lanes.data, message(4), undefined)
    controller.abort(new Error('given up'))
    await expect(given).rejects.toThrow('given up')
    for (let n = 0; n < 3; n++) await stream.take()
    await after
    expect(stream.frames).toEqual([1, 2, 4].map((n) => [lanes.data, n]))
  })

  it('refuses at once what comes with a signal that has fired', async () => {
    const stream = createStream()
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(createOutbox(stream, fail).send(0, message(1), signal)).rejects.toThrow('too late')
    await turn()
    expect(stream.batches).toEqual([])
  })

  it('sends what it has taken over and the mark behind it, and ends the stream then', async () => {
    const stream = createStream()
    const outbox = createOutbox(stream, fail)
    await outbox.send(lanes.data, message(1), undefined)
    await turn()
    await outbox.send(lanes.data, message(2), undefined)
    const waiting = outbox.send(lanes.data, message(3), undefined)
    outbox.sendMark(lanes.goodbye)
    outbox.end(new Error('closed'))
    await expect(waiting).rejects.toThrow('closed')
    await expect(outbox.send(lanes.data, message(4), undefined)).rejects.toThrow('closed')
    const finished = outbox.finish()
    await stream.take()
    expect(stream.isFinished).toBe(false)
    await stream.take()
    await finished
    expect(stream.frames).toEqual([
      [lanes.data, 1],
      [lanes.data, 2],
      [lanes.goodbye, undefined],
    ])
    expect(stream.isFinished).toBe(true)
  })

  it('says once that the stream is broken, and leaves the reason to who ends it', async () => {
    const stream = createStream()
    let broken = 0
    const outbox = createOutbox(stream, () => (broken += 1))
    for (const n of [1, 2]) {
      await outbox.send(lanes.data, message(n), undefined)
      await turn()
    }
    const waiting = outbox.send(lanes.data, message(3), undefined)
    await stream.break()
    outbox.end(new Error('lost'))
    await expect(waiting).rejects.toThrow('lost')
    await outbox.finish()
    expect([broken, stream.isFinished]).toEqual([1, false])
  })
})
