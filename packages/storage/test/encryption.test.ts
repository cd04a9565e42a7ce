import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  changeStoreKey,
  copyStore,
  createFakeDisk,
  openStore,
  type DamageReport,
  type FakeDisk,
  type Store,
  type StoreInit,
} from '@vudo/storage'
import { unwrapDataKey } from '../src/data-key.ts'
import { openLevel } from '../src/open-store.ts'
import { encodeRecord, RECORD_HEADER_BYTES } from '../src/record.ts'
import { headerKey, recordKey, rootPath, subPath, valueKey } from '../src/keys.ts'
import { openStoreOn, type LevelStoreInit } from '../src/level-store.ts'
import { RecordCipher } from '../src/record-cipher.ts'
import { bytes, closing, listed, put, remove, storeKey, text } from './bytes.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { FakeLevel } from './fake-level.ts'

const everything = { prefix: new Uint8Array() }
const everyKey = { from: new Uint8Array(), to: undefined }
const otherKey = storeKey.map((byte) => byte ^ 0x55)
const secrets = ['secret-key', 'secret-value', 'secret-view']

/** What every file of a store's directory holds, their names included. */
async function contentOf(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile())
  const texts = files.map(async ({ parentPath, name }) => {
    return `${name} ${await readFile(path.join(parentPath, name), 'latin1')}`
  })
  return (await Promise.all(texts)).join('\n')
}

/** The encrypted data key as it lies in a store's files, without what all of them have alike. */
async function wrappedKeyIn(directory: string): Promise<string> {
  const { level, release } = await openLevel(directory)
  const record = await level.get(headerKey)
  await level.close()
  await release()
  return Buffer.from(record?.subarray(RECORD_HEADER_BYTES + 1) ?? []).toString('latin1')
}

async function filled(init: StoreInit): Promise<void> {
  const store = await openStore(init)
  const view = store.sub('secret-view')
  await store.write([put('secret-key', 'secret-value'), { ...put('secret-key', 'inner'), view }])
  await store.write([put('gone', 'secret-value'), remove('gone')])
  await store.close()
}

describe('the files of an encrypted store', () => {
  it('hold neither keys, nor values, nor names of views', async () => {
    const directory = await temporaryDirectory()
    await filled({ directory: path.join(directory, 'plain') })
    await filled({ directory: path.join(directory, 'encrypted'), encryption: { key: storeKey } })
    const clear = await contentOf(path.join(directory, 'plain'))
    const sealed = await contentOf(path.join(directory, 'encrypted'))
    // The control: a search that finds nothing in the one has to find it in the other.
    expect(secrets.filter((secret) => clear.includes(secret))).toEqual(secrets)
    expect(secrets.filter((secret) => sealed.includes(secret))).toEqual([])
    expect(sealed).not.toContain(Buffer.from(storeKey).toString('latin1'))
  })

  it('give everything back after another start, in order', async () => {
    const init = { directory: await temporaryDirectory(), encryption: { key: storeKey } }
    const names = Array.from({ length: 1_500 }, (_, at) => String(((at * 7_919) % 10_007) + 10_000))
    const first = await openStore(init)
    await first.sub('v').write(names.map((name) => put(name, name)))
    await first.close()
    const second = closing(await openStore(init))
    const expected = names.toSorted().map((name) => `${name}=${name}`)
    expect(await listed(second.sub('v').scan(everything))).toEqual(expected)
  })
})

/** What opening throws; `undefined` when it succeeds. */
const code = async (init: StoreInit): Promise<unknown> =>
  openStore(init).then(
    (store) => store.close(),
    (error: unknown) => error,
  )

