/** What a member that floods is allowed: the core alone, with a clock in hand. */
import { hexToBytes } from '@vudo/wire'
import { describe, expect, it } from 'vitest'
import type { SessionEntry } from '../src/handshake.ts'
import { MEMBERSHIP_LISTS_PER_SECOND, OPENINGS_PER_SECOND } from '../src/limits.ts'
import {
  deriveDatabaseKey,
  membershipProof,
  type DatabaseKey,
  type MembershipInit,
} from '../src/membership.ts'
import type { SessionEffect } from '../src/session-io.ts'
import { frameKind, type Frame } from '../src/frames.ts'
import { decodeFrame, encodeOpen, encodeProofs, encodeReset } from '../src/wire.ts'
import { createHandshakes } from './handshakes.ts'

const [dialerId, victimId] = ['1'.repeat(64), '2'.repeat(64)]
const keyOf = (id: string): DatabaseKey =>
  deriveDatabaseKey(id, new TextEncoder().encode(id.repeat(9)))
const databases = (): readonly DatabaseKey[] => ['one', 'two'].map(keyOf)

/** A session of the victim with a dialer that holds the secret, and what the dialer would prove with. */
function attachedVictim(): { readonly victim: SessionEntry; readonly roles: MembershipInit } {
  const dialerNonce = new Uint8Array(32).fill(1)
  const acceptorNonce = new Uint8Array(32).fill(2)
  const { frame } = createHandshakes(dialerId, { databases }).hello(victimId, dialerNonce)
  // The byte of the highest version: control frames go bare.
  frame[2] = 1
  const answer = createHandshakes(victimId, { databases }).answer(dialerId, frame, acceptorNonce, 0)
  if (answer.type === 'refused') throw answer.error
  const [self, peer] = [hexToBytes(dialerId), hexToBytes(victimId)]
  return {
    victim: answer.session,
    roles: { isDialer: true, dialerNonce, acceptorNonce, self, peer },
  }
}

function listOf(roles: MembershipInit, ids: readonly string[], kind: 0x04 | 0x05): Uint8Array {
  const proofs = ids.map((id) => membershipProof(keyOf(id).key, roles, true))
  return encodeProofs({ kind, proofs })
}

function opening(channel: number): Uint8Array {
  return encodeOpen({ channel, protocol: '/x/1', priority: 2, proof: new Uint8Array(0) })
}

/** What channel 0 carries in `bytes`. */
function controlFrameOf(bytes: Uint8Array): Frame | undefined {
  const frame = decodeFrame(bytes)
  const isControl = frame !== undefined && 'payload' in frame && frame.channel === 0
  return isControl ? decodeFrame(frame.payload) : frame
}

function countOf(effects: readonly SessionEffect[], type: SessionEffect['type']): number {
  return effects.filter((effect) => effect.type === type).length
}

describe('lists of proofs', () => {
  it('of a flood are compared so many times a second, and the last one counts', () => {
    const { victim, roles } = attachedVictim()
    const { state } = victim
    const hear = (bytes: Uint8Array): readonly SessionEffect[] =>
      state.handle({ type: 'frame', path: 1, bytes }, 1)
    hear(listOf(roles, ['one'], frameKind.confirm))
    const flood = Array.from({ length: 1_000 }, (_, index) =>
      hear(listOf(roles, index % 2 === 0 ? ['two'] : ['one'], frameKind.membership)),
    ).flat()
    expect(countOf(flood, 'shared')).toBe(MEMBERSHIP_LISTS_PER_SECOND)
    expect(state.hasEnded).toBe(false)
    hear(listOf(roles, ['one', 'two'], frameKind.membership))
    const wakeAtMs = state.wakeAtMs ?? Infinity
    expect(wakeAtMs).toBeLessThanOrEqual(1 + 1_000 / MEMBERSHIP_LISTS_PER_SECOND)
    state.handle({ type: 'timer' }, wakeAtMs)
    expect([...state.shared].toSorted()).toEqual(['one', 'two'])
  })

  it('that wait count for a channel that is opened after them', () => {
    const { victim, roles } = attachedVictim()
    const { state } = victim
    const hear = (bytes: Uint8Array): readonly SessionEffect[] =>
      state.handle({ type: 'frame', path: 1, bytes }, 1)
    hear(listOf(roles, [], frameKind.confirm))
    for (let i = 0; i < MEMBERSHIP_LISTS_PER_SECOND; i++) {
      hear(listOf(roles, [], frameKind.membership))
    }
    expect(hear(listOf(roles, ['two'], frameKind.membership))).toEqual([])
    const proof = membershipProof(keyOf('two').key, roles, true)
    const effects = hear(encodeOpen({ channel: 1, protocol: '/x/1', priority: 2, proof }))
    expect(effects.map(({ type }) => type)).toEqual(['shared', 'open'])
  })
})

describe('channels that are opened and reset over and over', () => {
  it('are refused above the rate, and taken again later', () => {
    const { victim, roles } = attachedVictim()
    const { state } = victim
    state.handle({ type: 'frame', path: 1, bytes: listOf(roles, ['one'], frameKind.confirm) }, 0)
    const churn = (from: number, nowMs: number): { opened: number; refused: number } => {
      const seen = { opened: 0, refused: 0 }
      for (let channel = from; channel < from + 400; channel += 2) {
        const effects = state.handle({ type: 'frame', path: 1, bytes: opening(channel) }, nowMs)
        seen.opened += countOf(effects, 'open')
        const reset = encodeReset({ channel, code: 'ERR_CHANNEL_RESET' })
        state.handle({ type: 'frame', path: 1, bytes: reset }, nowMs)
        for (let bytes = state.takeFrame(1, nowMs); bytes; bytes = state.takeFrame(1, nowMs)) {
          const frame = controlFrameOf(bytes)
          if (frame?.kind === frameKind.reset && frame.code === 'ERR_LIMIT') seen.refused += 1
        }
      }
      return seen
    }
    expect(churn(1, 0)).toEqual({
      opened: OPENINGS_PER_SECOND,
      refused: 200 - OPENINGS_PER_SECOND,
    })
    expect(churn(401, 1_000).opened).toBe(OPENINGS_PER_SECOND)
    expect(state.hasEnded).toBe(false)
  })

  it('end the session when the peer does not read the answers', () => {
    const { victim, roles } = attachedVictim()
    const { state } = victim
    state.handle({ type: 'frame', path: 1, bytes: listOf(roles, ['one'], frameKind.confirm) }, 0)
    let nowMs = 0
    for (let channel = 1; channel < 2_000 && !state.hasEnded; channel += 2) {
      nowMs += 20
      const effects = state.handle({ type: 'frame', path: 1, bytes: opening(channel) }, nowMs)
      // Nobody handles the protocol, and nothing is taken for the connection.
      if (countOf(effects, 'open') === 1) {
        state.handle({ type: 'reset', channel, code: 'ERR_PROTOCOL_UNKNOWN' }, nowMs)
      }
    }
    expect(state.hasEnded).toBe(true)
  })
})
