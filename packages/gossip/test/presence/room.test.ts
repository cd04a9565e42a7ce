import { describe, expect, it } from 'vitest'
import {
  MAX_INSTANCES_PER_PEER,
  MAX_PRESENCE_TTL_MS,
  MAX_PRESENT_PEERS,
  PRESENCE_ANSWER_MS,
  PRESENCE_BURST,
  PRESENCE_HEARTBEAT_MS,
  PRESENCE_TTL_MS,
} from '@vudo/gossip'
import type { PeerId } from '@vudo/transport'
import { Room, type RoomEffect } from '../../src/presence/room.ts'
import { encodeState, roomOf, type PresenceMessage } from '../../src/presence/wire.ts'

const room = roomOf('notes/one')

function peer(number: number): PeerId {
  return number.toString(16).padStart(64, '0')
}

/** A room of which the own entry was published at 0. */
function enteredRoom(random: () => number = () => 0): Room {
  const init = { room, peerId: peer(0), instance: '00'.repeat(8), state: encodeState({}), random }
  const entered = new Room(init, 0)
  entered.handle({ type: 'tick' }, 0)
  return entered
}

let sequence = 0n

/** Hands the room a message of somebody and gives what it does about it. */
function hear(
  target: Room,
  from: number,
  nowMs: number,
  message: Partial<PresenceMessage> & { readonly sequence?: bigint } = {},
): readonly RoomEffect[] {
  sequence += 1n
  const state = message.type === 'goodbye' ? new Uint8Array() : encodeState({ from })
  return target.handle(
    {
      type: 'message',
      author: peer(from),
      sequence: message.sequence ?? sequence,
      message: {
        type: 'state',
        room,
        instance: '11'.repeat(8),
        ttlMs: PRESENCE_TTL_MS,
        state,
        ...message,
      },
    },
    nowMs,
  )
}

function published(effects: readonly RoomEffect[]): readonly string[] {
  return effects.flatMap((effect) => (effect.type === 'publish' ? effect.message.type : []))
}

/** Turns the clock to `untilMs` and gives what was published on the way, and when. */
function run(target: Room, untilMs: number): readonly (readonly [number, string])[] {
  const seen: (readonly [number, string])[] = []
  while (target.wakeAtMs <= untilMs) {
    const atMs = target.wakeAtMs
    for (const type of published(target.handle({ type: 'tick' }, atMs))) seen.push([atMs, type])
  }
  return seen
}

describe('what a node publishes in a room', () => {
  it('begins with a question, and goes on with a sign of life every 15 s', () => {
    const init = {
      room,
      peerId: peer(0),
      instance: '00'.repeat(8),
      state: encodeState({}),
      random: () => 0,
    }
    const entered = new Room(init, 0)
    expect(published(entered.handle({ type: 'tick' }, 0))).toEqual(['enter'])
    expect(run(entered, 2 * PRESENCE_HEARTBEAT_MS)).toEqual([
      [PRESENCE_HEARTBEAT_MS, 'state'],
      [2 * PRESENCE_HEARTBEAT_MS, 'state'],
    ])
  })

  it('is the first change at once, then at most 20 states per second, and the last one always', () => {
    const entered = enteredRoom()
    const sent: number[] = []
    let last: Uint8Array | undefined
    const note = (effects: readonly RoomEffect[], nowMs: number): void => {
      for (const effect of effects) {
        if (effect.type !== 'publish') continue
        sent.push(nowMs)
        last = effect.message.state
      }
    }
    for (let nowMs = 1_000; nowMs < 2_000; nowMs++) {
      note(entered.handle({ type: 'set', state: encodeState({ x: nowMs }) }, nowMs), nowMs)
      if (entered.wakeAtMs <= nowMs) note(entered.handle({ type: 'tick' }, nowMs), nowMs)
    }
    note(entered.handle({ type: 'tick' }, entered.wakeAtMs), 2_050)
    expect(sent[0]).toBe(1_000)
    expect(sent.length).toBeLessThanOrEqual(21)
    expect(sent.length).toBeGreaterThanOrEqual(20)
    expect(last).toEqual(encodeState({ x: 1_999 }))
  })

  it('is nothing when the state is the same', () => {
    const entered = enteredRoom()
    expect(entered.handle({ type: 'set', state: encodeState({}) }, 1_000)).toEqual([])
  })

  it('is an answer to newcomers, one for several of them', () => {
    const entered = enteredRoom(() => 0.5)
    const begin = 5_000
    const early = [1, 2, 3].flatMap((from) => hear(entered, from, begin, { type: 'enter' }))
    expect(published(early)).toEqual([])
    expect(run(entered, begin + PRESENCE_ANSWER_MS).map(([, type]) => type)).toEqual(['state'])
    expect(published(hear(entered, 4, begin + 100, { type: 'enter' }))).toEqual([])
    const [again] = run(entered, begin + 3 * PRESENCE_ANSWER_MS)
    expect(again?.[0]).toBeGreaterThanOrEqual(begin + PRESENCE_ANSWER_MS)
  })

  it('is a goodbye at the end', () => {
    expect(published(enteredRoom().handle({ type: 'leave' }, 1_000))).toEqual(['goodbye'])
  })

  it('is a question again when more neighbours listen', () => {
    const entered = enteredRoom()
    expect(published(entered.handle({ type: 'reached' }, 2_000))).toEqual(['enter'])
    expect(published(entered.handle({ type: 'reached' }, 2_001))).toEqual([])
    expect(run(entered, 3_000)).toEqual([[3_000, 'enter']])
  })
})

