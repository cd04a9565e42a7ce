import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  bytesToHex,
  concatBytes,
  createFrameDecoder,
  encodeFrameHeader,
  hexToBytes,
  MAX_CLAIMED_BYTES,
  type FrameDecoder,
} from '@vudo/wire'
import { readVectors } from './read-vectors.ts'

interface Vectors {
  readonly accepted: readonly { hex: string; frames: string[] }[]
  readonly refused: readonly { hex: string; code: string }[]
}

const vectors = readVectors('frames') as Vectors
const maxFrameBytes = 1_048_576

function encodeFrame(frame: Uint8Array): Uint8Array {
  return concatBytes(encodeFrameHeader(frame.length), frame)
}

/** All frames that come out when `bytes` go in `step` at a time. */
function decodeInSteps(decoder: FrameDecoder, bytes: Uint8Array, step: number): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += step) {
    frames.push(...decoder.push(bytes.subarray(at, at + step)))
  }
  return frames
}

describe('frames', () => {
  it.each(vectors.accepted)('decodes $hex', ({ hex, frames }) => {
    expect(
      [...createFrameDecoder({ maxFrameBytes }).push(hexToBytes(hex))].map(bytesToHex),
    ).toEqual(frames)
  })

  it.each(vectors.refused)('FR1 to FR4: refuses $hex at its fourth byte', ({ hex, code }) => {
    const decoder = createFrameDecoder({ maxFrameBytes })
    const bytes = hexToBytes(hex)
    expect([...decoder.push(bytes.subarray(0, 3))]).toEqual([])
    expect(() => [...decoder.push(bytes.subarray(3))]).toThrow(
      expect.objectContaining({ name: 'WireError', code }),
    )
  })

  it('FR3: accepts the limit itself', () => {
    const frame = new Uint8Array(maxFrameBytes).fill(7)
    expect([...createFrameDecoder({ maxFrameBytes }).push(encodeFrame(frame))]).toEqual([frame])
  })

  it('FR5: copies a frame in one-byte chunks a constant number of times', () => {
    const size = 300_000
    const bytes = encodeFrame(new Uint8Array(size).fill(1))
    const set = vi.spyOn(Uint8Array.prototype, 'set')
    const frames = decodeInSteps(createFrameDecoder({ maxFrameBytes }), bytes, 1)
    const copied = set.mock.calls.reduce((sum, [source]) => sum + source.length, 0)
    set.mockRestore()
    expect(frames).toHaveLength(1)
    expect(copied).toBeLessThan(4 * size)
  })

  it('gives a view of a chunk that holds the whole frame, and a buffer of its own otherwise', () => {
    const decoder = createFrameDecoder({ maxFrameBytes })
    const bytes = encodeFrame(Uint8Array.of(1, 2, 3))
    const [whole] = decoder.push(bytes)
    expect(whole?.buffer).toBe(bytes.buffer)
    const [spanning] = decodeInSteps(decoder, bytes, 5)
    expect(spanning).toEqual(Uint8Array.of(1, 2, 3))
    expect(spanning?.buffer).not.toBe(bytes.buffer)
  })

  it('allocates at most 64 KiB on a claim alone', () => {
    const decoder = createFrameDecoder({ maxFrameBytes: 0xffffffff })
    const sizes: number[] = []
    const original = globalThis.Uint8Array
    globalThis.Uint8Array = new Proxy(original, {
      construct(target, parameters: [number], newTarget) {
        sizes.push(parameters[0])
        return Reflect.construct(target, parameters, newTarget) as object
      },
    })
    try {
      expect([...decoder.push(original.of(0xff, 0xff, 0xff, 0xff, 1))]).toEqual([])
    } finally {
      globalThis.Uint8Array = original
    }
    expect(sizes).toEqual([MAX_CLAIMED_BYTES])
    expect(decoder.pendingBytes).toBe(5)
  })

  it('yields one frame at a time', () => {
    const decoder = createFrameDecoder({ maxFrameBytes })
    const good = encodeFrame(Uint8Array.of(1))
    const frames = decoder.push(concatBytes(good, new Uint8Array(4)))[Symbol.iterator]()
    expect(frames.next().value).toEqual(Uint8Array.of(1))
    expect(() => frames.next()).toThrow('frame has 0 bytes')
  })

  it('refuses to go on after an iteration that was left early or has failed', () => {
    const left = createFrameDecoder({ maxFrameBytes })
    const [first] = left.push(concatBytes(encodeFrame(Uint8Array.of(1)), Uint8Array.of(0)))
    expect(first).toEqual(Uint8Array.of(1))
    expect(() => [...left.push(Uint8Array.of(0))]).toThrow(TypeError)
    const failed = createFrameDecoder({ maxFrameBytes })
    expect(() => [...failed.push(new Uint8Array(4))]).toThrow('frame has 0 bytes')
    expect(() => [...failed.push(Uint8Array.of(0))]).toThrow(TypeError)
  })

  it.each([0, -1, 1.5, 2 ** 32])('refuses a header and a limit of %d', (length) => {
    expect(() => encodeFrameHeader(length)).toThrow(RangeError)
    expect(() => createFrameDecoder({ maxFrameBytes: length })).toThrow(RangeError)
  })

  it('gives any frames back whole, however the bytes are cut', () => {
    const frame = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.integer({ min: 60_000, max: 150_000 }).map((size) => new Uint8Array(size).fill(size)),
    )
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 6 }),
        fc.array(fc.oneof(fc.nat(40), fc.nat(40_000)), { maxLength: 40 }),
        (frames, cuts) => {
          const decoder = createFrameDecoder({ maxFrameBytes })
          const bytes = concatBytes(...frames.map(encodeFrame))
          const decoded: string[] = []
          let at = 0
          for (const cut of [...cuts, bytes.length]) {
            for (const out of decoder.push(bytes.subarray(at, at + cut)))
              decoded.push(bytesToHex(out))
            at = Math.min(bytes.length, at + cut)
          }
          expect(decoded).toEqual(frames.map(bytesToHex))
          expect(decoder.pendingBytes).toBe(0)
        },
      ),
      { numRuns: 30 },
    )
  })
})
