import { randomBytes } from 'node:crypto'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { full3dRange } from '@vudo/meadowcap'
import { expect, test } from 'vitest'
import {
  openMemoryWillowStore,
  PAYLOAD_CHUNK_BYTES,
  type StoreEvent,
  type WillowStore,
} from '@vudo/willow'
import {
  entryFor,
  inDirectory,
  namespaceId,
  openIn,
  readWhole,
  writeWhole,
} from '../store/stores.ts'
import { MAX_PAYLOAD_WRITERS } from '../../src/limits.ts'

const large = new Uint8Array(randomBytes(3 * PAYLOAD_CHUNK_BYTES + 100))
const stores = {
  memory: async (work: (store: WillowStore) => Promise<void>) => {
    const store = await openMemoryWillowStore({ namespaceId })
    await work(store)
    await store.close()
  },
  file: (work: (store: WillowStore) => Promise<void>) =>
    inDirectory(async (directory) => {
      const opened = await openIn(directory)
      await work(opened.store)
      await opened.close()
    }),
}

for (const [kind, inStore] of Object.entries(stores)) {
  test(`takes a payload in pieces of any size and gives it back from any byte on (${kind})`, async () => {
    await inStore(async (store) => {
      const authorised = entryFor(['a'], large)
      await store.insert(authorised)
      const writer = await store.writePayload(authorised.entry)
      for (let at = 0; at < large.length; at += 10_007) {
        await writer.write(large.subarray(at, at + 10_007))
      }
      expect(writer.offset).toBe(BigInt(large.length))
      const held = await store.get(authorised.entry)
      expect(held?.available).toBe(BigInt(large.length))
      expect(await readWhole(store, authorised)).toEqual(large)
      const from = BigInt(PAYLOAD_CHUNK_BYTES + 5)
      expect(await readWhole(store, authorised, from)).toEqual(large.subarray(Number(from)))
    })
  })

  test(`destroys what does not fit to the entry (${kind})`, async () => {
    await inStore(async (store) => {
      const authorised = entryFor(['a'], large)
      await store.insert(authorised)
      const wrong = large.slice()
      wrong[70_000] = 1 ^ (wrong.at(70_000) ?? 0)
      const before = await store.summarise(full3dRange)
      await expect(writeWhole(store, authorised, wrong)).rejects.toMatchObject({
        code: 'ERR_PAYLOAD_MISMATCH',
      })
      expect((await store.get(authorised.entry))?.available).toBe(0n)
      expect(await store.summarise(full3dRange)).toEqual(before)
      const longer = new Uint8Array(large.length + 1)
      await expect(writeWhole(store, authorised, longer)).rejects.toMatchObject({
        code: 'ERR_PAYLOAD_MISMATCH',
      })
      await writeWhole(store, authorised, large)
      expect(await readWhole(store, authorised)).toEqual(large)
    })
  })

  test(`keeps whole pieces of an unfinished payload and goes on behind them (${kind})`, async () => {
    await inStore(async (store) => {
      const authorised = entryFor(['a'], large)
      await store.insert(authorised)
      const first = await store.writePayload(authorised.entry)
      await first.write(large.subarray(0, PAYLOAD_CHUNK_BYTES + 9))
      await expect(store.writePayload(authorised.entry)).rejects.toMatchObject({
        code: 'ERR_PAYLOAD_BUSY',
      })
      await first.close()
      const part = await store.get(authorised.entry)
      expect(part?.available).toBe(BigInt(PAYLOAD_CHUNK_BYTES))
      expect(await readWhole(store, authorised)).toEqual(large.subarray(0, PAYLOAD_CHUNK_BYTES))
      const second = await store.writePayload(authorised.entry)
      expect(second.offset).toBe(BigInt(PAYLOAD_CHUNK_BYTES))
      await second.write(large.subarray(PAYLOAD_CHUNK_BYTES))
      expect(await readWhole(store, authorised)).toEqual(large)
    })
  })

  test(`takes bytes that are written here however many peers stall (${kind})`, async () => {
    await inStore(async (store) => {
      const first = entryFor(['s'], large)
      const stalled = [first]
      while (stalled.length < MAX_PAYLOAD_WRITERS) {
        stalled.push(entryFor([`s${stalled.length}`], large))
      }
      const mine = entryFor(['mine'], large)
      await store.insertMany([...stalled, mine])
      const origin = 'peer'
      for (const { entry } of stalled) await store.writePayload(entry, { origin })
      await expect(store.writePayload(mine.entry, { origin })).rejects.toMatchObject({
        code: 'ERR_PAYLOAD_BUSY',
      })
      await writeWhole(store, mine, large)
      expect(await readWhole(store, mine)).toEqual(large)
      // Also where one of them is.
      await writeWhole(store, first, large)
      expect(await readWhole(store, first)).toEqual(large)
    })
  })

  test(`frees the place of an entry that is gone, whoever was writing there (${kind})`, async () => {
    await inStore(async (store) => {
      const old = entryFor(['a'], large)
      await store.insert(old)
      const stalled = await store.writePayload(old.entry, { origin: 'peer' })
      await stalled.write(large.subarray(0, PAYLOAD_CHUNK_BYTES))
      const next = entryFor(['a'], large.subarray(1), 2n)
      await store.insert(next)
      await writeWhole(store, next, large.subarray(1))
      await expect(stalled.write(large.subarray(PAYLOAD_CHUNK_BYTES))).rejects.toMatchObject({
        code: 'ERR_ENTRY_GONE',
      })
      await stalled.close()
      expect(await readWhole(store, next)).toEqual(large.subarray(1))
    })
  })

  test(`gives a payload up with its entry, or alone (${kind})`, async () => {
    await inStore(async (store) => {
      const one = entryFor(['a'], large)
      await store.insert(one)
      await writeWhole(store, one, large)
      const events: StoreEvent['type'][] = []
      const subscription = store.subscribe()
      expect(await store.forgetPayload(one.entry)).toBe(true)
      expect(await store.forgetPayload(one.entry)).toBe(false)
      expect((await store.get(one.entry))?.available).toBe(0n)
      await writeWhole(store, one, large)
      const reading = await store.readPayload(one.entry)
      const iterator = reading![Symbol.asyncIterator]()
      await iterator.next()
      const writerEntry = entryFor(['a', 'b'], large, 2n)
      await store.insert(writerEntry)
      const writer = await store.writePayload(writerEntry.entry)
      await writer.write(large.subarray(0, 10))
      await store.insert(entryFor(['a'], new Uint8Array(), 3n))
      await expect(iterator.next()).rejects.toMatchObject({ code: 'ERR_ENTRY_GONE' })
      await expect(writer.write(large.subarray(10))).rejects.toMatchObject({
        code: 'ERR_ENTRY_GONE',
      })
      expect(await store.readPayload(one.entry)).toBeDefined()
      expect(await readWhole(store, one)).toEqual(new Uint8Array())
      await store.close()
      for await (const { type } of subscription) events.push(type)
      expect(events).toEqual([
        'payload:change',
        'payload:change',
        'entry:insert',
        'entry:prune',
        'entry:prune',
        'entry:insert',
      ])
    })
  })
}

