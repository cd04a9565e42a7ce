import { createPath, fullArea, full3dRange } from '@vudo/meadowcap'
import { waitFor } from '@vudo/testing'
import { describe, expect, test } from 'vitest'
import { alice, database, device, kinds, read, saw, text, write } from './devices.ts'
import { connectNetworks } from './fake-network.ts'

function alterPayload(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === kinds.payload) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  return bytes
}

describe('payloads of two devices', () => {
  test('exchange many payloads, a few at a time', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea })
    for (let at = 0; at < 40; at++) await write(a.store, alice, `${at}`, text('x'.repeat(at + 1)))
    const line = connectNetworks(a.network, b.network, { database })
    await waitFor(async () => (await read(b.store, alice, '39'))?.length === 40)
    await waitFor(async () => (await read(b.store, alice, '0'))?.length === 1)
    expect(await b.store.summarise(full3dRange)).toEqual(await a.store.summarise(full3dRange))
    expect(saw(a, 'peer:fault')() || saw(b, 'peer:fault')()).toBe(false)
    const lengths = line.messages
      .filter(({ bytes }) => bytes[0] === kinds.payload)
      .map(({ bytes }) => bytes.length)
    expect(lengths).toHaveLength(40)
    // Small ones first; those that are under way together may change places.
    for (const [at, length] of lengths.entries()) expect(Math.abs(length - 3 - at)).toBeLessThan(6)
  })

  test('leave large payloads where they are on a metered device until somebody asks', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea, metered: true, deferAboveBytes: 100 })
    await write(a.store, alice, 'small', text('s'))
    await write(a.store, alice, 'large', text('l'.repeat(1_000)))
    connectNetworks(a.network, b.network, { database })
    await waitFor(async () => (await read(b.store, alice, 'small')) === 's')
    await waitFor(saw(b, 'payload:deferred'))
    const place = { subspaceId: alice.publicKey, path: createPath(['large']) }
    expect((await b.store.get(place))?.available).toBe(0n)
    expect(await b.sync.requestPayload(place)).toBe(true)
    await waitFor(async () => (await read(b.store, alice, 'large'))?.length === 1_000)
    expect(await b.sync.requestPayload(place)).toBe(false)
  })

  test('refuse a payload that was altered, and keep none of it', async () => {
    const a = await device(1, { openArea: fullArea })
    const b = await device(2, { openArea: fullArea })
    await write(a.store, alice, 'note', text('the true words'))
    connectNetworks(a.network, b.network, { database, tap: alterPayload })
    await waitFor(saw(b, 'payload:failed'))
    const failed = b.told.find(({ type }) => type === 'payload:failed')
    expect(failed?.payload).toMatchObject({ isForged: true })
    expect(await read(b.store, alice, 'note')).toBeUndefined()
  })

  test('take a payload from another peer when the one that was sending it forges it', async () => {
    const a = await device(1, { openArea: fullArea })
    const forger = await device(2, { openArea: fullArea, bytesPerSecond: 200_000 })
    const honest = await device(3, { openArea: fullArea })
    const data = new Uint8Array(300_000).fill(7)
    await write(forger.store, alice, 'note', data)
    const place = { subspaceId: alice.publicKey, path: createPath(['note']) }
    const { entry, token } = (await forger.store.get(place))!
    await honest.store.insert({ entry, token })
    const writer = await honest.store.writePayload(entry)
    await writer.write(data)
    const line = connectNetworks(a.network, forger.network, { database, tap: alterPayload })
    await waitFor(() => line.messages.some(({ bytes }) => bytes[0] === kinds.payload))
    // The forger's last piece waits for its budget; the honest one is not asked meanwhile.
    connectNetworks(a.network, honest.network, { database })
    await waitFor(saw(a, 'payload:failed'))
    await waitFor(async () => (await read(a.store, alice, 'note')) !== undefined)
    expect((await a.store.get(place))?.available).toBe(300_000n)
  })

  test('take a payload from another peer when the one that was sending it stalls', async () => {
    const a = await device(1, { openArea: fullArea, payloadStallMs: 40 })
    // After one piece its budget is used up for a day.
    const slow = await device(2, { openArea: fullArea, bytesPerSecond: 1 })
    const honest = await device(3, { openArea: fullArea })
    const data = new Uint8Array(300_000).fill(7)
    await write(slow.store, alice, 'note', data)
    const place = { subspaceId: alice.publicKey, path: createPath(['note']) }
    const { entry, token } = (await slow.store.get(place))!
    await honest.store.insert({ entry, token })
    const writer = await honest.store.writePayload(entry)
    await writer.write(data)
    const line = connectNetworks(a.network, slow.network, { database })
    await waitFor(() => line.messages.some(({ bytes }) => bytes[0] === kinds.payload))
    connectNetworks(a.network, honest.network, { database })
    await waitFor(async () => (await read(a.store, alice, 'note')) !== undefined)
    const failed = a.told.filter(({ type }) => type === 'payload:failed')
    expect(failed[0]?.payload).toMatchObject({ peerId: slow.network.peerId, isForged: false })
    expect(saw(a, 'peer:fault')()).toBe(false)
  })

  test('stop receiving what was erased', async () => {
    const a = await device(1, { openArea: fullArea, bytesPerSecond: 1_000 })
    const b = await device(2, { openArea: fullArea })
    await write(a.store, alice, 'large', new Uint8Array(200_000).fill(7))
    const line = connectNetworks(a.network, b.network, { database })
    await waitFor(() => line.messages.some(({ bytes }) => bytes[0] === kinds.payload))
    await write(b.store, alice, 'large', new Uint8Array())
    await waitFor(() => line.messages.some(({ bytes }) => bytes[0] === kinds.cancel))
    expect(saw(b, 'peer:fault')()).toBe(false)
  })
})
