import { createMemoryVault, openPersistentWillowStore, PAYLOAD_CHUNK_BYTES } from '@vudo/willow'
import { parsePath } from '@vudo/meadowcap'
import { expect, test } from 'vitest'
import { writeEntryTo } from '../../src/facade/entry-access.ts'
import { createFakeStorage } from '../store/fake-storage.ts'
import { capability, entryFor, namespaceId, readWhole, user } from '../store/stores.ts'

const data = new Uint8Array(PAYLOAD_CHUNK_BYTES + 1_000).fill(7)

test.each(['the next call', 'another call'])(
  'does not destroy what is being written when a write of something else fails, and %s looks at the disk anew',
  async (who) => {
    const storage = createFakeStorage()
    const payloads = createMemoryVault()
    const store = await openPersistentWillowStore({ namespaceId, storage, payloads })
    const written = entryFor(['a'], data)
    await store.insert(written)
    const writer = await store.writePayload(written.entry)
    await writer.write(data.subarray(0, PAYLOAD_CHUNK_BYTES))
    const other = entryFor(['b'], new Uint8Array(3))
    storage.fate = () => 'full'
    await expect(store.insert(other)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    storage.fate = () => 'done'
    if (who === 'another call') await store.insert(other)
    await writer.write(data.subarray(PAYLOAD_CHUNK_BYTES))
    expect(await readWhole(store, written)).toEqual(data)
    await store.close()
  },
)

test('says of every write that has failed that it did, and has all bytes of those that have not', async () => {
  const storage = createFakeStorage()
  const payloads = createMemoryVault()
  const store = await openPersistentWillowStore({ namespaceId, storage, payloads })
  let writes = 0
  storage.fate = () => ((writes += 1) % 7 === 0 ? 'full' : 'done')
  let complete = 0
  for (let at = 0; at < 20; at++) {
    const path = parsePath(`e${at}`)
    const written = writeEntryTo(store, {
      subspaceId: user.publicKey,
      path,
      data,
      capability,
      signer: user,
      // Not asked: the capability is given.
      rights: undefined as never,
      future: { nowMs: () => 1_772_366_400_000 + at, maxAheadMs: 600_000 },
    })
    const disturbed = store.insert(entryFor(['other'], new Uint8Array(1), BigInt(at)))
    const [{ status }] = await Promise.allSettled([written, disturbed])
    if (status === 'rejected') continue
    complete += 1
    const held = await store.get({ subspaceId: user.publicKey, path })
    expect(held?.available).toBe(BigInt(data.length))
    expect(await readWhole(store, held!)).toEqual(data)
  }
  expect(complete).toBeGreaterThan(0)
  expect(complete).toBeLessThan(20)
  storage.fate = () => 'done'
  await store.close()
})
