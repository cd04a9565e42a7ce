import { afterAll, expect, it, vi } from 'vitest'
import { bytesToHex } from '@vudo/wire'
import type * as crypto from '#crypto'
import { pair, text } from './pair.ts'

const sealed = vi.hoisted(() => [] as string[])

// Watches the cipher itself: whatever is wrong above it, a pair used twice shows here.
vi.mock('#crypto', async (load) => {
  const original = await load<typeof crypto>()
  const createAesGcmKey: typeof crypto.createAesGcmKey = (raw) => {
    const key = original.createAesGcmKey(raw)
    const name = bytesToHex(raw)
    return {
      open: (nonce, associatedData, message) => key.open(nonce, associatedData, message),
      seal(nonce, plain) {
        sealed.push(`${name} ${bytesToHex(nonce)}`)
        return key.seal(nonce, plain)
      },
    }
  }
  return { ...original, createAesGcmKey }
})

afterAll(() => {
  vi.restoreAllMocks()
})

const isRekey = (use: string): boolean => use.endsWith('ff'.repeat(8))

it('never seals twice under one key and nonce: concurrent sends, key changes, reconnects', async () => {
  for (let session = 0; session < 3; session++) {
    const { a, b } = await pair({ capacity: 2 }, { limits: { rekeyRecords: 7 } })
    const sends = Array.from({ length: 60 }, (_, index) => [
      a.send(new Uint8Array(20_000 + index)),
      b.send(new Uint8Array(70_000)),
      a.sendControl(text('control')),
    ]).flat()
    for (let index = 0; index < 60; index++) {
      await Promise.all([b.receive(), a.receive(), b.receive()])
    }
    await Promise.all(sends)
    await Promise.all([a.close(), b.close()])
  }
  // Each end of a direction computes the next key, under the nonce that Noise reserves for it.
  const rekeys = sealed.filter(isRekey)
  const messages = sealed.filter((use) => !isRekey(use))
  expect(rekeys.length).toBeGreaterThan(100)
  expect(rekeys.length).toBeLessThanOrEqual(2 * new Set(rekeys).size)
  expect(messages.length).toBeGreaterThan(600)
  expect(new Set(messages).size).toBe(messages.length)
})
