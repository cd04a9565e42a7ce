import { expect, it, onTestFinished } from 'vitest'
import { openMemoryStore } from '@vudo/storage'
import { MAX_KNOWN_DEVICES } from '@vudo/willow'
import { openDeviceBook } from '../../src/facade/device-book.ts'

it('knows when each device was first and last seen, also after a restart', async () => {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  const book = await openDeviceBook(store)
  await book.seen('tablet', 1)
  await book.seen('laptop', 2)
  await book.seen('tablet', 3)
  const known = [
    { device: 'laptop', firstSeenMs: 2, lastSeenMs: 2, areas: [] },
    { device: 'tablet', firstSeenMs: 1, lastSeenMs: 3, areas: [] },
  ]
  expect(book.devices).toEqual(known)
  expect((await openDeviceBook(store)).devices).toEqual(known)
  expect(await book.forget('laptop')).toBe(true)
  expect(await book.forget('laptop')).toBe(false)
  expect((await openDeviceBook(store)).devices).toEqual(known.slice(1))
})

it('forgets the one not seen for longest when there are too many', async () => {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  const book = await openDeviceBook(store)
  for (let at = 0; at <= MAX_KNOWN_DEVICES; at++) await book.seen(`device ${at}`, at)
  const { devices } = await openDeviceBook(store)
  expect(devices).toHaveLength(MAX_KNOWN_DEVICES)
  expect(devices[0]?.device).toBe('device 1')
})
