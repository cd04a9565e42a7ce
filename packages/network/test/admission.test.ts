import { createNodeKey } from '@vudo/identity'
import { describe, expect, it } from 'vitest'
import { Admission } from '../src/admission.ts'
import {
  BAN_FIRST_MS,
  BAN_MAX_MS,
  HANDSHAKES_PER_PEER_AND_SECOND,
  MAX_JUDGED_PEERS,
} from '../src/limits.ts'
import { startNode, startPair } from './nodes.ts'

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)]
const secret = new Uint8Array(32).fill(7)

describe('the lists', () => {
  it('let in everybody who is not blocked, or only who is allowed', () => {
    const admission = new Admission({ block: [a] })
    expect(admission.refusal(a, 0)).toMatchObject({ code: 'ERR_PEER_BLOCKED' })
    expect(admission.refusal(b, 0)).toBeUndefined()
    admission.setLists({ allow: [a] })
    expect(admission.refusal(a, 0)).toBeUndefined()
    expect(admission.refusal(b, 0)).toMatchObject({ code: 'ERR_PEER_BLOCKED' })
    admission.setLists({ allow: [a], block: [a] })
    expect(admission.refusal(a, 0)).toMatchObject({ code: 'ERR_PEER_BLOCKED' })
    expect(admission.lists).toEqual({ allow: [a], block: [a] })
  })

  it('take peer ids only, and change nothing otherwise', () => {
    const admission = new Admission({ block: [a] })
    expect(() => admission.setLists({ allow: [b], block: ['tcp://127.0.0.1:1'] })).toThrow(/block/)
    expect(admission.lists).toEqual({ allow: undefined, block: [a] })
  })

  it('end the session with a peer that is blocked, and keep it out until it is not', async () => {
    const { a: alice, b: bob } = await startPair()
    const ended = bob.network.events.once('session:ended')
    await alice.network.setPeerLists({ block: [bob.key.peerId] })
    await ended
    expect(alice.network.sessions).toEqual([])
    await expect(alice.network.connectPeer(bob.address)).rejects.toMatchObject({
      code: 'ERR_PEER_BLOCKED',
    })
    await expect(alice.network.connectPeer(bob.key.peerId)).rejects.toMatchObject({
      code: 'ERR_PEER_BLOCKED',
    })
    const refused = alice.network.events.once('peer:refused')
    await expect(bob.network.connectPeer(alice.address)).rejects.toMatchObject({
      name: expect.stringMatching(/Error$/),
    })
    expect(await refused).toMatchObject({ peerId: bob.key.peerId, code: 'ERR_PEER_BLOCKED' })
    await alice.network.setPeerLists({})
    await bob.network.connectPeer(alice.address)
    expect(alice.network.isPeerConnected(bob.key.peerId)).toBe(true)
  })

  it('let in whom they name from the start', async () => {
    const [friend, other] = [createNodeKey(), createNodeKey()]
    const node = await startNode({ peers: { allow: [friend.peerId] } })
    await node.network.join({ id: 'db', secret })
    const outcomes = await Promise.allSettled(
      [friend, other].map(async (key) => {
        const dialler = await startNode({}, { key })
        await dialler.network.join({ id: 'db', secret })
        return dialler.network.connectPeer(node.address)
      }),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(node.network.connectedPeers().map(({ peerId }) => peerId)).toEqual([friend.peerId])
  })
})

describe('a peer that breaks the protocol', () => {
  it('is kept out, longer each time, and not for ever', () => {
    const admission = new Admission({})
    admission.fault(a, 0)
    expect(admission.refusal(a, BAN_FIRST_MS - 1)?.message).toMatch(/broke the protocol/)
    expect(admission.refusal(a, BAN_FIRST_MS)).toBeUndefined()
    admission.fault(a, BAN_FIRST_MS)
    expect(admission.refusal(a, 3 * BAN_FIRST_MS - 1)).toBeDefined()
    for (let i = 0; i < 50; i++) admission.fault(a, 0)
    expect(admission.refusal(a, BAN_MAX_MS)).toBeUndefined()
    expect(admission.refusal(b, 0)).toBeUndefined()
  })

  it('is forgiven what was long ago', () => {
    const admission = new Admission({})
    for (let i = 0; i < 10; i++) admission.fault(a, 0)
    const laterMs = 3 * BAN_MAX_MS
    admission.fault(a, laterMs)
    expect(admission.refusal(a, laterMs + BAN_FIRST_MS)).toBeUndefined()
  })
})

describe('a peer that comes and goes', () => {
  it('makes so many handshakes per second, and costs the others nothing', () => {
    const admission = new Admission({})
    const taken = Array.from({ length: 1_000 }, () => admission.takeHandshake(a, 0))
    expect(taken.filter(Boolean)).toHaveLength(HANDSHAKES_PER_PEER_AND_SECOND)
    expect(admission.takeHandshake(b, 0)).toBe(true)
    expect(admission.takeHandshake(a, 1_000)).toBe(true)
  })

  it('is remembered only while there are not too many', () => {
    const admission = new Admission({})
    admission.fault(a, 0)
    for (let i = 0; i < MAX_JUDGED_PEERS; i++) admission.fault(i.toString(16).padStart(64, '0'), 0)
    expect(admission.refusal(a, 0)).toBeUndefined()
  })
})
