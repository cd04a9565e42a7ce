import { readFileSync } from 'node:fs'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isGossipError } from '../../src/errors.ts'
import { MAX_OVERLAY_MESSAGE_BYTES } from '../../src/limits.ts'
import { decodeOverlay, encodeOverlay, type OverlayMessage } from '../../src/membership/wire.ts'
import { hex } from '../arbitraries.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/overlay.json', import.meta.url), 'utf8'),
) as {
  readonly messages: {
    readonly name: string
    readonly hex: string
    readonly message: OverlayMessage
  }[]
  readonly malformed: { readonly why: string; readonly hex: string }[]
}

const address = fc.stringMatching(/^[\x21-\x7e]{1,128}$/)
const addresses = fc.array(address, { maxLength: 4 })
const entry = fc.record({ peerId: hex(32), addresses })
const entries = fc.array(entry, { maxLength: 16 })
const message: fc.Arbitrary<OverlayMessage> = fc.oneof(
  fc.record({ type: fc.constant('join' as const), addresses }),
  fc.record({ type: fc.constant('forward-join' as const), hops: fc.nat(255), entry }),
  fc.record({ type: fc.constant('neighbour' as const), isUrgent: fc.boolean(), addresses }),
  fc.record({ type: fc.constant('answer' as const), isAccepted: fc.boolean() }),
  fc.record({ type: fc.constant('disconnect' as const) }),
  fc.record({ type: fc.constant('shuffle' as const), id: hex(8), hops: fc.nat(255), entries }),
  fc.record({ type: fc.constant('shuffle-answer' as const), id: hex(8), entries }),
)

describe('messages of the overlay', () => {
  it.each(vectors.messages)('$name', ({ hex: bytes, message: expected }) => {
    expect(bytesToHex(encodeOverlay(expected))).toBe(bytes)
    expect(decodeOverlay(hexToBytes(bytes))).toEqual(expected)
  })

  it.each(vectors.malformed)('refuses: $why', ({ hex: bytes }) => {
    expect(() => decodeOverlay(hexToBytes(bytes))).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_PROTOCOL' }),
    )
  })

  it('refuses a message above the limit before looking into it', () => {
    expect(() => decodeOverlay(new Uint8Array(MAX_OVERLAY_MESSAGE_BYTES + 1))).toThrow(/at most/)
  })

  it('come back as they were', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeOverlay(encodeOverlay(value))).toEqual(value)
      }),
    )
  })

  it('have one encoding, and any other bytes are a fault', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(encodeOverlay(decodeOverlay(bytes))).toEqual(bytes)
        } catch (error) {
          if (!isGossipError(error)) throw error
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('leave out addresses that no entry can hold', () => {
    const tooMany = ['a', 'b', 'c', 'd', 'e', `x${'y'.repeat(128)}`]
    const sent = decodeOverlay(encodeOverlay({ type: 'join', addresses: tooMany }))
    expect(sent).toEqual({ type: 'join', addresses: ['a', 'b', 'c', 'd'] })
  })
})
