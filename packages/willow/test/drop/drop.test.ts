import {
  authoriseEntry,
  createArea,
  createEntry,
  createNamespaceKey,
  createPath,
  createRootCapability,
  createUserKey,
  full3dRange,
} from '@vudo/meadowcap'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isWillowError } from '../../src/errors.ts'
import { exportDrop } from '../../src/drop/export-drop.ts'
import { importDrop } from '../../src/drop/import-drop.ts'
import { openMemoryWillowStore } from '../../src/store/memory-store.ts'
import type { WillowStore } from '../../src/store/store.ts'
import { william3 } from '../../src/william3/william3.ts'
import {
  authorised,
  collect,
  entryArbitrary,
  ModelStore,
  namespaceId as modelNamespace,
  permissive,
  textsOf,
} from '../store/model.ts'

const owner = createNamespaceKey({ kind: 'owned' })
const user = createUserKey(new Uint8Array(32).fill(7))
const capability = createRootCapability({
  access: 'write',
  namespace: owner,
  userKey: user.publicKey,
})

function open(): Promise<WillowStore> {
  return openMemoryWillowStore({ namespaceId: owner.publicKey })
}

async function write(store: WillowStore, place: string, data: Uint8Array): Promise<void> {
  const entry = createEntry({
    namespaceId: owner.publicKey,
    subspaceId: user.publicKey,
    path: createPath(place.split('/')),
    timestamp: 1_000n,
    payloadLength: BigInt(data.length),
    payloadDigest: william3(data),
  })
  await store.insert({ entry, token: authoriseEntry(entry, capability, user) })
  const writer = await store.writePayload(entry)
  await writer.write(data)
  await writer.close()
}

async function dropOf(
  store: WillowStore,
  options?: Parameters<typeof exportDrop>[1],
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of exportDrop(store, options)) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

/** A drop of three payloads, one of them longer than a piece. */
async function example(): Promise<{ store: WillowStore; drop: Uint8Array }> {
  const store = await open()
  await write(store, 'a', new Uint8Array([1, 2, 3]))
  await write(store, 'b/c', new Uint8Array(70_000).fill(9))
  await write(store, 'd', new Uint8Array([4]))
  return { store, drop: await dropOf(store) }
}

