import { expect, it } from 'vitest'
import { freeWhole } from '../src/free-whole.ts'
import { MIN_FREED_BYTES } from '../src/limits.ts'

it('frees large memory that the bytes have for themselves', () => {
  const bytes = new Uint8Array(MIN_FREED_BYTES)
  freeWhole(bytes)
  expect(bytes.length).toBe(0)
})

it.each([
  ['memory with other bytes behind', new Uint8Array(2 * MIN_FREED_BYTES).subarray(0, -1)],
  ['memory with other bytes in front', new Uint8Array(2 * MIN_FREED_BYTES).subarray(1)],
  ['small memory', new Uint8Array(MIN_FREED_BYTES - 1)],
  ['shared memory', new Uint8Array(new SharedArrayBuffer(MIN_FREED_BYTES))],
])('leaves %s alone', (_name, bytes) => {
  const before = bytes.length
  freeWhole(bytes)
  expect(bytes.length).toBe(before)
})
