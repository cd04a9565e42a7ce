import { describe, expect, it } from 'vitest'
import { bytesToHex } from '@vudo/wire'
import {
  INITIAL_CREDIT_FRAMES,
  MAX_ALL_CREDIT_BYTES,
  MAX_ALL_CREDIT_FRAMES,
  MAX_CREDIT_FRAMES,
  MAX_PIPES_PER_ENDPOINT,
} from '../src/limits.ts'
import { decodePipeFrame } from '../src/pipe-frames.ts'
import { createPipeTable, type PipeTable } from '../src/pipe-table.ts'
import type { RelayPipe } from '../src/relay-pipe.ts'
import { PAYLOAD_OFFSET } from '../src/wire.ts'

/** Two tables, and between them a relay that does what the test says. */
class Lab {
  readonly tables: PipeTable[] = []
  readonly incoming: RelayPipe[] = []
  /** Frames on their way, from which table. */
  readonly frames: { readonly from: number; readonly bytes: Uint8Array }[] = []
  readonly endpoints = ['a'.repeat(96), 'b'.repeat(96)]
  hasRoom = true

  constructor() {
    for (const from of [0, 1]) {
      let count = 0
      this.tables.push(
        createPipeTable({
          write: (bytes) => void this.frames.push({ from, bytes }),
          hasRoom: () => this.hasRoom,
          randomBytes: (length) => new Uint8Array(length).fill((count += 1)),
          onIncoming: (pipe) => this.incoming.push(pipe),
        }),
      )
    }
  }

  open(): [RelayPipe, RelayPipe] {
    const near = this.tables[0]?.open(this.endpoints[1] ?? '', 66_048)
    this.pass()
    const far = this.incoming.at(-1)
    if (!near || !far) throw new Error('no pipe came about')
    return [near, far]
  }

  /** Delivers everything, also what that brings about; `keep` says what gets through. */
  pass(keep: (bytes: Uint8Array, n: number) => boolean = () => true): void {
    let n = 0
    for (let next = this.frames.shift(); next; next = this.frames.shift()) {
      if (!keep(next.bytes, n++)) continue
      const payload = next.bytes.slice(PAYLOAD_OFFSET)
      const from = this.endpoints[next.from] ?? ''
      this.tables[1 - next.from]?.deliver(from, payload, 66_048)
    }
  }

  kinds(): string[] {
    return this.frames.map(({ bytes }) => decodePipeFrame(bytes.subarray(PAYLOAD_OFFSET)).kind)
  }
}

const message = (n: number): Uint8Array => Uint8Array.of(n)

describe('a pipe', () => {
  it('carries messages in both directions, in order', async () => {
    const lab = new Lab()
    const [near, far] = lab.open()
    await Promise.all([near.send(message(1)), near.send(message(2)), far.send(message(3))])
    lab.pass()
    expect(await far.receive()).toEqual(message(1))
    expect(await far.receive()).toEqual(message(2))
    expect(await near.receive()).toEqual(message(3))
  })

  it('ends at both ends when one closes, and what had come can still be read', async () => {
    const lab = new Lab()
    const [near, far] = lab.open()
    void near.send(message(1))
    await near.close()
    lab.pass()
    expect(await far.receive()).toEqual(message(1))
    expect(await far.receive()).toBeUndefined()
    await expect(far.send(message(2))).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' })
    await Promise.all([near.ended, far.ended])
  })

  it('ends when a frame is missing (RL5)', async () => {
    const lab = new Lab()
    const [near, far] = lab.open()
    for (let n = 0; n < 3; n++) void near.send(message(n))
    lab.pass((_, n) => n !== 1)
    expect(await far.receive()).toEqual(message(0))
    expect(await far.receive()).toBeUndefined()
    await near.ended
  })

  it('ends when a frame comes twice, or before its turn (RL5)', async () => {
    const lab = new Lab()
    const [near, far] = lab.open()
    void near.send(message(0))
    lab.frames.push(...lab.frames)
    lab.pass()
    await far.ended
    expect(await far.receive()).toEqual(message(0))
    expect(await far.receive()).toBeUndefined()
    const [, second] = lab.open()
    second.take({ kind: 'data', pipe: bytesToHex(second.id), sequence: 1, message: message(1) })
    await second.ended
    expect(await second.receive()).toBeUndefined()
  })

  it('is told by a close that there is none at the far end', async () => {
    const lab = new Lab()
    const near = lab.tables[0]?.open(lab.endpoints[1] ?? '', 66_048)
    void near?.send(message(1))
    lab.frames.shift()
    lab.pass()
    await near?.ended
    // And nobody answers that close.
    expect(lab.frames).toEqual([])
  })

  it('ends with the reason of the relay', async () => {
    const lab = new Lab()
    const [near] = lab.open()
    lab.tables[0]?.reset(lab.endpoints[1] ?? '', 3)
    await near.ended
    expect(near.resetReason).toBe(3)
  })
})

