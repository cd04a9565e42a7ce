import { expect, it } from 'vitest'
import { createHandshakeGate } from '../src/handshake-gate.ts'
import {
  MAX_PENDING_HANDSHAKES,
  MAX_PENDING_PER_ADDRESS,
  PENDING_HANDSHAKE_MS,
} from '../src/limits.ts'

it('bounds handshakes of one address, and of all', () => {
  const gate = createHandshakeGate()
  const admitted: string[] = []
  for (let n = 0; n < 200; n++) {
    const address = `10.0.0.${n % 10}`
    if (gate.enter(`key ${n}`, address, 0)) admitted.push(address)
  }
  expect(admitted).toHaveLength(MAX_PENDING_HANDSHAKES)
  const crowded = createHandshakeGate()
  const crowd = Array.from({ length: 40 }, (_, n) => crowded.enter(`key ${n}`, '10.0.0.1', 0))
  expect(crowd.filter(Boolean)).toHaveLength(MAX_PENDING_PER_ADDRESS)
  expect(crowded.enter('somebody else', '10.0.0.2', 0)).toBe(true)
})

it('has room again for what became a connection, and for what took too long', () => {
  const gate = createHandshakeGate()
  const enter = (n: number, nowMs: number): boolean => gate.enter(`key ${n}`, 'a', nowMs)
  for (let n = 0; n < MAX_PENDING_PER_ADDRESS; n++) enter(n, n)
  expect(enter(100, 20)).toBe(false)
  gate.leave('key 7')
  expect(enter(101, 20)).toBe(true)
  expect(enter(102, PENDING_HANDSHAKE_MS - 1)).toBe(false)
  expect(enter(102, PENDING_HANDSHAKE_MS)).toBe(true)
})

it('counts a peer that tries again once', () => {
  const gate = createHandshakeGate()
  const tries = Array.from({ length: 100 }, (_, n) => gate.enter('key', 'a', n))
  expect(tries.every(Boolean)).toBe(true)
})
