import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isTransportError } from '@vudo/transport'
import { createFrameDecoder, lanes, writeFrame, type Frame } from '../src/frames.ts'
import { MAX_FRAME_BYTES } from '../src/limits.ts'

const message = fc.record({
  lane: fc.constantFrom(lanes.data, lanes.control, lanes.greeting),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
})
const credit = fc.record({
  lane: fc.constant(lanes.credit),
  bytes: fc.uint8Array({ minLength: 4, maxLength: 4 }),
})
const goodbye = fc.constant({ lane: lanes.goodbye, bytes: new Uint8Array() })

it('gives the same frames however the stream is cut', () => {
  const frames = fc.array(fc.oneof(message, credit, goodbye), { maxLength: 20 })
  fc.assert(
    fc.property(frames, fc.array(fc.nat(40), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(encoded))
      const received: Frame[] = []
      const decoder = createFrameDecoder((frame) => received.push(frame))
      let at = 0
      for (let turn = 0; at < stream.length; turn++) {
        const size = 1 + (cuts[turn % cuts.length] ?? 0)
        decoder.push(stream.subarray(at, at + size))
        at += size
      }
      expect(received).toEqual(sent)
    }),
  )
})

it('answers any bytes with frames within the limits or one typed error', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
      const decoder = createFrameDecoder(({ lane, bytes }) => {
        expect(bytes.length).toBeLessThan(MAX_FRAME_BYTES)
        expect(bytes.length === 0).toBe(lane === lanes.goodbye)
      })
      const error = thrown(() => chunks.forEach((chunk) => decoder.push(chunk)))
      expect(isTransportError(error) ? error.code : error).toBeOneOf([
        undefined,
        'ERR_PEER_PROTOCOL',
      ])
    }),
  )
})

it('refuses an oversized frame at its fourth byte', () => {
  fc.assert(
    fc.property(fc.integer({ min: MAX_FRAME_BYTES + 1, max: 0xff_ff_ff_ff }), (length) => {
      const header = Buffer.alloc(4)
      header.writeUInt32BE(length)
      const decoder = createFrameDecoder(() => undefined)
      decoder.push(header.subarray(0, 3))
      expect(() => decoder.push(header.subarray(3))).toThrow(
        expect.objectContaining({ code: 'ERR_PEER_PROTOCOL' }),
      )
    }),
  )
})

function encoded(frame: Frame): Buffer {
  const target = Buffer.alloc(5 + frame.bytes.length)
  writeFrame(target, 0, frame)
  return target
}

function thrown(run: () => void): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}