describe('who is in a room', () => {
  it('has joined, changed and left', () => {
    const entered = enteredRoom()
    expect(hear(entered, 1, 10)).toMatchObject([{ type: 'joined', peer: { state: { from: 1 } } }])
    expect(hear(entered, 1, 20)).toEqual([])
    const state = encodeState({ at: 7 })
    expect(hear(entered, 1, 30, { state })).toMatchObject([
      { type: 'changed', peer: { peerId: peer(1), state: { at: 7 } } },
    ])
    expect(hear(entered, 1, 40, { type: 'goodbye' })).toMatchObject([
      { type: 'left', reason: 'goodbye' },
    ])
    expect(entered.peers).toEqual([])
  })

  it('has two entries when it has two windows', () => {
    const entered = enteredRoom()
    hear(entered, 1, 10)
    hear(entered, 1, 10, { instance: '22'.repeat(8) })
    hear(entered, 1, 20, { type: 'goodbye' })
    expect(entered.peers.map(({ instance }) => instance)).toEqual(['22'.repeat(8)])
  })

  it('is gone after the time that was named without a sign, and the machine wakes for it', () => {
    const entered = enteredRoom()
    hear(entered, 1, 10, { ttlMs: 5_000 })
    expect(entered.wakeAtMs).toBe(5_010)
    expect(entered.handle({ type: 'tick' }, 5_009)).toEqual([])
    expect(entered.handle({ type: 'tick' }, 5_010)).toMatchObject([
      { type: 'left', reason: 'expired' },
    ])
  })

  it('is not shown for a year because it said so (PR3)', () => {
    const entered = enteredRoom()
    hear(entered, 1, 10, { ttlMs: Number.MAX_SAFE_INTEGER })
    hear(entered, 2, 10, { ttlMs: 0 })
    expect(entered.handle({ type: 'tick' }, 500)).toEqual([])
    const gone = entered.handle({ type: 'tick' }, 10 + MAX_PRESENCE_TTL_MS)
    expect(gone.filter(({ type }) => type === 'left')).toHaveLength(2)
  })

  it('is not brought back by an old message, which is ignored and counted (PR2)', () => {
    const entered = enteredRoom()
    hear(entered, 1, 10, { sequence: 100n })
    hear(entered, 1, 20, { sequence: 101n, type: 'goodbye' })
    expect(hear(entered, 1, 30, { sequence: 100n })).toEqual([])
    expect(hear(entered, 1, 30, { sequence: 101n })).toEqual([])
    expect(entered.peers).toEqual([])
    expect(entered.ignored).toBe(2)
  })

  it('is bounded, in all and for one peer', () => {
    const entered = enteredRoom()
    for (let i = 0; i <= MAX_INSTANCES_PER_PEER; i++) {
      hear(entered, 1, 10, { instance: i.toString(16).padStart(16, '0') })
    }
    expect(entered.peers).toHaveLength(MAX_INSTANCES_PER_PEER)
    expect(entered.ignored).toBe(1)
    for (let i = 2; i < 2 * MAX_PRESENT_PEERS; i++) hear(entered, i, 10)
    expect(entered.peers).toHaveLength(MAX_PRESENT_PEERS)
  })

  it('cannot flood it', () => {
    const entered = enteredRoom()
    const effects = Array.from({ length: 10_000 }, (_, x) =>
      hear(entered, 1, 10, { state: encodeState({ x }) }),
    ).flat()
    expect(effects).toHaveLength(PRESENCE_BURST)
    expect(entered.ignored).toBe(10_000 - PRESENCE_BURST)
  })

  it('cannot flood it with an entry for each state either', () => {
    const entered = enteredRoom()
    const effects = Array.from({ length: 2_000 }, (_, i) => {
      const instance = i.toString(16).padStart(16, '0')
      return [
        ...hear(entered, 1, 10, { instance }),
        ...hear(entered, 1, 10, { type: 'goodbye', instance }),
      ]
    }).flat()
    expect(effects).toHaveLength(PRESENCE_BURST)
  })

  it('gives way with its newest window to a newcomer when the room is full', () => {
    const entered = enteredRoom()
    for (let from = 1; entered.peers.length < MAX_PRESENT_PEERS; from++) {
      for (let i = 0; i < MAX_INSTANCES_PER_PEER; i++) {
        hear(entered, from, 10, { instance: i.toString(16).padStart(16, '0') })
      }
    }
    expect(() => hear(entered, 999, 20, { state: Uint8Array.of(255) })).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_PROTOCOL' }),
    )
    expect(entered.peers).toHaveLength(MAX_PRESENT_PEERS)
    expect(hear(entered, 1_000, 20)).toMatchObject([
      { type: 'joined', peer: { peerId: peer(1_000) } },
      { type: 'left', peer: { peerId: peer(1), instance: '7'.padStart(16, '0') } },
    ])
    expect(entered.peers).toHaveLength(MAX_PRESENT_PEERS)
    // It takes one place, and no second one.
    expect(hear(entered, 1_000, 20, { instance: '22'.repeat(8) })).toEqual([])
  })

  it('is not this node itself', () => {
    const entered = enteredRoom()
    expect(hear(entered, 0, 10, { instance: '00'.repeat(8) })).toEqual([])
    expect(entered.peers).toEqual([])
  })
})
