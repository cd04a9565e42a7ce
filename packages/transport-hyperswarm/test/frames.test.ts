import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import {
  createFrameDecoder,
  decodeCredit,
  encodeCredit,
  frameCost,
  writeFrame,
  type Frame,
  type Lane,
} from '../src/frames.ts'

interface Vectors {
  readonly valid: readonly {
    readonly name: string
    readonly stream: string
    readonly frames: readonly { readonly lane: Lane; readonly message: string }[]
  }[]
  readonly invalid: readonly { readonly name: string; readonly stream: string }[]
}

const file = new URL('vectors/frames.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

it.each(vectors.valid)('reads and writes $name', ({ stream, frames }) => {
  const received: Frame[] = []
  createFrameDecoder((frame) => received.push(frame)).push(Buffer.from(stream, 'hex'))
  const shown = received.map(({ lane, bytes }) => ({
    lane,
    message: Buffer.from(bytes).toString('hex'),
  }))
  expect(shown).toEqual(frames)
  const written = Buffer.alloc(stream.length / 2)
  let at = 0
  for (const { lane, message } of frames) {
    at = writeFrame(written, at, { lane, bytes: Buffer.from(message, 'hex') })
  }
  expect(at).toBe(written.length)
  expect(written.toString('hex')).toBe(stream)
})

it.each(vectors.invalid)('refuses $name', ({ stream }) => {
  const decoder = createFrameDecoder(() => undefined)
  expect(() => decoder.push(Buffer.from(stream, 'hex'))).toThrow(
    expect.objectContaining({ code: 'ERR_PEER_PROTOCOL' }),
  )
})

it('hands messages over in memory of their own, whole or in pieces', () => {
  const received: Frame[] = []
  const decoder = createFrameDecoder((frame) => received.push(frame))
  const stream = Buffer.from('000000040101020300000004010102030000', 'hex')
  decoder.push(stream)
  decoder.push(Buffer.from('000401010203', 'hex'))
  stream.fill(9)
  for (const { bytes } of received) {
    expect([...bytes]).toEqual([1, 2, 3])
    expect(bytes.buffer).not.toBe(stream.buffer)
  }
  expect(received).toHaveLength(3)
})

it('hands a frame on as it is when it has the memory of its record for itself', () => {
  const received: Frame[] = []
  const decoder = createFrameDecoder((frame) => received.push(frame))
  const push = (hex: string): Uint8Array<ArrayBuffer> => {
    const frames = Buffer.from(hex, 'hex')
    const record = new Uint8Array(1 + frames.length + 16)
    record.set(frames, 1)
    decoder.push(record.subarray(1, 1 + frames.length))
    return record
  }
  const alone = push('0000000400010203')
  const [shared] = [push('00000002000400000002000500000002')]
  expect(received.map(({ bytes }) => [...bytes])).toEqual([[1, 2, 3], [4], [5]])
  expect(received[0]?.bytes.buffer).toBe(alone.buffer)
  expect(received.slice(1).some(({ bytes }) => bytes.buffer === shared.buffer)).toBe(false)
})

it('reads the credit that it wrote', () => {
  for (const bytes of [1, 524_288, 0xff_ff_ff_ff]) {
    expect(decodeCredit(encodeCredit(bytes))).toBe(bytes)
  }
})

it('charges small messages more than their bytes', () => {
  expect([1, 251, 252, 65_536].map(frameCost)).toEqual([256, 256, 257, 65_541])
})
