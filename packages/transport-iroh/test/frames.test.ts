import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import { createLaneDecoder, encodeFrame, lanes, type Frame, type Lane } from '../src/frames.ts'

interface Vectors {
  readonly frames: readonly { name: string; lane: Lane; message: string; bytes: string }[]
  readonly broken: readonly { name: string; bytes: string }[]
}

const vectors = JSON.parse(
  readFileSync(new URL('vectors/frames.json', import.meta.url), 'utf8'),
) as Vectors

const message = fc.uint8Array({ minLength: 1, maxLength: 300 })
const frame = fc.oneof(
  fc.record({ lane: fc.constantFrom(lanes.data, lanes.control), bytes: message }),
  fc.record({
    lane: fc.constantFrom(lanes.goodbye, lanes.ready),
    bytes: fc.constant(new Uint8Array()),
  }),
)

/** Decodes a stream that is cut where `cuts` say. */
function decode(stream: Uint8Array, cuts: readonly number[] = []): Frame[] {
  const decoder = createLaneDecoder()
  const ends = [...cuts.map((cut) => cut % (stream.length + 1)), stream.length]
  let from = 0
  return ends
    .toSorted((a, b) => a - b)
    .flatMap((end) => decoder.push(stream.subarray(from, (from = end))))
}

describe('frames', () => {
  it.each(vectors.frames)('has $name as the document says', ({ lane, message: text, bytes }) => {
    expect(bytesToHex(encodeFrame(lane, hexToBytes(text)))).toBe(bytes)
    expect(decode(hexToBytes(bytes))).toEqual([{ lane, bytes: hexToBytes(text) }])
  })

  it.each(vectors.broken)('refuses $name', ({ bytes }) => {
    const error = expect.objectContaining({ code: 'ERR_PEER_PROTOCOL' })
    expect(() => decode(hexToBytes(bytes))).toThrow(error)
  })

  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.nat()), (frames, cuts) => {
        const stream = concatBytes(...frames.map(({ lane, bytes }) => encodeFrame(lane, bytes)))
        expect(decode(stream, cuts)).toEqual(frames)
      }),
    )
  })

  it('fail with the error of the protocol only, whatever comes', () => {
    const short = fc
      .uint8Array({ maxLength: 40 })
      .map((bytes) => concatBytes(Uint8Array.of(0, 0, 0), bytes))
    fc.assert(
      fc.property(fc.oneof(short, fc.uint8Array()), fc.array(fc.nat()), (stream, cuts) => {
        const code = thrownCode(() => {
          for (const { lane } of decode(stream, cuts)) expect(Object.values(lanes)).toContain(lane)
        })
        expect(code).toBeOneOf([undefined, 'ERR_PEER_PROTOCOL'])
      }),
    )
  })

  it('share no memory with the chunk in which they came', () => {
    const chunk = encodeFrame(lanes.data, Uint8Array.of(1, 2))
    const [first] = decode(chunk)
    chunk.fill(9)
    expect(first?.bytes).toEqual(Uint8Array.of(1, 2))
    expect(first?.bytes.buffer.byteLength).toBe(2)
  })
})

function thrownCode(run: () => void): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
