import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_ACTIVE_PEERS, MAX_PASSIVE_PEERS } from '../../src/limits.ts'
import { Overlay, type OverlayEffect, type OverlayInput } from '../../src/membership/overlay.ts'
import type { OverlayMessage } from '../../src/membership/wire.ts'

const self = '00'.repeat(32)
const peerId = fc.nat(120).map((number) => number.toString(16).padStart(2, '0').repeat(32))
const entry = fc.record({ peerId, addresses: fc.constant([]) })
const entries = fc.array(entry, { maxLength: 16 })
const id = fc.constantFrom('01'.repeat(8), '02'.repeat(8), '03'.repeat(8))
const message: fc.Arbitrary<OverlayMessage> = fc.oneof(
  fc.constant({ type: 'join' as const, addresses: [] }),
  fc.record({ type: fc.constant('forward-join' as const), hops: fc.nat(255), entry }),
  fc.record({
    type: fc.constant('neighbour' as const),
    isUrgent: fc.boolean(),
    addresses: fc.constant([]),
  }),
  fc.record({ type: fc.constant('answer' as const), isAccepted: fc.boolean() }),
  fc.constant({ type: 'disconnect' as const }),
  fc.record({ type: fc.constant('shuffle' as const), id, hops: fc.nat(255), entries }),
  fc.record({ type: fc.constant('shuffle-answer' as const), id, entries }),
)
const input: fc.Arbitrary<OverlayInput> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('linked' as const),
      peerId,
      isOutbound: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('unlinked' as const), peerId }) },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('message' as const), from: peerId, message }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('banned' as const), peerId }) },
  { weight: 2, arbitrary: fc.constant({ type: 'tick' as const }) },
)

/** A generator for the core, out of a number of fast-check. */
function lcg(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

function overlayOf(seed: number, isBanned: (peer: string) => boolean = () => false): Overlay {
  return new Overlay(
    { peerId: self, addresses: () => [], activePeers: 10, isBanned, random: lcg(seed) },
    0,
  )
}

describe('an overlay, whatever happens to it', () => {
  it('keeps its views within their limits, apart, and without itself', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 200, size: 'max' }), fc.nat(), (inputs, seed) => {
        const overlay = overlayOf(seed)
        let nowMs = 0
        for (const next of inputs) {
          nowMs += 700
          overlay.handle(next, nowMs)
          const { active, passive } = overlay
          expect(overlay.linkCount).toBeLessThanOrEqual(MAX_ACTIVE_PEERS)
          expect(passive.length).toBeLessThanOrEqual(MAX_PASSIVE_PEERS)
          expect(active).not.toContain(self)
          expect(passive).not.toContain(self)
          expect(passive.filter((peer) => active.includes(peer))).toEqual([])
          expect(overlay.wakeAtMs).toBeGreaterThanOrEqual(nowMs)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('sends to linked peers only, and drops none that is not there', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 200, size: 'max' }), fc.nat(), (inputs, seed) => {
        const overlay = overlayOf(seed)
        const linked = new Set<string>()
        let nowMs = 0
        for (const next of inputs) {
          nowMs += 700
          if (next.type === 'linked') linked.add(next.peerId)
          if (next.type === 'unlinked') linked.delete(next.peerId)
          const mistakes = overlay.handle(next, nowMs).filter((effect) => !isSound(effect, linked))
          expect(mistakes).toEqual([])
        }
      }),
      { numRuns: 40 },
    )
  })

  it('answers one message with no more than one message per neighbour', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 100, size: 'max' }), fc.nat(), (inputs, seed) => {
        const overlay = overlayOf(seed)
        let nowMs = 0
        for (const next of inputs) {
          nowMs += 700
          const sends = overlay.handle(next, nowMs).filter(isSend)
          expect(sends.length).toBeLessThanOrEqual(MAX_ACTIVE_PEERS + 1)
        }
      }),
      { numRuns: 40 },
    )
  })
})

function isSend(effect: OverlayEffect): boolean {
  return effect.type === 'send'
}

/** Whether an effect fits what is linked, which it changes when it drops a peer. */
function isSound(effect: OverlayEffect, linked: Set<string>): boolean {
  if (effect.type === 'send') return linked.has(effect.to)
  if (effect.type === 'drop') return linked.delete(effect.peerId)
  return !linked.has(effect.entry.peerId)
}
