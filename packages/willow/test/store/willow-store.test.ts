import {
  createArea,
  createEntry,
  createPath,
  full3dRange,
  MAX_COMPONENT_BYTES,
  MAX_U64,
  type AuthorisedEntry,
} from '@vudo/meadowcap'
import { openMemoryStore } from '@vudo/storage'
import { describe, expect, test } from 'vitest'
import {
  createMemoryVault,
  MAX_BATCH_ENTRIES,
  MAX_DENY_RULES,
  MAX_SPLIT_PARTS,
  openMemoryWillowStore,
  openPersistentWillowStore,
  type StoreEvent,
  type WillowStore,
} from '@vudo/willow'
import { createFakeStorage } from './fake-storage.ts'
import { authorised, collect, idOf, permissive, textOf, textsOf } from './model.ts'
import { entryFor, namespaceId } from './stores.ts'

const nothing = new Uint8Array()
type Open = (verifier?: typeof permissive) => Promise<WillowStore>
const inMemory: Open = (verifier) => openMemoryWillowStore({ namespaceId, verifier })
const onStorage: Open = (verifier) =>
  openPersistentWillowStore({
    namespaceId,
    verifier,
    storage: createFakeStorage(),
    payloads: createMemoryVault(),
  })

describe.each([
  ['in memory', inMemory],
  ['on a storage', onStorage],
])('a store %s', (_, open) => {
  test('tells what became of each entry', async () => {
    await using store = await open()
    const old = entryFor(['blog', 'idea'], nothing, 1n)
    expect(await store.insert(old)).toEqual({ status: 'inserted', pruned: [], prunedCount: 0 })
    expect(await store.insert(old)).toEqual({ status: 'duplicate' })
    const outcome = await store.insert(entryFor(['blog'], nothing, 2n))
    expect(outcome).toMatchObject({ status: 'inserted', prunedCount: 1 })
    expect(await store.insert(old)).toEqual({ status: 'obsolete' })
    expect(await store.get(old.entry)).toBeUndefined()
    expect(store.count).toBe(1)
  })

  test('lets nothing in that the write check refuses', async () => {
    await using store = await open()
    const good = entryFor(['a'], nothing)
    const signature = good.token.signature.slice()
    signature[3] = 1 ^ (signature.at(3) ?? 0)
    const forged = { entry: good.entry, token: { ...good.token, signature } }
    const elsewhere = createEntry({ ...good.entry, namespaceId: idOf(8) })
    const theirs = createEntry({ ...good.entry, subspaceId: idOf(9) })
    const outcomes = await store.insertMany([
      forged,
      { entry: elsewhere, token: good.token },
      { entry: theirs, token: good.token },
      good,
    ])
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: 'signature-invalid' },
      { status: 'rejected', reason: 'other-namespace' },
      { status: 'rejected', reason: 'outside-area' },
      { status: 'inserted' },
    ])
    expect(store.count).toBe(1)
  })

  test('refuses what the deny list names, until it is taken back', async () => {
    await using store = await open()
    const rule = { area: createArea({ path: createPath(['spam']) }) }
    await store.deny(rule)
    await store.deny(rule)
    const spam = entryFor(['spam', 'a'], nothing)
    const payload = entryFor(['ham'], Uint8Array.of(7))
    await store.deny({ payloadDigest: payload.entry.payloadDigest })
    expect(store.denied).toHaveLength(2)
    const denied = { status: 'rejected', reason: 'denied' }
    expect(await store.insertMany([spam, payload])).toEqual([denied, denied])
    expect(await store.allow(rule)).toBe(true)
    expect(await store.allow(rule)).toBe(false)
    expect(await store.insert(spam)).toMatchObject({ status: 'inserted' })
    for (let count = store.denied.length; count < MAX_DENY_RULES; count++) {
      await store.deny({ payloadDigest: new Uint8Array(32).fill(count).fill(count >> 8, 16) })
    }
    await expect(store.deny(rule)).rejects.toMatchObject({ code: 'ERR_DENY_LIMIT' })
  })

  test('forgets here what the next sync may bring back', async () => {
    await using store = await open()
    const all = ['a', 'b', 'c'].map((name) => entryFor(['x', name], nothing))
    await store.insertMany(all)
    expect(await store.forgetEntry(all.at(0)!.entry)).toBe(true)
    expect(await store.forgetEntry(all.at(0)!.entry)).toBe(false)
    const keep = createArea({ path: createPath(['x', 'b']) })
    expect(await store.forgetArea(createArea({ path: createPath(['x']) }), { keep })).toBe(1)
    expect((await collect(store.entries(full3dRange))).map(textOf)).toEqual([
      textOf(all.at(1)!.entry),
    ])
    expect(await store.insert(all.at(0)!)).toMatchObject({ status: 'inserted' })
  })

  test('tells subscribers what happens in their area, in order', async () => {
    await using store = await open()
    const area = createArea({ path: createPath(['x']) })
    const subscription = store.subscribe({ area, bufferSize: 2 })
    const [below, beside] = [entryFor(['x', 'a'], nothing, 1n), entryFor(['y'], nothing)]
    await store.insert(below, { origin: 'peer' })
    await store.insert(beside)
    expect((await subscription.next()).value).toMatchObject({
      type: 'entry:insert',
      origin: 'peer',
    })
    await store.insert(entryFor(['x'], nothing, 2n))
    await store.forgetEntry(entryFor(['x'], nothing, 2n).entry)
    expect(subscription.dropped).toBe(1)
    const types: StoreEvent['type'][] = []
    await store.close()
    for await (const { type } of subscription) types.push(type)
    expect(types).toEqual(['entry:insert', 'entry:forget'])
  })

  test('keeps the longest paths in their order', async () => {
    await using store = await open(permissive)
    const part = MAX_COMPONENT_BYTES / 2
    const paths = [0, 1, 0xff].flatMap((byte) => [
      [new Uint8Array(MAX_COMPONENT_BYTES).fill(byte)],
      [new Uint8Array(part).fill(byte), new Uint8Array(part).fill(3)],
      [new Uint8Array(part).fill(byte), new Uint8Array(part - 1).fill(3)],
      [new Uint8Array(part).fill(byte)],
      [new Uint8Array(800).fill(byte)],
    ])
    const entries = paths.map((components) =>
      createEntry({ ...entryFor([], nothing).entry, path: createPath(components) }),
    )
    await store.insertMany(entries.toReversed().map(authorised))
    expect((await collect(store.entries(full3dRange))).map(textOf)).toEqual(textsOf(entries))
    for (const entry of entries) expect((await store.get(entry))?.entry.path).toEqual(entry.path)
    for (const { range, summary } of await store.split(full3dRange, 4)) {
      const inside = await collect(store.entries(range))
      expect(inside).toHaveLength(summary.count)
      expect(textsOf(inside)).toEqual(inside.map(textOf))
    }
    for (const order of ['newest', 'path'] as const) {
      const all = await collect(store.entries(full3dRange, { order }))
      expect(textsOf(all)).toEqual(textsOf(entries))
    }
    // The shorter path is a prefix of two longer ones; newer, it replaces them and itself.
    const newer = createEntry({ ...entries.at(3)!, timestamp: 9n })
    expect(await store.insert(authorised(newer))).toMatchObject({ prunedCount: 3 })
    expect(store.count).toBe(entries.length - 2)
  })

  test('ends every call after it was closed', async () => {
    const store = await open()
    const subscription = store.subscribe()
    await store.insert(entryFor(['a'], nothing))
    await Promise.all([store.close(), store.close()])
    const closed = { code: 'ERR_WILLOW_STORE_CLOSED' }
    await expect(store.insert(entryFor(['b'], nothing))).rejects.toMatchObject(closed)
    await expect(store.summarise(full3dRange)).rejects.toMatchObject(closed)
    expect(() => store.entries(full3dRange)).toThrow(expect.objectContaining(closed))
    expect((await subscription.next()).done).toBe(false)
    expect((await subscription.next()).done).toBe(true)
  })

  test('refuses more at once than it says, and stops when asked', async () => {
    await using store = await open()
    const one = entryFor(['a'], nothing)
    const many: AuthorisedEntry[] = Array.from({ length: MAX_BATCH_ENTRIES + 1 }, () => one)
    await expect(store.insertMany(many)).rejects.toThrow(RangeError)
    await expect(store.split(full3dRange, 1)).rejects.toThrow(RangeError)
    await expect(store.split(full3dRange, MAX_SPLIT_PARTS + 1)).rejects.toThrow(RangeError)
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await expect(store.insert(one, { signal })).rejects.toBe(reason)
    await expect(collect(iterate(() => store.entries(full3dRange, { signal })))).rejects.toBe(
      reason,
    )
    expect(store.count).toBe(0)
  })

  test('takes the greatest numbers that an entry can have', async () => {
    await using store = await open(permissive)
    const entry = createEntry({
      ...entryFor(['a'], nothing).entry,
      timestamp: MAX_U64,
      payloadLength: MAX_U64,
    })
    const other = createEntry({ ...entry, path: createPath(['b']) })
    await store.insertMany([entry, other].map(authorised))
    expect(await store.summarise(full3dRange)).toMatchObject({
      count: 2,
      payloadBytes: 2n * MAX_U64,
      minTimestamp: MAX_U64,
      maxTimestamp: MAX_U64,
    })
  })
})

