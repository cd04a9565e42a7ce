/** What every store does, wherever its records lie: on Node and in browsers. */
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import {
  MAX_KEY_BYTES,
  MAX_VIEW_DEPTH,
  MAX_WRITE_OPERATIONS,
  openMemoryStore,
  type Durability,
  type Store,
  type StoreView,
} from '@vudo/storage'
import { bytes, closing, listed, put, remove, text } from './bytes.ts'

const everything = { prefix: new Uint8Array() }

/** Declares the tests of a store; `open` gives an empty one. */
// oxlint-disable-next-line max-lines-per-function -- many small cases, as in a `describe`
export function testStore(open: () => Promise<Store>, durability: Durability): void {
  let store: Store

  beforeEach(async () => {
    store = await open()
    onTestFinished(() => store.close())
  })

  it('says how durable it is', () => {
    expect(store.durability).toBe(durability)
  })

  it('gives back what was put, as plain bytes', async () => {
    await store.write([put('a', '1'), put('', 'empty key'), put('c', '')])
    expect(await store.get(bytes('a'))).toStrictEqual(bytes('1'))
    expect(await store.get(bytes(''))).toStrictEqual(bytes('empty key'))
    expect(await store.get(bytes('c'))).toStrictEqual(new Uint8Array())
    expect(await store.get(bytes('b'))).toBeUndefined()
    expect((await store.getMany([bytes('b'), bytes('a')])).map(text)).toEqual([undefined, '1'])
  })

  it('lets the later operation on a key win, within a write and between writes', async () => {
    await store.write([put('a', '1'), remove('a'), put('a', '2')])
    const writes = [store.write([put('a', '3')]), store.write([remove('b'), put('a', '4')])]
    await Promise.all(writes)
    expect(text(await store.get(bytes('a')))).toBe('4')
  })

  it('shares no buffer with its callers', async () => {
    const operation = put('a', '1')
    const written = store.write([operation])
    operation.key.fill(0)
    await written
    ;(await store.get(bytes('a')))?.fill(0)
    for await (const { key, value } of store.scan(everything)) {
      key.fill(0)
      value.fill(0)
    }
    expect(await listed(store.scan(everything))).toEqual(['a=1'])
  })

  it('scans by prefix and by range, forwards and backwards', async () => {
    await store.write(['a', 'ab', 'b', 'ba', 'c'].map((key) => put(key, key)))
    const keys = async (...scan: Parameters<Store['scan']>): Promise<string> =>
      (await listed(store.scan(...scan))).map((entry) => entry.split('=')[0]).join(' ')
    expect(await keys(everything)).toBe('a ab b ba c')
    expect(await keys(everything, { reverse: true })).toBe('c ba b ab a')
    expect(await keys({ prefix: bytes('a') })).toBe('a ab')
    expect(await keys({ from: bytes('ab'), to: bytes('ba') })).toBe('ab b')
    expect(await keys({ from: bytes('b') }, { limit: 2 })).toBe('b ba')
    expect(await keys(everything, { limit: 2, reverse: true })).toBe('c ba')
    expect(await keys(everything, { limit: 0 })).toBe('')
  })

  it('scans prefixes that end in the highest byte', async () => {
    const key = Uint8Array.of(0xff, 0xff)
    await store.write([{ type: 'put', key, value: bytes('last') }])
    const found: Uint8Array[] = []
    for await (const entry of store.scan({ prefix: key })) found.push(entry.key)
    expect(found).toEqual([key])
  })

  it('scans what was there when the scan began, over many pages', async () => {
    const names = Array.from({ length: 1_000 }, (_, at) => String(at).padStart(4, '0'))
    await store.write(names.map((name) => put(name, name.repeat(20))))
    let count = 0
    for await (const { key } of store.scan(everything)) {
      expect(text(key)).toBe(names[count])
      count += 1
      if (count === 1) await store.write([put('9999', 'new'), remove('0500')])
    }
    expect(count).toBe(1_000)
  })

  it('ends a scan with the reason of the signal', async () => {
    await store.write([put('a', '1'), put('b', '2')])
    const controller = new AbortController()
    const reason = new Error('enough')
    const scan = async (): Promise<void> => {
      const { signal } = controller
      for await (const { key } of store.scan(everything, { signal })) {
        expect(text(key)).toBe('a')
        controller.abort(reason)
      }
    }
    await expect(scan()).rejects.toBe(reason)
    await expect(scan()).rejects.toBe(reason)
  })

  it('keeps views apart, and writes across them at once', async () => {
    const docs = store.sub('docs')
    const inner = docs.sub('inner')
    await store.write([
      put('a', 'root'),
      { ...put('a', 'docs'), view: docs },
      { ...put('a', 'inner'), view: inner },
      { ...put('a', 'other'), view: store.sub('docsinner') },
    ])
    expect(await listed(store.scan(everything))).toEqual(['a=root'])
    expect(await listed(docs.scan(everything))).toEqual(['a=docs'])
    expect(await listed(inner.scan(everything))).toEqual(['a=inner'])
    await inner.write([remove('a'), { ...put('b', 'from inner'), view: store }])
    expect(await listed(store.sub('docs').sub('inner').scan(everything))).toEqual([])
    expect(await listed(store.scan(everything))).toEqual(['a=root', 'b=from inner'])
  })

  it('refuses views of another store and bad names', async () => {
    const other = closing(await openMemoryStore())
    await expect(store.write([{ ...put('a', '1'), view: other }])).rejects.toThrow(TypeError)
    for (const name of ['', 'a b', 'ä', 'x'.repeat(65)]) {
      expect(() => store.sub(name)).toThrow(RangeError)
    }
    let view: StoreView = store
    for (let depth = 0; depth < MAX_VIEW_DEPTH; depth += 1) view = view.sub('v')
    expect(() => view.sub('v')).toThrow(RangeError)
  })

  it('refuses what is above a limit, and writes nothing of it', async () => {
    const long = new Uint8Array(MAX_KEY_BYTES + 1)
    const limit = { code: 'ERR_STORE_LIMIT' }
    await expect(store.get(long)).rejects.toMatchObject(limit)
    await expect(store.write([put('a', '1'), { type: 'delete', key: long }])).rejects.toMatchObject(
      limit,
    )
    const many = Array.from({ length: MAX_WRITE_OPERATIONS + 1 }, () => remove('a'))
    await expect(store.write(many)).rejects.toMatchObject(limit)
    const noBytes = 'text' as unknown as Uint8Array
    const mistaken = [put('b', '1'), { type: 'put', key: bytes('b'), value: noBytes }] as const
    await expect(store.write(mistaken)).rejects.toThrow(TypeError)
    await expect(store.get('a' as unknown as Uint8Array)).rejects.toThrow(TypeError)
    expect(await listed(store.scan(everything))).toEqual([])
  })

  it('takes the largest number of operations in one write', async () => {
    await store.write(
      Array.from({ length: MAX_WRITE_OPERATIONS }, (_, at) => put(`${at % 10}`, '')),
    )
    expect(await listed(store.scan(everything))).toHaveLength(10)
  }, 120_000)

  it('completes what it accepted and refuses what comes after the end', async () => {
    const written = store.write([put('a', '1')])
    const closed = store.close()
    await written
    await closed
    await store.close()
    const refused = { name: 'StoreError', code: 'ERR_STORE_CLOSED' }
    await expect(store.get(bytes('a'))).rejects.toMatchObject(refused)
    await expect(store.getMany([])).rejects.toMatchObject(refused)
    await expect(store.write([])).rejects.toMatchObject(refused)
    await expect(store.sub('a').write([])).rejects.toMatchObject(refused)
    await expect(listed(store.scan(everything))).rejects.toMatchObject(refused)
  })

  it('ends a running scan when it is closed', async () => {
    await store.write(Array.from({ length: 600 }, (_, at) => put(String(at), 'x'.repeat(100))))
    const scan = async (): Promise<void> => {
      for await (const { key } of store.scan(everything)) {
        expect(key.byteLength).toBeGreaterThan(0)
        await store.close()
      }
    }
    await expect(scan()).rejects.toMatchObject({ code: 'ERR_STORE_CLOSED' })
  })
}