describe('opening', () => {
  it('refuses another key, no key, and a key for a store that is not encrypted', async () => {
    const directory = await temporaryDirectory()
    const [plain, sealed] = [path.join(directory, 'plain'), path.join(directory, 'sealed')]
    await filled({ directory: plain })
    await filled({ directory: sealed, encryption: { key: storeKey } })
    expect(await code({ directory: sealed, encryption: { key: otherKey } })).toMatchObject({
      code: 'ERR_STORE_KEY_WRONG',
    })
    expect(await code({ directory: sealed })).toMatchObject({ code: 'ERR_STORE_ENCRYPTED' })
    expect(await code({ directory: plain, encryption: { key: storeKey } })).toMatchObject({
      code: 'ERR_STORE_NOT_ENCRYPTED',
      hint: expect.stringContaining('copyStore') as string,
    })
    const short = { key: new Uint8Array(31) }
    expect(await code({ directory: plain, encryption: short })).toBeInstanceOf(RangeError)
    // None of the refusals has changed anything, and none holds the lock.
    expect(await code({ directory: plain })).toBeUndefined()
    expect(await code({ directory: sealed, encryption: { key: storeKey } })).toBeUndefined()
  })

  it('takes a copy of the key: the caller may overwrite it', async () => {
    const directory = await temporaryDirectory()
    const key = new Uint8Array(storeKey)
    const opening = openStore({ directory, encryption: { key } })
    key.fill(0)
    await (await opening).close()
    expect(await code({ directory, encryption: { key: storeKey } })).toBeUndefined()
  })

  it('never makes a new key where the old one is damaged or missing', async () => {
    for (const change of ['damage', 'remove'] as const) {
      const { disk, open } = await sealedDisk()
      const header = disk.get(headerKey)!
      disk.append([
        change === 'remove'
          ? { type: 'delete', key: headerKey }
          : { type: 'put', key: headerKey, value: header.with(20, header.at(20)! ^ 1) },
      ])
      await expect(open()).rejects.toMatchObject({ code: 'ERR_STORE_DAMAGED' })
    }
  })
})

/** An encrypted store with the records a, b and c in the view `docs`, and what lies on its disk. */
async function sealedDisk(): Promise<{
  readonly disk: FakeDisk
  readonly cipher: RecordCipher
  readonly reports: DamageReport[]
  readonly open: () => Promise<Store>
  readonly placeOf: (name: string) => Uint8Array
}> {
  const disk = createFakeDisk(() => 0)
  const reports: DamageReport[] = []
  const init: LevelStoreInit = {
    durability: 'strict',
    encryption: { key: storeKey },
    onDamage: (report) => reports.push(report),
  }
  const open = async () => openStoreOn(await FakeLevel.start(disk), init)
  const store = await open()
  await store.sub('docs').write(['a', 'b', 'c'].map((key) => put(key, key)))
  await store.close()
  const cipher = new RecordCipher(unwrapDataKey(storeKey, disk.get(headerKey)!.subarray(5)))
  const docs = subPath(rootPath, 'docs')
  return {
    disk,
    cipher,
    reports,
    open,
    placeOf: (name) => cipher.placeOf(recordKey(docs, bytes(name))),
  }
}

describe('a value on the disk', () => {
  it('counts as absent when any of its bytes was changed, and is kept in quarantine', async () => {
    const length = (await sealedDisk().then(({ disk, placeOf }) =>
      disk.get(valueKey(placeOf('b'))),
    ))!.length
    for (let at = 0; at < length; at += 1) {
      const { disk, open, placeOf, reports } = await sealedDisk()
      const stored = valueKey(placeOf('b'))
      const value = disk.get(stored)!
      disk.append([{ type: 'put', key: stored, value: value.with(at, value.at(at)! ^ 0x80) }])
      const store = await open()
      expect(await listed(store.sub('docs').scan(everything))).toEqual(['a=a', 'c=c'])
      expect(await store.sub('docs').get(bytes('b'))).toBeUndefined()
      expect(reports).toEqual([{ view: ['docs'], key: bytes('b'), moved: true }])
      await store.close()
    }
  })

  it('cannot be moved to another key', async () => {
    const { disk, open, placeOf } = await sealedDisk()
    const value = disk.get(valueKey(placeOf('a')))!
    disk.append([{ type: 'put', key: valueKey(placeOf('b')), value }])
    const store = closing(await open())
    expect(await store.sub('docs').get(bytes('b'))).toBeUndefined()
  })

  it('is not taken when it was never encrypted', async () => {
    const { disk, open, placeOf } = await sealedDisk()
    const key = recordKey(subPath(rootPath, 'docs'), bytes('b'))
    const value = encodeRecord(key, bytes('forged'))
    disk.append([{ type: 'put', key: valueKey(placeOf('b')), value }])
    const store = closing(await open())
    expect(await store.sub('docs').get(bytes('b'))).toBeUndefined()
  })

  it('has a nonce of its own, also after the disk was put back to an earlier state', async () => {
    const nonces: string[] = []
    const copy = await sealedDisk()
    for (let round = 0; round < 3; round += 1) {
      const disk = createFakeDisk(() => 0)
      disk.append(copy.disk.scan(new Uint8Array()).map((entry) => ({ type: 'put', ...entry })))
      const store = await openStoreOn(await FakeLevel.start(disk), {
        durability: 'strict',
        encryption: { key: storeKey },
      })
      for (const value of ['1', '2', '3']) await store.write([put('a', value), put('b', value)])
      const stored = ['a', 'b'].map((key) =>
        disk.get(valueKey(copy.cipher.placeOf(recordKey(rootPath, bytes(key))))),
      )
      nonces.push(...stored.map((value) => Buffer.from(value!.subarray(1, 25)).toString('hex')))
      await store.close()
    }
    expect(new Set(nonces).size).toBe(6)
  })
})

