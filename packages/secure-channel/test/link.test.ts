import { describe, expect, it } from 'vitest'
import type { Link } from '@vudo/transport'
import type { Tap } from './memory-pipes.ts'
import { next, outcomeOf, pair, text, type Pair } from './pair.ts'
import { watchTimers } from './watch-timers.ts'

/** Everything until the end, and what the end was. */
async function drain(link: Link): Promise<{ got: string[]; end: string }> {
  const got: string[] = []
  try {
    for (;;) {
      const message = await next(link)
      if (message === undefined) return { got, end: 'clean' }
      got.push(message)
    }
  } catch (error) {
    return { got, end: outcomeOf(error) }
  }
}

async function close({ a, b }: Pair): Promise<void> {
  await Promise.all([a.close(), b.close()])
}

/** Turns the tap on after the three messages of the handshake; `index` counts records of A. */
function afterHandshake(change: (record: Uint8Array, index: number) => ReturnType<Tap>): Tap {
  let handshake = 0
  let index = 0
  return (message, fromA) => {
    if (handshake++ < 3 || !fromA) return message
    return change(message, index++)
  }
}

describe('messages', () => {
  it.each([1, 65_517, 65_518, 65_519, 1_048_576])('of %i bytes pass both ways', async (length) => {
    const ends = await pair()
    const bytes = new Uint8Array(length).fill(length & 255)
    for (const [from, to] of [
      [ends.a, ends.b],
      [ends.b, ends.a],
    ] as const) {
      const received = to.receive()
      await from.send(bytes)
      const message = await received
      expect(message?.isControl).toBe(false)
      expect(Buffer.compare(message?.bytes ?? text(''), bytes)).toBe(0)
      expect(Buffer.isBuffer(message?.bytes)).toBe(false)
    }
    await close(ends)
  })

  it('of 0 bytes and above the limit are refused, and nothing is sent', async () => {
    let records = 0
    const ends = await pair({ tap: afterHandshake((record) => (records++, record)) })
    const tooLarge = { code: 'ERR_MESSAGE_SIZE' }
    await expect(ends.a.send(new Uint8Array())).rejects.toMatchObject(tooLarge)
    await expect(ends.a.send(new Uint8Array(1_048_577))).rejects.toMatchObject(tooLarge)
    await expect(ends.a.sendControl(new Uint8Array(8_193))).rejects.toMatchObject(tooLarge)
    expect(records).toBe(0)
    await close(ends)
  })

  it('pass over a narrow pipe up to 256 records', async () => {
    const ends = await pair({ maxMessageBytes: 220, capacity: 1 })
    const bytes = new Uint8Array(51_968).fill(5)
    await expect(ends.a.send(new Uint8Array(51_969))).rejects.toMatchObject({
      code: 'ERR_MESSAGE_SIZE',
    })
    const sent = ends.a.send(bytes)
    const received = (await ends.b.receive())?.bytes ?? text('')
    expect(Buffer.compare(received, bytes)).toBe(0)
    await sent
    await close(ends)
  })

  it('of both lanes stay in order', async () => {
    const ends = await pair()
    const sends = [
      ends.a.send(text('1')),
      ends.a.sendControl(text('2')),
      ends.a.send(new Uint8Array(200_000)),
      ends.a.sendControl(text('3')),
      ends.a.send(text('4')),
    ]
    const lengths: [boolean, number][] = []
    for (const _ of sends) {
      const message = await ends.b.receive()
      lengths.push([message?.isControl ?? false, message?.bytes.length ?? 0])
    }
    expect(lengths).toEqual([
      [false, 1],
      [true, 1],
      [false, 200_000],
      [true, 1],
      [false, 1],
    ])
    await Promise.all(sends)
    await close(ends)
  })

  it('that are sent together travel in one record', async () => {
    let records = 0
    const ends = await pair({ tap: afterHandshake((record) => (records++, record)) })
    const many = Array.from({ length: 100 }, (_, index) => ends.a.send(text(`${index}`)))
    await Promise.all(many)
    expect(records).toBe(1)
    for (let index = 0; index < 100; index++) expect(await next(ends.b)).toBe(`${index}`)
    await close(ends)
  })

  it('stay with a slow reader: send waits and memory is bounded', async () => {
    const ends = await pair({ capacity: 4 })
    const bytes = new Uint8Array(60_000)
    let settled = 0
    const sends = Array.from({ length: 50 }, () => ends.a.send(bytes).then(() => (settled += 1)))
    const count = 50
    // One by one: with each that is taken, one more is sent.
    for (let taken = 1; taken <= count; taken++) {
      await ends.b.receive()
      expect(ends.pipeB.waiting).toBeLessThanOrEqual(4)
      expect(settled).toBeLessThanOrEqual(taken + 7)
    }
    await Promise.all(sends)
    await close(ends)
  })

  it('are refused when too many wait', async () => {
    const ends = await pair({ capacity: 1 })
    const bytes = new Uint8Array(1_048_576)
    const sends = Array.from({ length: 66 }, () => ends.a.send(bytes))
    const outcomes = Promise.allSettled(sends)
    await expect(sends.at(-1)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    await ends.pipeA.close()
    const settled = await outcomes
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true)
  })
})

