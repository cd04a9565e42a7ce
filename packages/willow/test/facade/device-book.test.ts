import { expect, it, onTestFinished } from 'vitest'
import { fullArea } from '@vudo/meadowcap'
import { openMemoryStore } from '@vudo/storage'
import { MAX_KNOWN_DEVICES, MAX_UNLISTED_DEVICES, type KnownDevice } from '@vudo/willow'
import { openDeviceBook } from '../../src/facade/device-book.ts'

const neverNeeded = (): boolean => false
const isMine = ({ device }: KnownDevice): boolean => device.startsWith('mine')

it('knows when each device was first and last seen, also after a restart', async () => {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  const book = await openDeviceBook(store, neverNeeded)
  await book.seen('tablet', 1)
  await book.seen('laptop', 2)
  await book.seen('tablet', 3)
  const known = [
    { device: 'laptop', firstSeenMs: 2, lastSeenMs: 2, areas: [] },
    { device: 'tablet', firstSeenMs: 1, lastSeenMs: 3, areas: [] },
  ]
  expect(book.devices).toEqual(known)
  expect((await openDeviceBook(store, neverNeeded)).devices).toEqual(known)
  expect(await book.forget('laptop')).toBe(true)
  expect(await book.forget('laptop')).toBe(false)
  expect((await openDeviceBook(store, neverNeeded)).devices).toEqual(known.slice(1))
})

it('forgets the one not seen for longest when there are too many', async () => {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  const book = await openDeviceBook(store, neverNeeded)
  for (let at = 0; at <= MAX_KNOWN_DEVICES; at++) await book.seen(`device ${at}`, at)
  const { devices } = await openDeviceBook(store, neverNeeded)
  expect(devices).toHaveLength(MAX_KNOWN_DEVICES)
  expect(devices[0]?.device).toBe('device 1')
})

it('never forgets one that is needed, and tells who has no place', async () => {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  const book = await openDeviceBook(store, isMine)
  await book.seen('mine', 0, [fullArea])
  for (let at = 1; at <= MAX_KNOWN_DEVICES; at++) await book.seen(`stranger ${at}`, at)
  expect(book.devices[0]).toMatchObject({ device: 'mine', areas: [fullArea] })
  expect(book.unlisted).toEqual(['stranger 1'])
  // Now all are needed: whoever comes is not listed, until there is room.
  const full = await openDeviceBook(store, () => true)
  await full.seen('late', 1_000, [fullArea])
  await full.seen('late', 1_001)
  expect(full.devices).toEqual(book.devices)
  expect(full.unlisted.toSorted()).toEqual(['late', 'stranger 1'])
  expect(await full.forget('stranger 1')).toBe(true)
  expect(await full.forget('stranger 7')).toBe(true)
  await full.seen('late', 1_002)
  const { devices, unlisted } = await openDeviceBook(store, isMine)
  expect(devices.at(-1)).toMatchObject({ device: 'late', firstSeenMs: 1_002 })
  expect(devices).toHaveLength(MAX_KNOWN_DEVICES)
  expect(unlisted).toEqual([])
})

it('bounds those of which only the id is remembered', async () => {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  const book = await openDeviceBook(store, neverNeeded)
  const count = MAX_KNOWN_DEVICES + MAX_UNLISTED_DEVICES + 5
  for (let at = 0; at < count; at++) await book.seen(`device ${at}`, at)
  expect(book.unlisted).toHaveLength(MAX_UNLISTED_DEVICES)
  expect((await openDeviceBook(store, neverNeeded)).unlisted).toHaveLength(MAX_UNLISTED_DEVICES)
})