describe('a damaged name', () => {
  it('is reported at the start, and leaves its record out of scans alone', async () => {
    const { disk, open, cipher, reports } = await sealedDisk()
    const docs = subPath(rootPath, 'docs')
    const key = recordKey(docs, bytes('b'))
    const name = Uint8Array.of(3, ...cipher.sealName(key, cipher.placeOf(key)))
    const broken = name.with(name.length - 1, name.at(-1)! ^ 1)
    expect(disk.get(name)).toBeDefined()
    disk.append([
      { type: 'delete', key: name },
      { type: 'put', key: broken, value: bytes('') },
    ])
    const store = closing(await open())
    expect(reports).toEqual([{ view: [], key: broken, moved: false }])
    expect(store.damaged).toBe(1)
    expect(await listed(store.sub('docs').scan(everything))).toEqual(['a=a', 'c=c'])
    expect(text(await store.sub('docs').get(bytes('b')))).toBe('b')
  })
})

describe('a scan of an encrypted store', () => {
  it('shows the store as it was when the scan began', async () => {
    const { open } = await sealedDisk()
    const store = closing(await open())
    const docs = store.sub('docs')
    const seen: string[] = []
    for await (const { key, value } of docs.scan(everything)) {
      seen.push(`${text(key)}=${text(value)}`)
      await docs.write([put('b', 'new'), put('bb', 'new'), remove('c')])
    }
    expect(seen).toEqual(['a=a', 'b=b', 'c=c'])
    expect(await listed(docs.scan(everything))).toEqual(['a=a', 'b=new', 'bb=new'])
  })

  it('agrees with a store that is not encrypted, whatever is written and asked', async () => {
    const key = fc.uint8Array({ maxLength: 3 })
    const write = fc.array(fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 5 })) }), {
      maxLength: 8,
    })
    const scan = fc.record({
      from: key,
      to: fc.option(key, { nil: undefined }),
      reverse: fc.boolean(),
      limit: fc.nat(10),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(write, { maxLength: 6 }),
        fc.array(scan, { maxLength: 5 }),
        async (writes, scans) => {
          const disk = createFakeDisk(() => 0)
          const init: LevelStoreInit = { durability: 'strict', encryption: { key: storeKey } }
          const plain = await openStoreOn(await FakeLevel.start(), { durability: 'strict' })
          let sealed = await openStoreOn(await FakeLevel.start(disk), init)
          for (const [at, operations] of writes.entries()) {
            const batch = operations.map(({ key: name, value }) =>
              value === null
                ? ({ type: 'delete', key: name } as const)
                : ({ type: 'put', key: name, value } as const),
            )
            await Promise.all([plain.sub('v').write(batch), sealed.sub('v').write(batch)])
            if (at % 2 === 0) continue
            await sealed.close()
            sealed = await openStoreOn(await FakeLevel.start(disk), init)
          }
          const entries = async (store: typeof plain, at: number): Promise<unknown> => {
            const { from, to, ...options } = scans[at] ?? everyKey
            const found: unknown[] = []
            for await (const entry of store.sub('v').scan({ from, to }, options)) found.push(entry)
            return found
          }
          for (const at of scans.keys())
            expect(await entries(sealed, at)).toEqual(await entries(plain, at))
          await Promise.all([plain.close(), sealed.close()])
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('another key', () => {
  it('opens the store instead of the old one, with all its records', async () => {
    const directory = await temporaryDirectory()
    await filled({ directory, encryption: { key: storeKey } })
    await changeStoreKey({ directory, key: storeKey, newKey: otherKey })
    const wrong = { code: 'ERR_STORE_KEY_WRONG' }
    await expect(openStore({ directory, encryption: { key: storeKey } })).rejects.toMatchObject(
      wrong,
    )
    await expect(
      changeStoreKey({ directory, key: storeKey, newKey: otherKey }),
    ).rejects.toMatchObject(wrong)
    const store = closing(await openStore({ directory, encryption: { key: otherKey } }))
    expect(await listed(store.scan(everything))).toEqual(['secret-key=secret-value'])
  })

  it('leaves nothing in the files that the old key opens', async () => {
    const directory = await temporaryDirectory()
    await filled({ directory, encryption: { key: storeKey } })
    const former = await wrappedKeyIn(directory)
    expect(await contentOf(directory)).toContain(former)
    await changeStoreKey({ directory, key: storeKey, newKey: otherKey })
    const content = await contentOf(directory)
    expect(content).not.toContain(former)
    expect(content).toContain(await wrappedKeyIn(directory))
  })

  it('is refused for a store that is not encrypted', async () => {
    const directory = await temporaryDirectory()
    await filled({ directory })
    const change = changeStoreKey({ directory, key: storeKey, newKey: otherKey })
    await expect(change).rejects.toMatchObject({ code: 'ERR_STORE_NOT_ENCRYPTED' })
    await (await openStore({ directory })).close()
  })
})

describe('copyStore', () => {
  it('takes a path that leads nowhere for no empty store, and makes nothing there', async () => {
    const home = await temporaryDirectory()
    const [none, to] = [path.join(home, 'none'), path.join(home, 'to')]
    const unreadable = { code: 'ERR_STORE_UNREADABLE' }
    await expect(copyStore({ directory: none }, { directory: to })).rejects.toMatchObject(
      unreadable,
    )
    const change = changeStoreKey({ directory: none, key: storeKey, newKey: otherKey })
    await expect(change).rejects.toMatchObject(unreadable)
    expect(await readdir(home)).toEqual([])
  })

  it('encrypts a store with all its views, and decrypts it', async () => {
    const home = await temporaryDirectory()
    const [plain, sealed, again] = [
      { directory: path.join(home, 'plain') },
      { directory: path.join(home, 'sealed') },
      { directory: path.join(home, 'again') },
    ]
    const encrypted = { ...sealed, encryption: { key: storeKey } }
    await filled(plain)
    expect(await copyStore(plain, encrypted)).toEqual({ records: 2, damaged: 0 })
    expect(await contentOf(encrypted.directory)).not.toContain('secret')
    expect(await copyStore(encrypted, again)).toEqual({ records: 2, damaged: 0 })
    const store = closing(await openStore(again))
    expect(await listed(store.scan(everything))).toEqual(['secret-key=secret-value'])
    expect(await listed(store.sub('secret-view').scan(everything))).toEqual(['secret-key=inner'])
    await expect(copyStore(plain, encrypted)).rejects.toMatchObject({
      code: 'ERR_STORE_NOT_EMPTY',
    })
  })

  it('syncs what it copies, also into a store that is not to sync later', async () => {
    const home = await temporaryDirectory()
    const plain = { directory: path.join(home, 'plain') }
    await filled(plain)
    const batch = vi.spyOn(ClassicLevel.prototype, 'batch')
    onTestFinished(() => batch.mockRestore())
    await copyStore(plain, { directory: path.join(home, 'copy'), durability: 'relaxed' })
    expect(batch).toHaveBeenCalled()
    for (const [, options] of batch.mock.calls as unknown[][]) {
      expect(options).toMatchObject({ sync: true })
    }
  })
})