test('puts entries that arrive together into one write', async () => {
  const storage = createFakeStorage()
  const store = await openPersistentWillowStore({
    namespaceId,
    storage,
    payloads: createMemoryVault(),
    verifier: permissive,
  })
  const before = storage.writes
  const all = Array.from({ length: 20 }, (_, at) => entryFor([`entry ${at}`], nothing))
  await Promise.all(all.map((one) => store.insert(one)))
  expect(store.count).toBe(20)
  expect(storage.writes - before).toBeLessThanOrEqual(2)
  await store.close()
})

test('finds sums anew when one that was saved is missing, and says whose store it is', async () => {
  const storage = await openMemoryStore()
  const view = storage.sub('n')
  const init = { storage: view, verifier: permissive }
  const first = await openPersistentWillowStore({
    ...init,
    namespaceId,
    payloads: createMemoryVault(),
  })
  await first.insertMany(Array.from({ length: 400 }, (_, at) => entryFor([`entry ${at}`], nothing)))
  const before = await first.summarise(full3dRange)
  await first.close()
  const pages: Uint8Array[] = []
  for await (const { key } of view.scan({ prefix: Uint8Array.of(4) })) pages.push(key)
  expect(pages.length).toBeGreaterThan(3)
  await view.write([{ type: 'delete', key: pages.at(1)! }])
  const second = await openPersistentWillowStore({
    ...init,
    namespaceId,
    payloads: createMemoryVault(),
  })
  expect(await second.summarise(full3dRange)).toEqual(before)
  await second.close()
  const other = { ...init, namespaceId: idOf(1), payloads: createMemoryVault() }
  await expect(openPersistentWillowStore(other)).rejects.toMatchObject({
    code: 'ERR_WILLOW_STORE_FORMAT',
  })
  await storage.close()
})

async function* iterate<Item>(open: () => AsyncIterable<Item>): AsyncGenerator<Item> {
  yield* open()
}
