/** Stores in IndexedDB, inside a page. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  MAX_DATABASE_NAME_LENGTH,
  openMemoryStore,
  openStore,
  requestPersistence,
  type BrowserStoreInit,
  type DamageReport,
  type Store,
} from '@vudo/storage/browser'
import { bytes, listed, put, remove, text } from './bytes.ts'
import { testStore } from './store-suite.ts'

const everything = { prefix: new Uint8Array() }

let opened = 0

/** A name that no other test uses, whose database goes with the test. */
function databaseName(): string {
  opened += 1
  const name = `store ${opened}`
  onTestFinished(
    () =>
      new Promise((resolve) => {
        indexedDB.deleteDatabase(name).addEventListener('success', () => resolve())
      }),
  )
  return name
}

async function open(init: Partial<BrowserStoreInit> = {}): Promise<Store> {
  return openStore({ name: databaseName(), ...init })
}

describe('a store in IndexedDB', () => {
  testStore(open, 'relaxed')
})

describe('a store in the memory of a page', () => {
  testStore(openMemoryStore, 'relaxed')
})

/** Changes what lies in a database of IndexedDB, or reads it. */
async function inDatabase<Result>(
  name: string,
  work: (records: IDBObjectStore) => IDBRequest<Result>,
): Promise<Result> {
  const connection = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name)
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('no database')))
  })
  try {
    const transaction = connection.transaction('records', 'readwrite')
    const request = work(transaction.objectStore('records'))
    return await new Promise((resolve, reject) => {
      transaction.addEventListener('complete', () => resolve(request.result))
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('aborted')))
    })
  } finally {
    connection.close()
  }
}

/** Where the root view keeps the record `key`: docs/wire-formats/stored-records.md. */
const place = (key: string): Uint8Array<ArrayBuffer> => Uint8Array.of(1, 0, ...bytes(key))

describe('a scan in IndexedDB', () => {
  const names = Array.from({ length: 700 }, (_, at) => String(at).padStart(3, '0'))

  it.each([false, true])(
    'gives what was there when it began, whatever is written meanwhile (reverse: %s)',
    async (reverse) => {
      const store = await open()
      onTestFinished(() => store.close())
      await store.write(names.map((name) => put(name, 'old')))
      const ordered = reverse ? names.toReversed() : names
      const seen: string[] = []
      for await (const { key, value } of store.scan(everything, { reverse })) {
        seen.push(`${text(key)}=${text(value)}`)
        if (seen.length % 50 !== 1) continue
        // Before, at and after where the scan is; replaced, deleted, added, and back again.
        await Promise.all([
          store.write(names.map((name) => put(name, `new ${seen.length}`))),
          store.write([remove('001'), remove('350'), remove('351'), remove('698')]),
          store.write([put('0015', 'added'), put('6985', 'added'), put('350', 'again')]),
        ])
      }
      expect(seen).toEqual(ordered.map((name) => `${name}=old`))
      const after = await listed(store.scan(everything, { reverse }))
      expect(after).toHaveLength(names.length + 2 - 3)
      expect(after).toContain('350=again')
    },
  )

  it('sees writes that were called before it, and none that were called after', async () => {
    const store = await open()
    onTestFinished(() => store.close())
    await store.write([put('a', '1'), put('b', '1')])
    const [, found] = await Promise.all([
      store.write([put('b', '2'), put('c', '2')]),
      listed(store.scan(everything)),
    ])
    // The write and the scan were under way together: all of the write, or nothing of it.
    expect([
      ['a=1', 'b=1'],
      ['a=1', 'b=2', 'c=2'],
    ]).toContainEqual(found)
  })

  it('goes through values that are larger than a page', async () => {
    const store = await open()
    onTestFinished(() => store.close())
    const value = new Uint8Array(300_000).fill(7)
    const keys = Array.from({ length: 40 }, (_, at) => Uint8Array.of(at))
    await store.write(keys.map((key) => ({ type: 'put', key, value })))
    for (const reverse of [false, true]) {
      const found: number[] = []
      for await (const entry of store.scan(everything, { reverse })) {
        expect(entry.value.byteLength).toBe(value.byteLength)
        found.push(entry.key[0] ?? -1)
      }
      expect(found).toEqual(keys.map((_, at) => (reverse ? 39 - at : at)))
    }
  })
})

