import { describe, expect, it } from 'vitest'
import { createFakeDisk, isStoreError, type Store } from '@vudo/storage'
import { openStoreOn, type LevelStoreInit } from '../src/level-store.ts'
import { bytes, closing, listed, put, remove, storeKey, text } from './bytes.ts'
import { FakeLevel } from './fake-level.ts'

const everything = { prefix: new Uint8Array() }

/** Lets the call number `at` of all calls fail with `message`, once. */
function failingOnce(at: number, message: string) {
  const state = { count: 0, failedAt: '' }
  const before = (call: string): void => {
    state.count += 1
    if (state.count !== at) return
    state.failedAt = call
    throw new Error(message)
  }
  return { state, before }
}

describe.each(['plain', 'encrypted'])('a store that is %s', (kind) => {
  const strict: LevelStoreInit = {
    durability: 'strict',
    encryption: kind === 'plain' ? undefined : { key: storeKey },
  }

  /** Opens, writes, reads and closes; gives what was acknowledged and the codes of what failed. */
  async function run(level: FakeLevel): Promise<{ acknowledged: string[]; codes: string[] }> {
    const acknowledged: string[] = []
    const codes: string[] = []
    const attempt = async (action: () => Promise<void>): Promise<void> => {
      try {
        await action()
      } catch (error) {
        if (!isStoreError(error)) throw error
        codes.push(error.code)
      }
    }
    let store: Store | undefined
    await attempt(async () => {
      store = await openStoreOn(level, strict)
    })
    for (const key of ['a', 'b', 'c', 'd']) {
      await attempt(async () => {
        await store?.write([put(key, key), put(`${key}2`, key)])
        if (store) acknowledged.push(`${key}=${key}`, `${key}2=${key}`)
      })
      await attempt(async () => {
        await store?.get(bytes(key))
      })
    }
    await store?.close()
    return { acknowledged, codes }
  }

  async function afterPowerCut(level: FakeLevel): Promise<string[]> {
    level.disk.crash()
    const store = closing(await openStoreOn(await FakeLevel.start(level.disk), strict))
    return await listed(store.scan(everything))
  }

  describe('group commit', () => {
    it('merges the writes of a turn, and those that arrive during a sync', async () => {
      const level = await FakeLevel.start()
      const store = closing(await openStoreOn(level, strict))
      await Promise.all(['a', 'b', 'c'].map((key) => store.write([put(key, key)])))
      // A record of an encrypted store is two of the database: its name and its value.
      expect(level.batches).toEqual(kind === 'plain' ? [1, 3] : [2, 6])
    })

    it('acknowledges nothing before it is durable', async () => {
      const level = await FakeLevel.start()
      const store = await openStoreOn(level, strict)
      await Promise.all(['a', 'b', 'c'].map((key) => store.write([put(key, key)])))
      expect(level.disk.unsyncedBatches).toBe(0)
      expect(await afterPowerCut(level)).toEqual(['a=a', 'b=b', 'c=c'])
    })

    it('is found out when the disk lies about syncing', async () => {
      const level = await FakeLevel.start(undefined, { liesAboutSync: true })
      const store = await openStoreOn(level, strict)
      await store.write([put('a', 'a')])
      expect(await afterPowerCut(level)).toEqual([])
    })
  })

  describe.each(['ENOSPC: no space left on device', 'EIO: i/o error'])('%s once', (message) => {
    it('loses nothing acknowledged, at whichever call it happens', async () => {
      const codes = new Set<string>()
      const afterFault: { acknowledged: string[]; codes: string[] }[] = []
      for (let at = 1, isDone = false; !isDone; at += 1) {
        const { state, before } = failingOnce(at, message)
        let level: FakeLevel
        try {
          level = await FakeLevel.start(
            createFakeDisk(() => 0),
            { before },
          )
        } catch {
          // The database did not even open: nothing was acknowledged.
          continue
        }
        const result = await run(level)
        for (const code of result.codes) codes.add(code)
        expect(await afterPowerCut(level)).toEqual(expect.arrayContaining(result.acknowledged))
        // The first five calls belong to the opening.
        if (at > 5 && ['batch', 'sync'].includes(state.failedAt)) afterFault.push(result)
        isDone = state.failedAt === ''
      }
      // With room again, only the one write fails; after another fault all later ones do.
      const onlyOne = afterFault.map((result) => result.acknowledged.length === 6)
      expect(onlyOne.every(Boolean)).toBe(message.startsWith('ENOSPC'))
      expect(onlyOne).toHaveLength(8)
      expect(codes).toContain(message.startsWith('EIO') ? 'ERR_STORE_FAILED' : 'ERR_STORE_FULL')
    })
  })

  describe('a failed sync', () => {
    it('ends writing until the store is opened again, and reading goes on', async () => {
      const { disk } = new FakeLevel()
      const level = await FakeLevel.start(disk)
      const store = await openStoreOn(level, strict)
      await store.write([put('a', '1')])
      disk.failNext('sync', new Error('EIO: i/o error, fsync'))
      const failed = { code: 'ERR_STORE_FAILED' }
      await expect(store.write([put('a', '2')])).rejects.toMatchObject(failed)
      disk.failNext('sync', new Error('never asked'))
      await expect(store.write([put('b', '2')])).rejects.toMatchObject(failed)
      expect(text(await store.get(bytes('a')))).toBe('1')
      await store.close()
      expect(await afterPowerCut(level)).toEqual(['a=1'])
    })
  })

  describe('a full disk', () => {
    it('opens the database anew before it writes again, and scans go on', async () => {
      let openings = 0
      let isFull = false
      const before = (call: string): void => {
        if (call === 'open') openings += 1
        if (call === 'batch' && isFull) throw new Error('No space left on device')
      }
      const level = await FakeLevel.start(undefined, { before })
      const store = closing(await openStoreOn(level, strict))
      const names = Array.from({ length: 600 }, (_, at) => String(at + 1_000))
      await store.write(names.map((name) => put(name, name)))
      const seen: string[] = []
      for await (const { key } of store.scan(everything)) {
        seen.push(text(key)!)
        if (seen.length !== 10) continue
        isFull = true
        const full = { code: 'ERR_STORE_FULL' }
        await expect(store.write([put('a', '1')])).rejects.toMatchObject(full)
        isFull = false
        await store.write([put('0', '1')])
      }
      expect(openings).toBe(2)
      expect(seen).toEqual(names)
      expect(text(await store.get(bytes('0')))).toBe('1')
    })

    it('is what a store above maxBytes looks like, and deleting is the way out', async () => {
      let used = 0
      let compactions = 0
      const quota = {
        maxBytes: 1_000,
        measure: () => Promise.resolve(used),
        compact: () => {
          compactions += 1
          if (compactions > 1) used = 0
          return Promise.resolve()
        },
      }
      const store = closing(await openStoreOn(await FakeLevel.start(), { ...strict, quota }))
      await store.write([put('a', 'x'.repeat(400))])
      // What is added to an encrypted record counts as well.
      used = kind === 'plain' ? 900 : 600
      const results = await Promise.allSettled([
        store.write([put('b', 'x'.repeat(600))]),
        store.write([put('c', 'x')]),
        store.write([remove('a')]),
      ])
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
      await store.write([put('b', 'x'.repeat(600))])
      expect(compactions).toBe(2)
    })
  })
})
