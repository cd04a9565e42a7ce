import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isTransportError } from '@vudo/transport'
import { createFrameReader, lanes, type Frame } from '../src/frames.ts'
import { MAX_FRAME_BYTES } from '../src/limits.ts'
import { frame } from './plain-node.ts'

const message = fc.record({
  lane: fc.constantFrom(lanes.data, lanes.control),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
})
const mark = fc.record({
  lane: fc.constantFrom(lanes.goodbye, lanes.ready),
  bytes: fc.constant(new Uint8Array()),
})

it('gives the same frames however the stream is cut', () => {
  const frames = fc.array(fc.oneof(message, mark), { maxLength: 20 })
  fc.assert(
    fc.property(frames, fc.array(fc.nat(40), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(({ lane, bytes }) => frame(lane, bytes)))
      const received: Frame[] = []
      const decoder = createFrameReader((one) => received.push(one))
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
      const decoder = createFrameReader(({ lane, bytes }) => {
        expect(bytes.length).toBeLessThan(MAX_FRAME_BYTES)
        expect(bytes.length > 0).toBe(lane !== lanes.goodbye && lane !== lanes.ready)
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
      const decoder = createFrameReader(() => undefined)
      decoder.push(header.subarray(0, 3))
      expect(() => decoder.push(header.subarray(3))).toThrow(
        expect.objectContaining({ code: 'ERR_PEER_PROTOCOL' }),
      )
    }),
  )
})

function thrown(run: () => void): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}