describe('a damaged record in IndexedDB', () => {
  it.each([
    ['with a byte flipped', (record: Uint8Array) => record.with(1, ~(record[1] ?? 0))],
    ['that is no bytes', () => 'text'],
    ['that is too short', () => Uint8Array.of(1)],
  ])('%s counts as absent, is reported and moved', async (_, damage) => {
    const name = databaseName()
    const healthy = await openStore({ name })
    await healthy.write(['a', 'b', 'c'].map((key) => put(key, key)))
    await healthy.close()
    const stored = (await inDatabase(name, (records) => records.get(place('b')))) as Uint8Array
    const broken = damage(stored)
    await inDatabase(name, (records) => records.put(broken, place('b')))
    const reports: DamageReport[] = []
    const store = await openStore({ name, onDamage: (report) => reports.push(report) })
    expect(await listed(store.scan(everything))).toEqual(['a=a', 'c=c'])
    expect((await store.getMany([bytes('a'), bytes('b')])).map(text)).toEqual(['a', undefined])
    expect(reports).toEqual([{ view: [], key: bytes('b'), moved: true }])
    expect(store.damaged).toBe(1)
    await store.close()
    const moved = await inDatabase(name, (records) => records.getAllKeys())
    expect(moved.map((key) => new Uint8Array(key as ArrayBuffer)[0])).toEqual([0, 1, 1, 2])
  })
})

describe('a write in IndexedDB that fails', () => {
  it('leaves nothing of itself, and none that follows it is taken', async () => {
    const name = databaseName()
    const store = await openStore({ name })
    await store.write([put('a', '1')])
    const deleting = vi.spyOn(IDBObjectStore.prototype, 'delete')
    onTestFinished(() => deleting.mockRestore())
    deleting.mockImplementationOnce(() => {
      throw new DOMException('the disk is broken', 'UnknownError')
    })
    const failed = store.write([put('b', '1'), remove('a')])
    await expect(failed).rejects.toMatchObject({ code: 'ERR_STORE_FAILED' })
    await expect(store.write([put('d', '1')])).rejects.toMatchObject({ code: 'ERR_STORE_FAILED' })
    expect(await listed(store.scan(everything))).toEqual(['a=1'])
    await store.close()
    const again = await openStore({ name })
    await again.write([put('d', '1')])
    expect(await listed(again.scan(everything))).toEqual(['a=1', 'd=1'])
    await again.close()
  })
})

describe('opening in IndexedDB', () => {
  it('finds what was written before, and keeps names apart', async () => {
    const [name, other] = [databaseName(), databaseName()]
    const first = await openStore({ name })
    await first.write([put('a', '1')])
    await first.close()
    const [again, elsewhere] = [await openStore({ name }), await openStore({ name: other })]
    expect(text(await again.get(bytes('a')))).toBe('1')
    expect(await elsewhere.get(bytes('a'))).toBeUndefined()
    await Promise.all([again.close(), elsewhere.close()])
  })

  it('refuses a second owner, until the first one closes', async () => {
    const name = databaseName()
    const first = await openStore({ name })
    await expect(openStore({ name })).rejects.toMatchObject({
      name: 'StoreError',
      code: 'ERR_STORE_LOCKED',
    })
    const [second] = await Promise.all([openStore({ name }), first.close()])
    await second.close()
  })

  it('refuses what is no name', async () => {
    const long = 'x'.repeat(MAX_DATABASE_NAME_LENGTH + 1)
    for (const name of ['', long, '\ud800']) {
      await expect(openStore({ name })).rejects.toThrow(RangeError)
    }
    await expect(openStore({ name: 1 as unknown as string })).rejects.toThrow(TypeError)
  })

  it.each([{ encryption: { key: new Uint8Array(32) } }, { durability: 'strict' }])(
    'refuses %o rather than doing without',
    async (asked) => {
      const init = { name: databaseName(), ...asked }
      await expect(openStore(init)).rejects.toMatchObject({ code: 'ERR_STORE_UNSUPPORTED' })
    },
  )

  it('refuses databases of others, and of newer versions, and changes nothing', async () => {
    for (const [version, kept] of [
      [1, 'things'],
      [2, 'records'],
    ] as const) {
      const name = databaseName()
      const connection = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open(name, version)
        request.addEventListener('upgradeneeded', () => request.result.createObjectStore(kept))
        request.addEventListener('success', () => resolve(request.result))
      })
      connection.close()
      const refused = { code: 'ERR_STORE_UNREADABLE' }
      await expect(openStore({ name })).rejects.toMatchObject(refused)
      // Not locked for having failed.
      await expect(openStore({ name })).rejects.toMatchObject(refused)
      const found = (await indexedDB.databases()).find((each) => each.name === name)
      expect(found?.version).toBe(version)
    }
  })

  it('refuses a format that it does not know', async () => {
    const name = databaseName()
    await (await openStore({ name })).close()
    const [key] = await inDatabase(name, (records) => records.getAllKeys())
    // Version 1, the checksum of RFC 3720 over key and value, the unknown format 9.
    const { encodeRecord } = await import('../src/record.ts')
    const format = encodeRecord(new Uint8Array(key as ArrayBuffer), Uint8Array.of(9))
    await inDatabase(name, (records) => records.put(format, key))
    await expect(openStore({ name })).rejects.toMatchObject({ code: 'ERR_STORE_UNREADABLE' })
  })
})

it('asks the browser for storage that stays, and tells what it said', async () => {
  const said = await requestPersistence()
  expect(said).toBe((await navigator.storage.persisted()) ? 'granted' : 'refused')
})
