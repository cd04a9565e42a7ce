import { expect, it } from 'vitest'
import { createP2P } from '@vudo/p2p'
import { TransportError } from '@vudo/transport'
import { followContacts, type Trouble } from '../src/contacts.ts'
import { MAX_NOTED_TROUBLES, MAX_TROUBLES_PER_MINUTE } from '../src/limits.ts'

const address = 'tcp://10.0.0.1:1'
const failure = new TransportError('ERR_DIAL_FAILED', 'refused')

/** Follows a node of which only what contacts look at is there. */
async function follow() {
  // Only its hub is used: what it tells is the test's.
  await using p2p = await createP2P({ storage: 'memory', mode: 'disabled' })
  const { events } = p2p
  const connected = new Set<string>()
  const told: Trouble[] = []
  const isPeerConnected = (peerId: string): boolean => connected.has(peerId)
  const node = { events, connectedPeers: () => [], isPeerConnected }
  const clock = { nowMs: 0 }
  const configured = followContacts(node, {
    configured: [address],
    onTrouble: (trouble) => told.push(trouble),
    now: () => clock.nowMs,
  })
  const dialEnded = (target: string, peerId?: string): void => {
    const error = peerId === undefined ? failure : undefined
    events.publish('dial:ended', { target, peerId, error })
  }
  const refuse = (peerId: string): void => {
    const refusal = { peerId, code: 'ERR_NO_SHARED_DATABASE', message: 'none' }
    events.publish('peer:refused', refusal)
  }
  return { configured, connected, told, clock, dialEnded, refuse }
}

it('tells a failure once, and again when it was over in between', async () => {
  const { configured, connected, told, dialEnded } = await follow()
  dialEnded(address)
  dialEnded(address)
  expect(told).toMatchObject([{ with: address, event: 'dial:failed', code: 'ERR_DIAL_FAILED' }])
  expect(configured()).toMatchObject([{ address, isConnected: false, code: 'ERR_DIAL_FAILED' }])
  connected.add('peer')
  dialEnded(address, 'peer')
  expect(configured()).toEqual([{ address, isConnected: true, code: null, message: null }])
  connected.delete('peer')
  dialEnded(address)
  expect(told).toHaveLength(2)
})

it('knows at which address a peer was that refused later', async () => {
  const { configured, dialEnded, refuse } = await follow()
  dialEnded(address, 'peer')
  refuse('peer')
  expect(configured()).toMatchObject([{ isConnected: false, code: 'ERR_NO_SHARED_DATABASE' }])
})

it('lets strangers fill neither the memory nor the log', async () => {
  const { configured, told, clock, dialEnded, refuse } = await follow()
  dialEnded(address)
  for (let i = 0; i < 10 * MAX_NOTED_TROUBLES; i++) refuse(`stranger ${i}`)
  expect(told).toHaveLength(MAX_TROUBLES_PER_MINUTE)
  expect(configured()).toMatchObject([{ code: 'ERR_DIAL_FAILED' }])
  clock.nowMs = 60_000
  refuse(`stranger ${10 * MAX_NOTED_TROUBLES - 1}`)
  refuse('stranger 0')
  // The newest is known still, the oldest is forgotten: only that one is news.
  expect(told).toHaveLength(MAX_TROUBLES_PER_MINUTE + 1)
})
