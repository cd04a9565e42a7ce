import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createPresence,
  MAX_PRESENCE_ROOMS,
  PRESENCE_TOPIC,
  type Gossip,
  type Presence,
  type PresenceEvents,
  type PresenceRooms,
} from '@vudo/gossip'
import { startPair } from '../nodes.ts'

function roomsOf(gossip: Gossip, peerId: string): PresenceRooms {
  const rooms = createPresence({ gossip, peerId })
  onTestFinished(() => rooms.close())
  return rooms
}

function next<Type extends keyof PresenceEvents>(
  presence: Presence,
  type: Type,
): Promise<PresenceEvents[Type]> {
  return presence.events.once(type, { signal: AbortSignal.timeout(20_000) })
}

describe('presence', () => {
  it('shows each to the other, follows changes, and says goodbye', async () => {
    const { a, b, gossipA, gossipB } = await startPair()
    const [roomsA, roomsB] = [roomsOf(gossipA, a.key.peerId), roomsOf(gossipB, b.key.peerId)]
    const here = roomsA.enter('notes/one', { name: 'here' })
    const comes = next(here, 'presence:joined')
    const there = roomsB.enter('notes/one', { name: 'there' })
    const seen = there.peers.length > 0 ? undefined : next(there, 'presence:joined')
    expect(await comes).toMatchObject({ path: 'notes/one', peer: { state: { name: 'there' } } })
    await seen
    expect(there.peers).toMatchObject([{ peerId: a.key.peerId, state: { name: 'here' } }])

    const changes = next(here, 'presence:changed')
    there.set({ name: 'there', cursor: 7 })
    expect(await changes).toMatchObject({ peer: { state: { cursor: 7 } } })

    const leaves = next(here, 'presence:left')
    await there.leave()
    expect(await leaves).toMatchObject({ peer: { peerId: b.key.peerId }, reason: 'goodbye' })
    expect(here.peers).toEqual([])
    expect(() => there.set({})).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_CLOSED', hint: 'enter it again' }),
    )
  })

  it('finds who was there before there was a session', async () => {
    const { a, b, gossipA, gossipB } = await startPair({ isConnected: false })
    const [roomsA, roomsB] = [roomsOf(gossipA, a.key.peerId), roomsOf(gossipB, b.key.peerId)]
    const [here, there] = [roomsA.enter('', { n: 1 }), roomsB.enter('', { n: 2 })]
    const met = Promise.all([next(here, 'presence:joined'), next(there, 'presence:joined')])
    await a.network.connectPeer(b.address)
    expect(await met).toMatchObject([{ peer: { state: { n: 2 } } }, { peer: { state: { n: 1 } } }])
  })

  it('ignores and counts rooms that this node is not in, and what is malformed (PR4)', async () => {
    const { a, b, gossipA, gossipB } = await startPair()
    const [roomsA, roomsB] = [roomsOf(gossipA, a.key.peerId), roomsOf(gossipB, b.key.peerId)]
    const here = roomsA.enter('open', {})
    await gossipB.whenPeers(PRESENCE_TOPIC, 1)
    roomsB.enter('secret', { name: 'b' })
    await gossipB.join(PRESENCE_TOPIC).publish(Uint8Array.of(1, 2, 3))
    const comes = next(here, 'presence:joined')
    roomsB.enter('open', { name: 'b' })
    await comes
    expect(here.peers).toHaveLength(1)
    expect(roomsA.ignored).toBeGreaterThanOrEqual(2)
  })

  it('refuses to be made twice, and survives that others join and leave its topic', async () => {
    const { a, b, gossipA, gossipB } = await startPair()
    const rooms = roomsOf(gossipA, a.key.peerId)
    expect(() => createPresence({ gossip: gossipA, peerId: a.key.peerId })).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_READER' }),
    )
    gossipA.join(PRESENCE_TOPIC).leave()
    const here = rooms.enter('', { n: 1 })
    const comes = next(here, 'presence:joined')
    roomsOf(gossipB, b.key.peerId).enter('', { n: 2 })
    expect(await comes).toMatchObject({ peer: { state: { n: 2 } } })
  })

  it('gives the same entry twice, and has a bounded number of rooms', async () => {
    const { a, gossipA } = await startPair({ isConnected: false })
    const rooms = roomsOf(gossipA, a.key.peerId)
    const first = rooms.enter('0', { n: 1 })
    expect(rooms.enter('0', { n: 2 })).toBe(first)
    expect(first.state).toEqual({ n: 2 })
    for (let i = 1; i < MAX_PRESENCE_ROOMS; i++) rooms.enter(String(i))
    expect(() => rooms.enter('more')).toThrow(expect.objectContaining({ code: 'ERR_GOSSIP_LIMIT' }))
    await first.leave()
    expect(rooms.enter('0')).not.toBe(first)
    await rooms.close()
    expect(() => rooms.enter('0')).toThrow(
      expect.objectContaining({ code: 'ERR_GOSSIP_CLOSED', hint: 'make a new one' }),
    )
  })
})