test('does not let a known digest show what others hold', async () => {
  await inDirectory(async (directory) => {
    await using opened = await openIn(directory)
    const secret = entryFor(['secret'], large)
    const probe = entryFor(['mine'], large)
    await opened.store.insertMany([secret, probe])
    await writeWhole(opened.store, secret, large)
    expect((await opened.store.get(probe.entry))?.available).toBe(0n)
  })
})

test('never has the payload on the disk as it is, and notices when a file was altered', async () => {
  await inDirectory(async (directory) => {
    const first = await openIn(directory)
    const authorised = entryFor(['a'], large)
    await first.store.insert(authorised)
    await writeWhole(first.store, authorised, large)
    await first.close()
    const marker = Buffer.from(large.subarray(1_000, 1_064))
    const files = await filesIn(directory)
    for (const { bytes } of files) expect(bytes.includes(marker)).toBe(false)
    const data = files.find(({ name }) => name.includes(`${path.sep}data${path.sep}`))!
    data.bytes[70_000] = 1 ^ (data.bytes.at(70_000) ?? 0)
    await writeFile(data.name, data.bytes)
    await using again = await openIn(directory)
    await expect(readWhole(again.store, authorised)).rejects.toMatchObject({
      code: 'ERR_PAYLOAD_DAMAGED',
    })
    expect(again.store.count).toBe(1)
  })
})

test('clears up at the next opening what a crash left of a payload', async () => {
  await inDirectory(async (directory) => {
    const first = await openIn(directory)
    const authorised = entryFor(['a'], large)
    await first.store.insert(authorised)
    const writer = await first.store.writePayload(authorised.entry)
    await writer.write(large.subarray(0, 2 * PAYLOAD_CHUNK_BYTES))
    const left = (await filesIn(directory)).filter(({ name }) => name.includes('data'))
    expect(left).toHaveLength(1)
    // As a crash: the files of this moment, put where a new process finds them.
    const copy = path.join(directory, 'copy')
    await copyFiles(directory, copy)
    await using again = await openIn(copy)
    expect((await filesIn(copy)).filter(({ name }) => name.includes('data'))).toEqual([])
    expect((await again.store.get(authorised.entry))?.available).toBe(0n)
    await first.close()
  })
})

test.each(['replaced', 'forgotten'])(
  'destroys key and bytes of what is still being received when its entry is %s',
  async (how) => {
    await inDirectory(async (directory) => {
      await using opened = await openIn(directory)
      const authorised = entryFor(['a', 'b'], large)
      await opened.store.insert(authorised)
      const writer = await opened.store.writePayload(authorised.entry)
      await writer.write(large.subarray(0, 2 * PAYLOAD_CHUNK_BYTES))
      const sizeOfKeys = async (): Promise<number> => {
        const files = await filesIn(path.join(directory, 'payloads', 'keys'))
        return files.reduce((sum, { bytes }) => sum + bytes.length, 0)
      }
      const before = await sizeOfKeys()
      if (how === 'forgotten') await opened.store.forgetEntry(authorised.entry)
      else await opened.store.insert(entryFor(['a'], new Uint8Array(), 2n))
      expect(await filesIn(path.join(directory, 'payloads', 'data'))).toEqual([])
      expect(await sizeOfKeys()).toBeLessThan(before)
      await expect(writer.write(large.subarray(0, 10))).resolves.toBeUndefined()
      await expect(writer.write(large.subarray(0, PAYLOAD_CHUNK_BYTES))).rejects.toMatchObject({
        code: 'ERR_ENTRY_GONE',
      })
    })
  },
)

async function copyFiles(from: string, to: string): Promise<void> {
  for (const name of ['store', 'payloads']) {
    await cp(path.join(from, name), path.join(to, name), { recursive: true })
  }
  await rm(path.join(to, 'store', 'records', 'LOCK'), { force: true })
}

async function filesIn(directory: string): Promise<{ name: string; bytes: Buffer }[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true })
  return Promise.all(
    names
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const name = path.join(entry.parentPath, entry.name)
        return { name, bytes: await readFile(name) }
      }),
  )
}
