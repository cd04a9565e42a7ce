import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import {
  createArea,
  createPath,
  createRootCapability,
  createUserKey,
  emptyPath,
  grantCapability,
  MAX_U64,
} from '@vudo/meadowcap'
import { openMemoryStore } from '@vudo/storage'
import { expect, test } from 'vitest'
import { erase, openErasureLog, openMemoryWillowStore } from '@vudo/willow'
import {
  capability,
  entryFor,
  inDirectory,
  namespaceId,
  openIn,
  user,
  writeWhole,
} from '../store/stores.ts'

const blog = { subspaceId: user.publicKey, path: createPath(['blog']), capability, signer: user }

test('leaves neither key nor ciphertext nor plaintext of an erased payload in any file', async () => {
  await inDirectory(async (directory) => {
    const marker = randomBytes(64)
    const payload = new Uint8Array(Buffer.concat([randomBytes(100_000), marker, randomBytes(500)]))
    const opened = await openIn(directory)
    const kept = entryFor(['kept'], new TextEncoder().encode('kept'))
    const doomed = entryFor(['blog', 'idea'], payload)
    await opened.store.insertMany([kept, doomed])
    await writeWhole(opened.store, kept, new TextEncoder().encode('kept'))
    await writeWhole(opened.store, doomed, payload)

    const { key, ciphertext } = await secretsOf(directory)
    // First of all: the search finds what is there.
    expect(await filesWith(directory, key)).toHaveLength(1)
    expect(await filesWith(directory, ciphertext)).toHaveLength(1)

    const erasure = await erase(opened.store, { ...blog, now: 5n })
    expect(erasure.erasedCount).toBe(1)
    for (const isOpen of [true, false]) {
      if (!isOpen) await opened.close()
      for (const secret of [key, ciphertext, marker]) {
        expect(await filesWith(directory, secret)).toEqual([])
      }
    }
    await using again = await openIn(directory)
    expect(await again.store.get(doomed.entry)).toBeUndefined()
    // A stale copy does not come back.
    expect(await again.store.insert(doomed)).toEqual({ status: 'obsolete' })
    const left = await again.store.readPayload(kept.entry)
    for await (const chunk of left!) expect(new TextDecoder().decode(chunk)).toBe('kept')
  })
})

test('is newer than the newest that is there, below and above', async () => {
  const store = await openMemoryWillowStore({ namespaceId })
  await store.insertMany([
    entryFor(['blog', 'a'], Uint8Array.of(1), 50n),
    entryFor([], Uint8Array.of(1), 3n),
  ])
  expect((await erase(store, { ...blog, now: 10n })).tombstone.entry.timestamp).toBe(51n)
  await store.insert(entryFor(['blog', 'b'], Uint8Array.of(1), 60n))
  expect((await erase(store, { ...blog, now: 100n })).tombstone.entry.timestamp).toBe(100n)
  await store.insert(entryFor(['blog', 'c'], Uint8Array.of(2), 200n))
  const all = await erase(store, { ...blog, path: emptyPath, now: 10n })
  expect(all.tombstone.entry.timestamp).toBe(201n)
  expect([all.erasedCount, store.count]).toEqual([3, 1])
  await store.close()
})

test('says when nothing can replace what is there', async () => {
  const store = await openMemoryWillowStore({ namespaceId })
  const impossible = { code: 'ERR_ERASE_IMPOSSIBLE' }
  const short = grantCapability(capability, { signer: user, to: user.publicKey, expiresAt: 100n })
  await store.insert(entryFor(['blog', 'late'], Uint8Array.of(1), 99n))
  await expect(erase(store, { ...blog, capability: short, now: 5n })).rejects.toMatchObject(
    impossible,
  )
  await store.insert(entryFor(['blog', 'last'], Uint8Array.of(1), MAX_U64))
  await expect(erase(store, { ...blog, now: 5n })).rejects.toMatchObject(impossible)
  expect(store.count).toBe(2)
  await store.close()
})

test('is refused to whoever has no capability for the area', async () => {
  const store = await openMemoryWillowStore({ namespaceId })
  await store.insert(entryFor(['blog', 'a'], Uint8Array.of(1)))
  const other = createUserKey()
  const theirs = createRootCapability({
    access: 'write',
    namespace: namespaceId,
    userKey: other.publicKey,
  })
  await expect(
    erase(store, { ...blog, capability: theirs, signer: other, now: 5n }),
  ).rejects.toMatchObject({ code: 'ERR_WRITE_DENIED' })
  expect(store.count).toBe(1)
  await store.close()
})

test('remembers erasures and who confirmed them', async () => {
  const storage = await openMemoryStore()
  const store = await openMemoryWillowStore({ namespaceId })
  const log = await openErasureLog(storage.sub('erasures'))
  const record = await log.add(await erase(store, { ...blog, now: 5n }), {
    nowMs: 7,
    reason: 'asked for',
  })
  const elsewhere = createArea({ path: createPath(['other']) })
  expect(await log.confirm(elsewhere, { device: 'phone', confirmedAtMs: 8 })).toBe(0)
  expect(await log.confirm(createArea(), { device: 'phone', confirmedAtMs: 9 })).toBe(1)
  expect(await log.confirm(createArea(), { device: 'phone', confirmedAtMs: 10 })).toBe(0)
  const again = await openErasureLog(storage.sub('erasures'))
  const confirmations = [{ device: 'phone', confirmedAtMs: 9 }]
  expect(again.records).toMatchObject([
    { id: record.id, timestamp: 5n, erasedAtMs: 7, reason: 'asked for', confirmations },
  ])
  expect(again.records[0]?.area.path.toString()).toBe('/blog')
  await store.close()
  await storage.close()
})

/** The key and a part of the ciphertext of the only large payload. */
async function secretsOf(directory: string): Promise<{ key: Buffer; ciphertext: Buffer }> {
  const files = await filesOf(directory)
  const data = files.find(({ bytes, name }) => name.includes('data') && bytes.length > 100_000)!
  const name = Buffer.from(path.basename(data.name), 'hex')
  const table = files.find(({ name: file }) => file.endsWith('.keys'))!
  const at = table.bytes.indexOf(name) + name.length
  return { key: table.bytes.subarray(at, at + 32), ciphertext: data.bytes.subarray(5_000, 5_064) }
}

async function filesWith(directory: string, secret: Buffer): Promise<string[]> {
  const files = await filesOf(directory)
  return files.filter(({ bytes }) => bytes.includes(secret)).map(({ name }) => name)
}

/** Every file of the store: payloads, key tables, and LevelDB's with its logs. */
async function filesOf(directory: string): Promise<{ name: string; bytes: Buffer }[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile())
  return Promise.all(
    files.map(async (entry) => {
      const name = path.join(entry.parentPath, entry.name)
      return { name, bytes: await readFile(name) }
    }),
  )
}
