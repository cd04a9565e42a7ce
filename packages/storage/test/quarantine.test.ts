import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFakeDisk, MAX_QUARANTINE_BYTES, type DamageReport } from '@vudo/storage'
import { quarantineKey, recordKey, rootPath, subPath } from '../src/keys.ts'
import { openStoreOn } from '../src/level-store.ts'
import { decodeRecord, encodeRecord } from '../src/record.ts'
import { bytes, closing, listed, put, text } from './bytes.ts'
import { FakeLevel } from './fake-level.ts'

const everything = { prefix: new Uint8Array() }

/** A copy with some bits of one byte changed. */
const flipped = (bytesBefore: Uint8Array, at: number, bits: number): Uint8Array =>
  bytesBefore.with(at, bytesBefore.at(at)! ^ bits)

/** A store whose records `names` were damaged on the disk, in the view `docs`. */
async function damagedStore(names: readonly string[], record?: Uint8Array) {
  const disk = createFakeDisk(() => 0)
  const path = subPath(rootPath, 'docs')
  const healthy = await openStoreOn(await FakeLevel.start(disk), { durability: 'strict' })
  await healthy.sub('docs').write(['a', 'b', 'c'].map((key) => put(key, key)))
  await healthy.close()
  for (const name of names) {
    const key = recordKey(path, bytes(name))
    const broken = record ?? flipped(disk.get(key)!, -1, 1)
    disk.append([{ type: 'put', key, value: broken }])
  }
  disk.sync()
  const reports: DamageReport[] = []
  const store = await openStoreOn(await FakeLevel.start(disk), {
    durability: 'strict',
    onDamage: (report) => reports.push(report),
  })
  return { disk, path, reports, store, docs: store.sub('docs') }
}

describe('a damaged record', () => {
  it('counts as absent, is reported and moved, durably', async () => {
    const { disk, path, reports, store, docs } = await damagedStore(['b'])
    const [first, second] = await Promise.all([docs.get(bytes('b')), docs.get(bytes('b'))])
    expect([first, second, await docs.get(bytes('b'))]).toEqual([undefined, undefined, undefined])
    expect(text(await docs.get(bytes('a')))).toBe('a')
    expect(store.damaged).toBe(1)
    expect(reports).toEqual([{ view: ['docs'], key: bytes('b'), moved: true }])
    disk.crash()
    const key = recordKey(path, bytes('b'))
    expect(disk.get(key)).toBeUndefined()
    expect(disk.get(quarantineKey(key))).toBeDefined()
    await store.close()
  })

  it('is skipped by scans and getMany', async () => {
    const { store, docs } = await damagedStore(['a', 'c'])
    expect(await listed(docs.scan(everything))).toEqual(['b=b'])
    expect((await docs.getMany([bytes('a'), bytes('b')])).map(text)).toEqual([undefined, 'b'])
    expect(store.damaged).toBe(2)
    await store.close()
  })

  it('can be written again', async () => {
    const { store, docs } = await damagedStore(['a'])
    await docs.get(bytes('a'))
    await docs.write([put('a', 'new')])
    expect(text(await docs.get(bytes('a')))).toBe('new')
    await store.close()
  })

  it('does not take away what was written over it meanwhile', async () => {
    const { store, docs } = await damagedStore(['a'])
    const [, got] = await Promise.all([docs.write([put('a', 'new')]), docs.get(bytes('a'))])
    expect(got).toBeUndefined()
    expect(text(await docs.get(bytes('a')))).toBe('new')
    expect(store.damaged).toBe(0)
    await store.close()
  })

  it('stays where it is when the quarantine is full', async () => {
    const big = new Uint8Array(MAX_QUARANTINE_BYTES / 2)
    const { disk, path, reports, store, docs } = await damagedStore(['a', 'b'], big)
    expect(await listed(docs.scan(everything))).toEqual(['c=c'])
    expect(reports.map(({ moved }) => moved)).toEqual([true, false])
    await store.close()
    expect(disk.get(recordKey(path, bytes('b')))).toHaveLength(big.length)
    // What lies there from earlier is counted.
    const again: DamageReport[] = []
    const onDamage = (report: DamageReport): unknown => again.push(report)
    const level = await FakeLevel.start(disk)
    const reopened = closing(await openStoreOn(level, { durability: 'strict', onDamage }))
    await reopened.sub('docs').get(bytes('b'))
    expect(again.map(({ moved }) => moved)).toEqual([false])
  })
})

describe('the stored form', () => {
  it('is refused after any change of one byte, and under another key', () => {
    const sample = fc.uint8Array({ maxLength: 40 })
    fc.assert(
      fc.property(
        sample,
        sample,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (key, value, at, flip) => {
          const record = encodeRecord(key, value)
          expect(decodeRecord(key, record)).toEqual(value)
          expect(decodeRecord(Uint8Array.of(...key, 0), record)).toBeUndefined()
          const changed = flipped(record, at % record.length, flip)
          expect(decodeRecord(key, changed)).toBeUndefined()
        },
      ),
    )
  })

  it('never lets the decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (key, record) => {
        expect(() => decodeRecord(key, record)).not.toThrow()
      }),
    )
  })
})
