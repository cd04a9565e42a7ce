import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openMemoryStore, openStore, repairStore } from '@vudo/storage'
import { bytes, closing, put, text } from './bytes.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { startWriter } from './acknowledged.ts'

async function newStore(): Promise<string> {
  const directory = path.join(await temporaryDirectory(), 'data', 'store')
  const store = await openStore({ directory })
  await store.write([put('a', '1')])
  await store.close()
  return directory
}

describe('openStore', () => {
  it('finds what was written before, in a directory for the owner alone', async () => {
    const directory = await newStore()
    const store = closing(await openStore({ directory }))
    expect(text(await store.get(bytes('a')))).toBe('1')
    for (const at of [directory, path.join(directory, 'records')]) {
      expect((await stat(at)).mode & 0o777).toBe(0o700)
    }
  })

  it('refuses to open a directory twice in one process', async () => {
    const directory = await newStore()
    const store = await openStore({ directory })
    await expect(openStore({ directory })).rejects.toMatchObject({
      code: 'ERR_STORE_LOCKED',
      message: `${directory} is in use by this process (${process.pid})`,
    })
    await expect(repairStore(directory)).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await store.close()
    await (await openStore({ directory })).close()
    expect(existsSync(path.join(directory, 'owner.json'))).toBe(false)
  })

  it('names the process that has the directory open, and opens it when that is dead', async () => {
    const directory = await newStore()
    const writer = startWriter({ directory, durability: 'relaxed' })
    await writer.reached(1)
    const error: unknown = await openStore({ directory }).catch((reason: unknown) => reason)
    await writer.kill()
    expect(error).toMatchObject({
      code: 'ERR_STORE_LOCKED',
      message: `${directory} is in use by process ${writer.child.pid}`,
      hint: expect.stringContaining(`end process ${writer.child.pid}`) as string,
    })
    expect(existsSync(path.join(directory, 'owner.json'))).toBe(true)
    await (await openStore({ directory })).close()
  })

  it('does not blame a dead process or an unreadable note', async () => {
    const directory = await newStore()
    const dead = spawn(process.execPath, ['--eval', ''])
    await once(dead, 'close')
    const store = await openStore({ directory })
    for (const note of [JSON.stringify({ pid: dead.pid }), '{"pid":"x"}', 'null', '']) {
      await writeFile(path.join(directory, 'owner.json'), note)
      await expect(openStore({ directory })).rejects.toMatchObject({
        code: 'ERR_STORE_LOCKED',
        message: `${directory} is in use by another process`,
      })
    }
    await store.close()
  })

  it('clears up what a crash of its first opening left, and takes the database for its own', async () => {
    const directory = await newStore()
    await mkdir(path.join(directory, 'records-unfinished-1'))
    await (await openStore({ directory })).close()
    expect(await readdir(directory)).toEqual(['records'])
  })

  it('lets one of many win that open a new directory at once', async () => {
    const directory = path.join(await temporaryDirectory(), 'new')
    const opened = await Promise.allSettled([1, 2, 3, 4].map(() => openStore({ directory })))
    const stores = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const codes = opened.flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as { code: string }).code] : [],
    )
    expect(stores).toHaveLength(1)
    expect(new Set(codes)).toEqual(new Set(['ERR_STORE_LOCKED']))
    for (const store of stores) await store.close()
  })

  it('says what is wrong with a path that is no directory', async () => {
    const file = path.join(await temporaryDirectory(), 'file')
    await writeFile(file, '')
    await expect(openStore({ directory: file })).rejects.toMatchObject({
      code: 'ERR_STORE_UNREADABLE',
      message: expect.stringContaining(file) as string,
      hint: expect.stringContaining(file) as string,
    })
  })

  it('refuses a damaged database and does not repair it by itself', async () => {
    const directory = await newStore()
    const records = path.join(directory, 'records')
    const manifest = (await readdir(records)).find((name) => name.startsWith('MANIFEST'))
    await truncate(path.join(records, manifest ?? ''), 3)
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(openStore({ directory })).rejects.toMatchObject({ code: 'ERR_STORE_DAMAGED' })
    }
    await repairStore(directory)
    const store = closing(await openStore({ directory }))
    expect(text(await store.get(bytes('a')))).toBe('1')
  })

  it('does not put an empty database over records whose CURRENT is missing', async () => {
    const directory = await newStore()
    await rm(path.join(directory, 'records', 'CURRENT'))
    await expect(openStore({ directory })).rejects.toMatchObject({ code: 'ERR_STORE_DAMAGED' })
    await repairStore(directory)
    const store = closing(await openStore({ directory }))
    expect(text(await store.get(bytes('a')))).toBe('1')
  })

  it('leaves no note and no lock behind when the format is too new', async () => {
    const directory = await newStore()
    const { ClassicLevel } = await import('classic-level')
    const { encodeRecord } = await import('../src/record.ts')
    const { formatKey } = await import('../src/keys.ts')
    const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const
    const location = path.join(directory, 'records')
    const level = new ClassicLevel<Uint8Array, Uint8Array>(location, encodings)
    await level.put(formatKey, encodeRecord(formatKey, Uint8Array.of(3)))
    await level.close()
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const opening = openStore({ directory })
      await expect(opening).rejects.toMatchObject({ code: 'ERR_STORE_UNREADABLE' })
    }
    expect(existsSync(path.join(directory, 'owner.json'))).toBe(false)
  })

  it('keeps to maxBytes, and takes more when something was deleted', async () => {
    const directory = await newStore()
    const store = closing(await openStore({ directory, maxBytes: 2 ** 20, durability: 'relaxed' }))
    const value = globalThis.crypto.getRandomValues(new Uint8Array(60_000))
    const write = (at: number) => store.write([{ type: 'put', key: bytes(String(at)), value }])
    const fill = async (): Promise<void> => {
      for (let at = 0; at < 100; at += 1) await write(at)
    }
    await expect(fill()).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    expect(text(await store.get(bytes('a')))).toBe('1')
    const keys: Uint8Array[] = []
    for await (const { key } of store.scan({ prefix: new Uint8Array() })) keys.push(key)
    expect(keys.length).toBeGreaterThan(10)
    await store.write(keys.map((key) => ({ type: 'delete', key })))
    await write(0)
  })

  it.each([0, 2 ** 20 - 1, 1.5e6 + 0.5, Number.NaN])(
    'refuses a maxBytes of %s',
    async (maxBytes) => {
      const directory = path.join(await temporaryDirectory(), 'never')
      await expect(openStore({ directory, maxBytes })).rejects.toThrow(RangeError)
      expect(existsSync(directory)).toBe(false)
    },
  )

  it('leaves a note with the process id while it is open', async () => {
    const directory = await newStore()
    const store = await openStore({ directory })
    const note: unknown = JSON.parse(await readFile(path.join(directory, 'owner.json'), 'utf8'))
    expect(note).toMatchObject({ pid: process.pid })
    await store.close()
  })
})

it.each([
  ['strict', true],
  ['relaxed', false],
] as const)('asks LevelDB to sync each batch when it is %s: %s', async (durability, sync) => {
  const { ClassicLevel } = await import('classic-level')
  const batch = vi.spyOn(ClassicLevel.prototype, 'batch')
  onTestFinished(() => batch.mockRestore())
  const store = closing(await openStore({ directory: await temporaryDirectory(), durability }))
  await store.write([put('a', '1')])
  await store.sub('view').write([put('a', '1')])
  const asked = batch.mock.calls.map((parameters: readonly unknown[]) => parameters[1])
  expect(asked).toHaveLength(3)
  expect(asked).toEqual(asked.map(() => expect.objectContaining({ sync }) as unknown))
})

describe('openMemoryStore', () => {
  it('begins empty each time', async () => {
    const first = await openMemoryStore()
    await first.write([put('a', '1')])
    await first.close()
    const second = closing(await openMemoryStore())
    expect(await second.get(bytes('a'))).toBeUndefined()
  })
})
