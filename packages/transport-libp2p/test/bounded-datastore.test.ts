import { describe, expect, it } from 'vitest'
import { createBoundedDatastore } from '../src/bounded-datastore.ts'

type StoreKey = Parameters<ReturnType<typeof createBoundedDatastore>['get']>[0]

function keyOf(name: string): StoreKey {
  return { toString: () => name } as StoreKey
}

describe('the memory of the stack', () => {
  it('keeps a bounded number of entries of each kind, the latest ones', async () => {
    const store = createBoundedDatastore(3, () => 0)
    for (let at = 0; at < 5; at++) {
      await store.put(keyOf(`/dht/provider/${at}`), Uint8Array.of(at))
      await store.put(keyOf(`/dht/record/${at}`), Uint8Array.of(at))
    }
    await store.put(keyOf('/dht/provider/2'), Uint8Array.of(9))
    await store.put(keyOf('/dht/provider/5'), Uint8Array.of(5))
    const found: number[] = []
    for await (const { value } of store.query({ prefix: '/dht/provider' }))
      found.push(value[0] ?? 0)
    expect(found).toEqual([4, 9, 5])
    expect(store.has(keyOf('/dht/record/2'))).toBe(true)
    expect(() => store.get(keyOf('/dht/record/1'))).toThrow(
      expect.objectContaining({ name: 'NotFoundError' }),
    )
  })

  it('answers in random order, so that nobody is always among the last', async () => {
    const ranks = [0.5, 0.2, 0.9]
    const store = createBoundedDatastore(10, () => ranks.shift() ?? 0)
    for (const at of [0, 1, 2]) await store.put(keyOf(`/dht/provider/${at}`), Uint8Array.of(at))
    const found: number[] = []
    for await (const { value } of store.query({ prefix: '/dht/provider/' })) {
      found.push(value[0] ?? 0)
    }
    expect(found).toEqual([1, 0, 2])
  })

  it('refuses what is too large', async () => {
    const store = createBoundedDatastore()
    await expect(async () =>
      store.put(keyOf('/dht/record/a'), new Uint8Array(16_385)),
    ).rejects.toThrow(RangeError)
    await expect(async () =>
      store.put(keyOf(`/${'a'.repeat(600)}`), new Uint8Array()),
    ).rejects.toThrow(RangeError)
  })

  it('answers by prefix, filter, order, offset and limit', async () => {
    const store = createBoundedDatastore()
    for (const name of ['/peers/b', '/peers/a', '/peers/c', '/other/a']) {
      await store.put(keyOf(name), new TextEncoder().encode(name))
    }
    const names: string[] = []
    const query = {
      prefix: '/peers',
      filters: [(key: StoreKey) => key.toString() !== '/peers/c'],
      orders: [(a: StoreKey, b: StoreKey) => (a.toString() < b.toString() ? -1 : 1)],
      offset: 1,
      limit: 1,
    }
    for await (const key of store.queryKeys(query)) names.push(key.toString())
    expect(names).toEqual(['/peers/b'])
    const batch = store.batch()
    batch.put(keyOf('/other/b'), new Uint8Array())
    batch.delete(keyOf('/other/a'))
    expect(store.has(keyOf('/other/b'))).toBe(false)
    await batch.commit()
    expect([store.has(keyOf('/other/a')), store.has(keyOf('/other/b'))]).toEqual([false, true])
  })

  it('lets whoever has most entries lose one, so that a flood of one peer pushes out nobody else', async () => {
    const store = createBoundedDatastore(10)
    await store.put(keyOf('/dht/provider/topic/honest'), new Uint8Array())
    for (let at = 0; at < 100; at++) {
      await store.put(keyOf(`/dht/provider/${at}/stranger`), new Uint8Array())
      await store.put(keyOf(`/dht/provider/${at}/friend`), new Uint8Array())
    }
    expect(store.has(keyOf('/dht/provider/topic/honest'))).toBe(true)
    expect(store.has(keyOf('/dht/provider/99/stranger'))).toBe(true)
    expect(store.has(keyOf('/dht/provider/90/stranger'))).toBe(false)
    await store.delete(keyOf('/dht/provider/99/stranger'))
    expect(store.has(keyOf('/dht/provider/99/stranger'))).toBe(false)
  })
})