describe('a drop', () => {
  test('gives the importer what the exporter has, payloads included, in any pieces', async () => {
    const { store, drop } = await example()
    for (const size of [1_000, 65_537, drop.length]) {
      const other = await open()
      const pieces = Array.from({ length: Math.ceil(drop.length / size) }, (_, at) =>
        drop.subarray(at * size, (at + 1) * size),
      )
      const report = await importDrop(other, pieces)
      expect(report).toMatchObject({ records: 3, inserted: 3, payloads: 3, skipped: 0 })
      expect(await other.summarise(full3dRange)).toEqual(await store.summarise(full3dRange))
      expect(await importDrop(other, drop)).toMatchObject({ duplicate: 3, payloads: 0 })
      await other.close()
    }
    await store.close()
  })

  test('brings payloads later that a first drop left out', async () => {
    const { store, drop } = await example()
    const other = await open()
    const lean = await dropOf(store, { maxPayloadBytes: 0n })
    expect(await importDrop(other, lean)).toMatchObject({ inserted: 3, payloads: 0 })
    expect(await importDrop(other, drop)).toMatchObject({ duplicate: 3, payloads: 3 })
    expect(await dropOf(other)).toEqual(drop)
  })

  test('has only what lies in the area, and skips namespaces without a store', async () => {
    const { store, drop } = await example()
    const other = await open()
    const area = createArea({ path: createPath(['b']) })
    expect(await importDrop(other, await dropOf(store, { area }))).toMatchObject({ inserted: 1 })
    expect(await importDrop(() => undefined, drop)).toMatchObject({ skipped: 3 })
  })

  test('exported and imported is a join', async () => {
    const entries = fc.array(entryArbitrary, { maxLength: 25 })
    await fc.assert(
      fc.asyncProperty(entries, entries, async (mine, theirs) => {
        const init = { namespaceId: modelNamespace, verifier: permissive }
        const [left, right] = [await openMemoryWillowStore(init), await openMemoryWillowStore(init)]
        await left.insertMany(mine.map(authorised))
        await right.insertMany(theirs.map(authorised))
        await importDrop(right, exportDrop(left))
        const model = new ModelStore()
        for (const entry of [...mine, ...theirs]) model.insert(entry)
        expect(textsOf(await collect(right.entries(full3dRange)))).toEqual(textsOf(model.entries))
      }),
    )
  })

  test('that ends early is refused, at every byte', async () => {
    const store = await open()
    await write(store, 'a', new Uint8Array([1, 2, 3]))
    await write(store, 'b', new Uint8Array([4]))
    const drop = await dropOf(store)
    for (let length = 0; length < drop.length; length++) {
      const other = await open()
      await expect(importDrop(other, drop.subarray(0, length))).rejects.toMatchObject({
        code: 'ERR_DROP_INVALID',
      })
    }
    await expect(importDrop(store, [drop, Uint8Array.of(0)])).rejects.toMatchObject({
      code: 'ERR_DROP_INVALID',
    })
  })

  test('with one flipped bit is refused, and stores nothing but what came before it', async () => {
    const store = await open()
    await write(store, 'a', new Uint8Array([1, 2, 3]))
    await write(store, 'b', new Uint8Array([4]))
    const drop = await dropOf(store)
    const good = textsOf(await collect(store.entries(full3dRange)))
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * drop.length - 1), async (bit) => {
        const flipped = drop.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
        const other = await open()
        const outcome = await importDrop(other, flipped).catch((error: unknown) => error)
        // A flipped namespace makes it a drop of another one: there is no store for it here.
        const isRefused = isWillowError(outcome)
        expect(isRefused || (outcome as { skipped: number }).skipped > 0).toBe(true)
        for (const text of textsOf(await collect(other.entries(full3dRange)))) {
          expect(good).toContain(text)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('beyond a limit is refused before it is stored', async () => {
    const { drop } = await example()
    const other = await open()
    const limits = [{ maxRecords: 2 }, { maxBytes: 1_000 }, { maxPayloadBytes: 2n }]
    for (const options of limits) {
      const pieces = Array.from({ length: Math.ceil(drop.length / 500) }, (_, at) =>
        drop.subarray(at * 500, (at + 1) * 500),
      )
      await expect(importDrop(other, pieces, options)).rejects.toMatchObject({
        code: 'ERR_DROP_LIMIT',
      })
    }
  })

  test('with slices of payloads, or of any other bytes, gives a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 2, maxLength: 200 }), async (bytes) => {
        const other = await open()
        const outcome = await importDrop(other, bytes).catch((error: unknown) => error)
        expect(isWillowError(outcome)).toBe(true)
      }),
    )
    const other = await open()
    await expect(importDrop(other, Uint8Array.of(0x42))).rejects.toThrow(/slices/)
  })
})

test('drops of the Rust implementation are imported, payloads and all', async () => {
  const file = new URL('../vectors/interop-drops.json', import.meta.url)
  const { drops } = JSON.parse(readFileSync(file, 'utf8')) as {
    drops: { code: string; records: { whole: boolean }[] }[]
  }
  let held = 0
  for (const { code, records } of drops) {
    const bytes = new Uint8Array(Buffer.from(code, 'hex'))
    const stores = new Map<string, WillowStore>()
    const namespaces: Uint8Array[] = []
    await importDrop((namespaceId) => {
      namespaces.push(namespaceId)
      return undefined
    }, bytes)
    for (const namespaceId of namespaces) {
      stores.set(nameOf(namespaceId), await openMemoryWillowStore({ namespaceId }))
    }
    const report = await importDrop((id) => stores.get(nameOf(id)), bytes)
    expect(report.records).toBe(records.length)
    expect(report.inserted + report.obsolete + report.duplicate).toBe(records.length)
    for (const store of stores.values()) held += store.count
  }
  expect(held).toBeGreaterThan(0)
})

function nameOf(namespaceId: Uint8Array): string {
  return Buffer.from(namespaceId).toString('hex')
}
