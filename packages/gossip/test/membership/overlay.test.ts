import { describe, expect, it } from 'vitest'
import {
  HUNGRY_SHUFFLE_MS,
  JOIN_HOPS,
  MAX_ACTIVE_PEERS,
  MAX_NEWCOMERS,
  MAX_SHUFFLES_UNDER_WAY,
  NEWCOMER_MS,
  SHUFFLE_HOPS,
  SPARE_LINKS,
} from '../../src/limits.ts'
import { createRandom } from '@vudo/testing'
import { Overlay, type OverlayEffect } from '../../src/membership/overlay.ts'
import type { OverlayMessage } from '../../src/membership/wire.ts'

const full = MAX_ACTIVE_PEERS - SPARE_LINKS
const name = (number: number): string => number.toString(16).padStart(64, '0')
const names = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => name(from + i))

function createOverlay(seed = 1, isBanned: (peerId: string) => boolean = () => false): Overlay {
  const random = createRandom(seed)
  return new Overlay(
    {
      peerId: 'ff'.repeat(32),
      addresses: () => [],
      activePeers: 8,
      isBanned,
      random: () => random.next(),
    },
    0,
  )
}

/** A peer that links and says one thing. */
function arrive(
  overlay: Overlay,
  peerId: string,
  { nowMs, message }: { readonly nowMs: number; readonly message: OverlayMessage },
): readonly OverlayEffect[] {
  overlay.handle({ type: 'linked', peerId, isOutbound: false }, nowMs)
  return overlay.handle({ type: 'message', from: peerId, message }, nowMs)
}

const join: OverlayMessage = { type: 'join', addresses: [] }
const ask: OverlayMessage = { type: 'neighbour', isUrgent: false, addresses: [] }
const askUrgently: OverlayMessage = { ...ask, isUrgent: true }

/** A node with all the neighbours that it takes, since `nowMs`. */
function createFull(seed: number, nowMs = 0): Overlay {
  const overlay = createOverlay(seed)
  for (const peerId of names(1, full)) arrive(overlay, peerId, { nowMs, message: join })
  return overlay
}

describe('a full overlay', () => {
  it('refuses who asks without urgency, and lets one go for who does', () => {
    const overlay = createFull(1)
    expect(overlay.active).toHaveLength(full)
    const refused = arrive(overlay, name(100), { nowMs: 1, message: ask })
    expect(refused).toContainEqual({
      type: 'send',
      to: name(100),
      message: { type: 'answer', isAccepted: false },
    })
    expect(overlay.active).not.toContain(name(100))
    arrive(overlay, name(101), { nowMs: 2, message: askUrgently })
    expect(overlay.active).toContain(name(101))
    expect(overlay.active).toHaveLength(full)
  })

  it.each([join, askUrgently])(
    'keeps half of its neighbours against a member with many keys ($type)',
    (message) => {
      for (let seed = 1; seed <= 20; seed++) {
        const overlay = createFull(seed)
        for (let key = 0; key < 200; key++) {
          arrive(overlay, name(1_000 + key), { nowMs: NEWCOMER_MS + key, message })
          expect(overlay.linkCount).toBeLessThanOrEqual(MAX_ACTIVE_PEERS)
        }
        const old = overlay.active.filter((peerId) => peerId < name(1_000))
        expect(overlay.active).toHaveLength(full)
        expect(old.length).toBeGreaterThanOrEqual(full - MAX_NEWCOMERS)
      }
    },
  )

  it('does not stay as it is for ever: who was new is old after a while', () => {
    const overlay = createFull(1)
    for (let round = 1; round <= 6; round++) {
      for (let key = 0; key < 50; key++) {
        arrive(overlay, name(1_000 * round + key), { nowMs: round * NEWCOMER_MS, message: join })
      }
    }
    expect(overlay.active.filter((peerId) => peerId < name(1_000)).length).toBeLessThan(4)
  })
})

describe('links that wait', () => {
  it('are never more than all links may be', () => {
    const overlay = createOverlay()
    for (const peerId of names(1, MAX_ACTIVE_PEERS)) {
      expect(overlay.handle({ type: 'linked', peerId, isOutbound: false }, 0)).toEqual([])
    }
    const peerId = name(100)
    const effects = overlay.handle({ type: 'linked', peerId, isOutbound: false }, 0)
    expect(effects).toEqual([{ type: 'drop', peerId }])
    expect(overlay.linkCount).toBe(MAX_ACTIVE_PEERS)
    expect(overlay.passive).toEqual([peerId])
  })
})

describe('a peer that is kept out', () => {
  it('is dropped when it comes, and not learnt from others', () => {
    const overlay = createOverlay(1, (peerId) => peerId === name(100))
    const effects = overlay.handle({ type: 'linked', peerId: name(100), isOutbound: false }, 0)
    expect(effects).toEqual([{ type: 'drop', peerId: name(100) }])
    arrive(overlay, name(1), { nowMs: 0, message: join })
    const entry = { peerId: name(100), addresses: [] }
    const message = { type: 'forward-join' as const, hops: 0, entry }
    const walk = overlay.handle({ type: 'message', from: name(1), message }, 0)
    expect(walk).toEqual([])
    expect(overlay.passive).toEqual([])
  })
})

describe('a shuffle of others', () => {
  it('goes back the way it came, for as long as that is remembered', () => {
    const overlay = createFull(1)
    const [from = ''] = overlay.active
    const entries = [{ peerId: name(500), addresses: [] }]
    const answersTo = (number: number): readonly OverlayEffect[] => {
      const message = { type: 'shuffle-answer' as const, id: idOf(number), entries }
      return overlay.handle({ type: 'message', from: name(2), message }, 1)
    }
    for (let number = 0; number <= MAX_SHUFFLES_UNDER_WAY; number++) {
      const message = { type: 'shuffle' as const, id: idOf(number), hops: 2, entries }
      overlay.handle({ type: 'message', from, message }, 1)
    }
    expect(answersTo(0)).toEqual([])
    expect(answersTo(1)).toMatchObject([{ type: 'send', to: from }])
    expect(answersTo(1)).toEqual([])
  })
})

describe('a walk', () => {
  it('goes no further than ours do, whatever number a peer writes', () => {
    const overlay = createFull(1)
    const [from = ''] = overlay.active
    const entry = { peerId: name(500), addresses: [] }
    const joins = overlay.handle(
      { type: 'message', from, message: { type: 'forward-join', hops: 255, entry } },
      1,
    )
    expect(hopsOf(joins)).toEqual([JOIN_HOPS - 1])
    const shuffles = overlay.handle(
      {
        type: 'message',
        from,
        message: { type: 'shuffle', id: '01'.repeat(8), hops: 255, entries: [entry] },
      },
      HUNGRY_SHUFFLE_MS,
    )
    expect(hopsOf(shuffles)).toEqual([SHUFFLE_HOPS - 1])
  })
})

function idOf(number: number): string {
  return number.toString(16).padStart(16, '0')
}

function hopsOf(effects: readonly OverlayEffect[]): number[] {
  return effects.flatMap((effect) =>
    effect.type === 'send' && 'hops' in effect.message ? [effect.message.hops] : [],
  )
}