describe('aborting', () => {
  const reason = new Error('changed my mind')

  it('takes a message back that has not begun', async () => {
    const ends = await pair({ capacity: 1 })
    const controller = new AbortController()
    const first = ends.a.send(new Uint8Array(300_000))
    const second = ends.a.send(text('no'), { signal: controller.signal })
    const third = ends.a.send(text('yes'))
    controller.abort(reason)
    await expect(second).rejects.toBe(reason)
    expect((await ends.b.receive())?.bytes).toHaveLength(300_000)
    expect(await next(ends.b)).toBe('yes')
    await Promise.all([first, third])
    await close(ends)
  })

  it('gives the buffer of a message back that has begun, and the message arrives whole', async () => {
    const ends = await pair({ capacity: 1 })
    const controller = new AbortController()
    const bytes = new Uint8Array(300_000).fill(1)
    await ends.a.send(new Uint8Array(65_536))
    const sent = ends.a.send(bytes, { signal: controller.signal })
    // Nobody takes the first message, so the link stops reading, the pipe stays full and the rest is still to be sealed.
    await expect.poll(() => ends.pipeB.waiting).toBe(1)
    controller.abort(reason)
    await expect(sent).rejects.toBe(reason)
    bytes.fill(2)
    expect((await ends.b.receive())?.bytes).toHaveLength(65_536)
    const received = (await ends.b.receive())?.bytes
    expect(received).toHaveLength(300_000)
    expect(received?.every((byte) => byte === 1)).toBe(true)
    await close(ends)
  })

  it('ends a receive without losing the message', async () => {
    const ends = await pair()
    const controller = new AbortController()
    const received = ends.b.receive({ signal: controller.signal })
    controller.abort(reason)
    await expect(received).rejects.toBe(reason)
    await expect(ends.b.receive({ signal: controller.signal })).rejects.toBe(reason)
    await expect(ends.a.send(text('no'), { signal: controller.signal })).rejects.toBe(reason)
    await ends.a.send(text('kept'))
    expect(await next(ends.b)).toBe('kept')
    await close(ends)
  })
})

