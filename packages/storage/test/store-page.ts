/** What the tests of several pages run in each of them. */
import { isStoreError, openStore, requestPersistence, type Store } from '@vudo/storage/browser'

export { requestPersistence }

let store: Store | undefined

/** Opens the store `name` in this page; gives its durability, or the code that it was refused with. */
export async function open(name: string): Promise<string> {
  try {
    store = await openStore({ name })
    return store.durability
  } catch (error) {
    if (isStoreError(error)) return error.code
    throw error
  }
}

/** As {@link open}, as soon as it is free. */
export async function openWhenFree(name: string): Promise<string> {
  for (;;) {
    const result = await open(name)
    if (result !== 'ERR_STORE_LOCKED') return result
  }
}

export async function close(): Promise<void> {
  await store?.close()
}

/** Writes `count` records of `bytes` bytes, `batch` of them in each write, all at once; gives milliseconds, or a code. */
export async function write(count: number, bytes: number, batch: number): Promise<number | string> {
  const begin = performance.now()
  const writes: Promise<void>[] = []
  try {
    for (let at = 0; at < count; at += batch) {
      const operations = Array.from({ length: Math.min(batch, count - at) }, (_, index) => ({
        type: 'put' as const,
        key: keyOf(at + index),
        value: randomBytes(bytes),
      }))
      writes.push(opened().write(operations))
    }
    await Promise.all(writes)
    return performance.now() - begin
  } catch (error) {
    await Promise.allSettled(writes)
    if (isStoreError(error)) return error.code
    throw error
  }
}

/** Writes records one after the other until the page ends; `acknowledged` in the title counts those that were. */
export function writeForEver(): void {
  void (async () => {
    for (let at = 0; ; at += 1) {
      await opened().write([{ type: 'put', key: keyOf(at), value: Uint8Array.of(at) }])
      document.title = String(at + 1)
    }
  })()
}

/** The keys, as the numbers that they were made of. */
export async function keys(): Promise<number[]> {
  const found: number[] = []
  for await (const { key } of opened().scan({ prefix: new Uint8Array() })) {
    found.push(new DataView(key.buffer).getUint32(0))
  }
  return found
}

/** Deletes the records of the first `count` keys. */
export async function remove(count: number): Promise<void> {
  await opened().write(
    Array.from({ length: count }, (_, at) => ({ type: 'delete' as const, key: keyOf(at) })),
  )
}

function opened(): Store {
  if (store) return store
  throw new Error('this page has opened no store')
}

/** Not to be compressed: browsers count what lies on the disk. */
function randomBytes(count: number): Uint8Array {
  const random = new Uint8Array(count)
  for (let at = 0; at < count; at += 65_536)
    crypto.getRandomValues(random.subarray(at, at + 65_536))
  return random
}

function keyOf(at: number): Uint8Array {
  const key = new Uint8Array(4)
  new DataView(key.buffer).setUint32(0, at)
  return key
}
