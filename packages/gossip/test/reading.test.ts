/** What stands between a channel and the cores: how fast it is read, and whom addresses are believed. */
import { FRAME_BURST, OVERLAY_BURST } from '../src/limits.ts'
import { waitFor } from '@vudo/testing'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { GOSSIP_PROTOCOL } from '../src/neighbour-links.ts'
import { OVERLAY_PROTOCOL } from '../src/overlay-links.ts'
import { sharedSession, startGossip, startNode, type TestNode } from './nodes.ts'

const waits: number[] = []
const trusted: boolean[] = []

vi.mock(import('../src/pause.ts'), async (original) => ({
  ...(await original()),
  pause: async (waitMs) => void waits.push(waitMs),
}))
vi.mock(import('../src/address-trust.ts'), async (original) => {
  const { trustedPart } = await original()
  return {
    isLocal: () => false,
    trustedPart: (message, isSenderLocal) => {
      trusted.push(isSenderLocal)
      return trustedPart(message, isSenderLocal)
    },
  }
})

beforeEach(() => {
  waits.length = 0
  trusted.length = 0
})

/** Two nodes with a clock that stands still, so that no frame is forgotten. */
async function startStill(): Promise<readonly [TestNode, TestNode]> {
  const [a, b] = [await startNode(), await startNode()]
  const gossip = await startGossip(a, { now: () => 0 })
  await startGossip(b, { now: () => 0 })
  await a.network.connectPeer(b.address)
  await waitFor(() => gossip.neighbours.length === 1)
  return [a, b]
}

describe('a channel', () => {
  it('waits for a neighbour that sends too many frames', async () => {
    const [a, b] = await startStill()
    const session = await sharedSession(b, a)
    const channel = session.openChannel(GOSSIP_PROTOCOL, { database: 'db' })
    for (let i = 0; i < FRAME_BURST + 3; i++) await channel.send(Uint8Array.of(0))
    await waitFor(() => waits.length === 3)
    expect(waits).toEqual([2, 4, 6])
  })

  it('of the overlay too, and believes no addresses of third peers from afar', async () => {
    const [a, b] = await startStill()
    const session = await sharedSession(b, a)
    const channel = session.openChannel(OVERLAY_PROTOCOL, { database: 'db' })
    // An answer that nobody waits for.
    for (let i = 0; i < OVERLAY_BURST + 3; i++) await channel.send(Uint8Array.of(4, 1))
    await waitFor(() => waits.length === 3)
    expect(waits).toEqual([20, 40, 60])
    expect(new Set(trusted)).toEqual(new Set([false]))
  })
})