describe('closing', () => {
  it('tells the far end, after everything that was sent', async () => {
    using timers = watchTimers()
    const { a, b, pipeA, pipeB } = await pair()
    const sends = [a.send(text('1')), a.send(text('2'))]
    const why = new Error('done')
    await a.close(why)
    await Promise.all(sends)
    expect(await a.closed).toEqual({ clean: true, error: why })
    expect(await drain(b)).toEqual({ got: ['1', '2'], end: 'clean' })
    expect(await b.closed).toEqual({ clean: true })
    expect(await drain(b)).toEqual({ got: [], end: 'clean' })
    expect([pipeA.isClosed, pipeB.isClosed]).toEqual([true, true])
    const closed = { code: 'ERR_CONNECTION_CLOSED' }
    await expect(a.send(text('3'))).rejects.toMatchObject(closed)
    await expect(b.send(text('3'))).rejects.toMatchObject(closed)
    await expect(a.receive()).rejects.toMatchObject(closed)
    await Promise.all([a.close(), b.close()])
    expect(timers.pending).toBe(0)
  })

  it('rejects a receive that waits', async () => {
    const { a, b } = await pair()
    const outcome = a.receive().catch(outcomeOf)
    await a.close()
    expect(await outcome).toBe('ERR_CONNECTION_CLOSED')
    await b.close()
  })

  it('is clean when both ends do it at once', async () => {
    const { a, b } = await pair()
    await Promise.all([a.close(), b.close()])
    expect((await a.closed).clean).toBe(true)
    expect((await b.closed).clean).toBe(true)
  })

  it('throws away what arrives after it', async () => {
    const { a, b } = await pair()
    const closing = a.close()
    await b.send(text('too late')).catch(outcomeOf)
    await closing
    await expect(a.receive()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
  })

  it('does not wait for ever for a far end that says nothing, and what waits rejects', async () => {
    using timers = watchTimers()
    const limits = { closeTimeoutMs: 20 }
    const { a, pipeA } = await pair({ capacity: 1 }, { limits })
    // Three: one with the reader, one in the pipe, one that waits for room.
    const sends = [1, 2, 3].map(() => a.send(new Uint8Array(300_000)))
    const outcomes = Promise.allSettled(sends)
    await a.close()
    expect((await a.closed).clean).toBe(false)
    expect((await outcomes).at(-1)).toMatchObject({
      status: 'rejected',
      reason: { code: 'ERR_CONNECTION_CLOSED' },
    })
    expect(pipeA.isClosed).toBe(true)
    expect(timers.pending).toBe(0)
  })
})

describe('a pipe that breaks', () => {
  it('is an error without the goodbye, on both sides, again and again', async () => {
    const { a, b, pipeA } = await pair()
    await a.send(text('1'))
    await pipeA.close()
    const lost = 'ERR_CONNECTION_LOST < ERR_CHANNEL_TRUNCATED'
    expect(await drain(b)).toEqual({ got: ['1'], end: lost })
    expect(await drain(b)).toEqual({ got: [], end: lost })
    expect(await drain(a)).toEqual({ got: [], end: lost })
    expect(outcomeOf((await b.closed).error)).toBe(lost)
    expect((await b.closed).clean).toBe(false)
    await expect(b.send(text('2'))).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
    await b.close()
  })

  it('rejects what waits to be sent', async () => {
    const { a, pipeA } = await pair({ capacity: 1 })
    const sends = Promise.allSettled([1, 2, 3].map(() => a.send(new Uint8Array(300_000))))
    await pipeA.close()
    expect((await sends).at(-1)).toMatchObject({
      status: 'rejected',
      reason: { code: 'ERR_CONNECTION_LOST' },
    })
  })
})

const flip = (record: Uint8Array): Uint8Array =>
  record.map((byte, at) => (at === 5 ? byte ^ 128 : byte))

describe('an attacker on the pipe', () => {
  let kept: Uint8Array = text('')
  const attacks: Record<string, (record: Uint8Array, index: number) => ReturnType<Tap>> = {
    'flips a bit': (record, index) => (index === 1 ? flip(record) : record),
    'cuts the tag': (record, index) => (index === 1 ? record.subarray(0, -1) : record),
    replays: (record, index) => (index === 1 ? [record, record] : record),
    reorders(record, index) {
      if (index === 1) kept = record
      if (index === 1) return []
      return index === 2 ? [record, kept] : record
    },
    drops: (record, index) => (index === 1 ? [] : record),
    'sends garbage': (record, index) => (index === 1 ? new Uint8Array(40) : record),
    'sends nothing': (record, index) => (index === 1 ? text('') : record),
  }

  it.each(Object.entries(attacks))(
    'who %s ends the channel, and a prefix was delivered',
    async (_name, attack) => {
      const ends = await pair({ tap: afterHandshake(attack) })
      for (const message of ['0', '1', '2']) {
        // The attack may end the channel while more is being sent.
        await ends.a.send(text(message)).catch(outcomeOf)
      }
      const { got, end } = await drain(ends.b)
      expect(end).toBe('ERR_PEER_PROTOCOL < ERR_CHANNEL_AUTH')
      expect(got).toEqual(['0', '1', '2'].slice(0, got.length))
      expect(got.length).toBeLessThan(3)
      expect(await drain(ends.b)).toEqual({ got: [], end })
      expect((await ends.b.closed).clean).toBe(false)
      expect(ends.pipeB.isClosed).toBe(true)
      await close(ends)
    },
  )

  it('who splices a record of another session in ends the channel', async () => {
    let foreign = text('')
    const other = await pair({ tap: afterHandshake((record) => (foreign = record)) })
    await other.a.send(text('0'))
    await close(other)
    const ends = await pair({ tap: afterHandshake(() => foreign) })
    await ends.a.send(text('0'))
    expect(await drain(ends.b)).toEqual({ got: [], end: 'ERR_PEER_PROTOCOL < ERR_CHANNEL_AUTH' })
    await close(ends)
  })

  it('who reflects a record ends the channel', async () => {
    let reflected = text('')
    const ends = await pair({ tap: afterHandshake((record) => (reflected = record)) })
    await ends.a.send(text('echo?'))
    await ends.pipeB.send(reflected)
    expect(await drain(ends.a)).toEqual({ got: [], end: 'ERR_PEER_PROTOCOL < ERR_CHANNEL_AUTH' })
    await close(ends)
  })

  it('who cuts the goodbye off makes a truncated end, not a clean one', async () => {
    const ends = await pair(
      { tap: afterHandshake((record, index) => (index === 1 ? [] : record)) },
      { limits: { closeTimeoutMs: 20 } },
    )
    await ends.a.send(text('0'))
    await ends.a.close()
    expect(await drain(ends.b)).toEqual({
      got: ['0'],
      end: 'ERR_CONNECTION_LOST < ERR_CHANNEL_TRUNCATED',
    })
  })
})
