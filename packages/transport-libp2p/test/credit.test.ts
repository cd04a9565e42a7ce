import { expect, it } from 'vitest'
import { createBufferRing } from '../src/buffer-ring.ts'
import { costOf, createReceiveCredit, createSendCredit } from '../src/credit.ts'
import { CREDIT_STEP_BYTES, MAX_SPARE_BUFFERS, WINDOW_BYTES } from '../src/limits.ts'

it('counts the same at both ends', () => {
  const [sender, receiver] = [createSendCredit(), createReceiveCredit()]
  const cost = costOf(new Uint8Array(100_000))
  for (let at = 0; at < 200; at++) {
    expect(sender.take(cost)).toBe(true)
    receiver.arrived(cost)
    const credit = receiver.taken(cost)
    if (credit > 0) sender.add(credit)
  }
  expect(sender.used).toBe(200 * cost)
})

it('tells the far end at every quarter of the window', () => {
  const receiver = createReceiveCredit()
  receiver.arrived(CREDIT_STEP_BYTES)
  expect(receiver.taken(CREDIT_STEP_BYTES - 1)).toBe(0)
  expect(receiver.taken(1)).toBe(CREDIT_STEP_BYTES)
  expect(WINDOW_BYTES % CREDIT_STEP_BYTES).toBe(0)
})

it('uses a buffer again when all of it has been confirmed, and not before', () => {
  const ring = createBufferRing()
  const first = ring.take()
  ring.sent(first, 1_000)
  ring.confirm(999)
  expect(ring.take()).not.toBe(first)
  ring.confirm(1)
  expect(ring.take()).toBe(first)
})

it('keeps a bounded number of buffers, and none when it is dropped', () => {
  const ring = createBufferRing()
  const buffers = Array.from({ length: MAX_SPARE_BUFFERS + 3 }, () => ring.take())
  for (const buffer of buffers) ring.sent(buffer, 1)
  ring.confirm(1)
  const again = buffers.map(() => ring.take()).filter((buffer) => buffers.includes(buffer))
  expect(again).toHaveLength(MAX_SPARE_BUFFERS)
  for (const buffer of again) ring.sent(buffer, 2)
  ring.drop()
  ring.confirm(1)
  expect(buffers).not.toContain(ring.take())
})
