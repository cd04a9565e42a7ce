import { MAX_ACTIVE_PEERS, MAX_FAULTS } from '../src/limits.ts'
import { waitFor } from '@vudo/testing'
import { describe, expect, it } from 'vitest'
import { OVERLAY_PROTOCOL } from '../src/overlay-links.ts'
import { nextOf, sharedSession, startGossip, startNode, startPair } from './nodes.ts'

const hello = new TextEncoder().encode('hello')

/** A faster clock: a shuffle is due at the first look, a second after the start. */
const fast = (): number => performance.now() * 10

describe('the overlay over sessions', () => {
  it('makes peers known to each other that know only one', async () => {
    const hub = await startNode()
    const gossips = [await startGossip(hub, { now: fast })]
    for (let i = 0; i < 3; i++) {
      const node = await startNode()
      gossips.push(await startGossip(node, { now: fast }))
      await node.network.connectPeer(hub.address)
    }
    await waitFor(() => gossips.every(({ neighbours }) => neighbours.length === 3), {
      timeoutMs: 20_000,
      describe: () => gossips.map(({ neighbours }) => neighbours.length).join(),
    })
    expect(hub.network.sessions).toHaveLength(3)
  })

  it('keeps no more sessions than it may, and everybody still hears everything', async () => {
    const hub = await startNode()
    const hubGossip = await startGossip(hub)
    const topics = [hubGossip.join('news')]
    let most = 0
    for (let i = 0; i < MAX_ACTIVE_PEERS + 3; i++) {
      const node = await startNode()
      const gossip = await startGossip(node)
      topics.push(gossip.join('news'))
      // The hub may be full: then the session ends again, and others have heard of the node.
      await node.network.connectPeer(hub.address)
      await waitFor(() => gossip.neighbours.length > 0, { timeoutMs: 15_000 })
      most = Math.max(most, hubGossip.neighbours.length)
    }
    await waitFor(() => hub.network.sessions.length <= MAX_ACTIVE_PEERS)
    expect(most).toBeLessThanOrEqual(MAX_ACTIVE_PEERS + 1)
    const heard = topics.slice(0, -1).map(nextOf)
    await topics.at(-1)?.publish(hello)
    expect(await Promise.all(heard)).toHaveLength(MAX_ACTIVE_PEERS + 3)
  })

  it('keeps a session that serves another database too', async () => {
    const { a, b, gossipA } = await startPair()
    for (const { network } of [a, b]) await network.join({ id: 'other' })
    await waitFor(() => gossipA.neighbours.length === 1)
    const session = await sharedSession(b, a)
    await waitFor(() => session.databases.size === 2)
    const channel = session.openChannel(OVERLAY_PROTOCOL, { database: 'db' })
    // DISCONNECT: the peer is no neighbour any more.
    await channel.send(Uint8Array.of(5))
    // The other end says goodbye, and waits for ours.
    while ((await channel.receive()) !== undefined);
    await channel.close()
    await channel.closed
    expect(a.network.sessions).toHaveLength(1)
  })

  it('counts what breaks its protocol, and ends the session after some', async () => {
    const { a, b, gossipA } = await startPair()
    await waitFor(() => gossipA.neighbours.length === 1)
    const session = await sharedSession(b, a)
    const channel = session.openChannel(OVERLAY_PROTOCOL, { database: 'db' })
    for (let i = 0; i < MAX_FAULTS; i++) await channel.send(Uint8Array.of(99))
    await session.closed
    expect(gossipA.counters).toMatchObject({ faults: MAX_FAULTS, banned: 1 })
  })
})
