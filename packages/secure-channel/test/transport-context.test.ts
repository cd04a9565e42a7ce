import { expect, it } from 'vitest'
import { decodePeerRecord } from '@vudo/identity'
import { createTransportContext } from '@vudo/secure-channel'
import { memoryPipes } from './memory-pipes.ts'
import { alice, bob, next, text } from './pair.ts'

const path = { transport: 'memory', relayed: false }

it('says who the node is', () => {
  const { peerId, seed, discoveries } = createTransportContext(alice)
  expect({ peerId, seed, discoveries }).toEqual({
    peerId: alice.peerId,
    seed: alice.seed,
    discoveries: [],
  })
})

it('signs records that live 24 hours, each later than the one before', () => {
  let nowMs = 1_750_000_000_000
  const sealingKey = new Uint8Array(32).fill(5)
  const context = createTransportContext(alice, { now: () => nowMs, sealingKey })
  const first = context.signRecord(['tcp://192.0.2.1:34569'])
  expect(decodePeerRecord(first.bytes, nowMs)).toMatchObject({
    peerId: alice.peerId,
    addresses: ['tcp://192.0.2.1:34569'],
    sequence: nowMs,
    expiresAtMs: nowMs + 86_400_000,
    sealingKey,
  })
  expect(context.signRecord([]).sequence).toBe(first.sequence + 1)
  nowMs -= 10_000
  expect(context.signRecord([]).sequence).toBe(first.sequence + 2)
})

it('makes pipes safe with the key of the node', async () => {
  const [pipeA, pipeB] = memoryPipes()
  const [atA, atB] = [createTransportContext(alice), createTransportContext(bob)]
  const [a, b] = await Promise.all([
    atA.secure(pipeA, { initiator: true, expected: bob.peerId, path }),
    atB.secure(pipeB, { initiator: false, path }),
  ])
  expect(b.peerId).toBe(alice.peerId)
  await a.send(text('hello'))
  expect(await next(b)).toBe('hello')
  await Promise.all([a.close(), b.close()])
})