describe('a table', () => {
  it('refuses more pipes of one end point than two nodes need, and not those of others', () => {
    const lab = new Lab()
    const opened = Array.from({ length: MAX_PIPES_PER_ENDPOINT + 1 }, () =>
      lab.tables[0]?.open(lab.endpoints[1] ?? '', 66_048),
    )
    const lastId = bytesToHex(opened.at(-1)?.id ?? new Uint8Array())
    lab.pass()
    expect(lab.incoming).toHaveLength(MAX_PIPES_PER_ENDPOINT)
    expect(lab.incoming.some(({ id }) => bytesToHex(id) === lastId)).toBe(false)
    lab.tables[0]?.open(lab.endpoints[1] ?? '', 66_048)
    lab.endpoints[0] = 'c'.repeat(96)
    lab.pass()
    expect(lab.incoming).toHaveLength(MAX_PIPES_PER_ENDPOINT + 1)
  })
})

describe('credit', () => {
  it('holds a sender back until the far end reads', async () => {
    const lab = new Lab()
    const [near, far] = lab.open()
    let sent = 0
    for (let n = 0; n < 200; n++) void near.send(message(n)).then(() => (sent += 1))
    lab.pass()
    await Promise.resolve()
    expect(sent).toBe(MAX_CREDIT_FRAMES)
    for (let n = 0; n < 200; n++) {
      lab.pass()
      expect(await far.receive()).toEqual(message(n))
    }
    lab.pass()
    await Promise.resolve()
    expect(sent).toBe(200)
  })

  it('that was not given ends the pipe', async () => {
    const lab = new Lab()
    const [, far] = lab.open()
    const pipe = bytesToHex(far.id)
    for (let sequence = 0; sequence <= MAX_CREDIT_FRAMES; sequence++) {
      far.take({ kind: 'data', pipe, sequence, message: message(1) })
    }
    await far.ended
    expect(lab.kinds().at(-1)).toBe('close')
  })

  it('is little before the far end has given any: a handshake', () => {
    const lab = new Lab()
    const near = lab.tables[0]?.open(lab.endpoints[1] ?? '', 66_048)
    for (let n = 0; n < 20; n++) void near?.send(message(n)).catch(() => undefined)
    expect(lab.kinds().filter((kind) => kind === 'data')).toHaveLength(INITIAL_CREDIT_FRAMES)
    lab.tables[0]?.resetAll()
  })

  it.each([1, 4, 9, 16, 24])('of %i pipes is below what a relay holds for one reader', (count) => {
    for (const size of [100, 60_000]) {
      const lab = new Lab()
      const pipes = Array.from({ length: count }, (_, n) => {
        lab.endpoints[0] = `${n}`.padStart(96, '0')
        return lab.open()[0]
      })
      // Whoever has credit uses it all at one time, and nothing arrives.
      for (const pipe of pipes) {
        for (let n = 0; n < 100; n++) void pipe.send(new Uint8Array(size)).catch(() => undefined)
      }
      const sent = lab.frames.map(({ bytes }) => decodePipeFrame(bytes.slice(PAYLOAD_OFFSET)))
      const data = sent.flatMap((frame) => (frame.kind === 'data' ? [frame.message.length] : []))
      expect(data.length).toBeGreaterThanOrEqual(count)
      expect(data.length).toBeLessThanOrEqual(MAX_ALL_CREDIT_FRAMES)
      expect(data.length * size).toBeLessThanOrEqual(MAX_ALL_CREDIT_BYTES)
      lab.tables[0]?.resetAll()
    }
  })

  it('lets large messages through however many share, in any mix of sizes', async () => {
    const lab = new Lab()
    const pipes: [RelayPipe, RelayPipe][] = []
    for (let n = 0; n < 100; n++) {
      lab.endpoints[0] = `${n}`.padStart(96, '0')
      pipes.push(lab.open())
    }
    const [near, far] = pipes.at(-1) ?? []
    if (!near || !far) throw new Error('there are some')
    const sizes = Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? 25_000 : far.maxMessageBytes))
    for (const size of sizes) void near.send(new Uint8Array(size)).catch(() => undefined)
    for (const size of sizes) {
      lab.pass()
      const { signal } = new AbortController()
      expect((await Promise.race([far.receive({ signal }), Promise.resolve()]))?.length).toBe(size)
    }
    for (const table of lab.tables) table.resetAll()
  })

  it('and a full socket make sends wait until there is room', async () => {
    const lab = new Lab()
    const [near] = lab.open()
    lab.hasRoom = false
    let isSent = false
    void near.send(message(1)).then(() => (isSent = true))
    await Promise.resolve()
    expect(isSent).toBe(false)
    lab.hasRoom = true
    lab.tables[0]?.flush()
    await Promise.resolve()
    expect(isSent).toBe(true)
  })
})
