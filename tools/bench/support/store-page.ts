/** What the bench `browser-store` runs in a page: the same records through our store and straight into IndexedDB. */
import { openStore, type Store } from '@vudo/storage/browser'

interface Load {
  readonly records: number
  readonly bytes: number
  readonly perWrite: number
  /** Each write after the one before; otherwise all at once. */
  readonly isAwaited: boolean
}
interface Target {
  write(records: readonly (readonly [Uint8Array<ArrayBuffer>, Uint8Array])[]): Promise<void>
}

const key = (at: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(40)
  new DataView(bytes.buffer).setUint32(0, at)
  return bytes
}
let next = 0
let store: Store | undefined
let connection: IDBDatabase | undefined

async function ours(): Promise<Target> {
  const opened = (store ??= await openStore({ name: 'ours' }))
  return {
    write: (records) =>
      opened.write(records.map(([at, value]) => ({ type: 'put', key: at, value }))),
  }
}

/** One transaction for each write, as the documentation of IndexedDB shows it. */
async function plain(): Promise<Target> {
  connection ??= await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open('plain', 1)
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore('records'))
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('no database')))
  })
  const opened = connection
  return {
    write: (records) =>
      new Promise((resolve, reject) => {
        const transaction = opened.transaction('records', 'readwrite')
        const target = transaction.objectStore('records')
        for (const [at, value] of records) target.put(value, at)
        transaction.addEventListener('complete', () => resolve())
        transaction.addEventListener('abort', () =>
          reject(transaction.error ?? new Error('aborted')),
        )
      }),
  }
}

/** Milliseconds that `load` takes. */
export async function measure(side: 'ours' | 'plain', load: Load): Promise<number> {
  const target = await (side === 'ours' ? ours() : plain())
  const writes = Array.from({ length: load.records / load.perWrite }, () =>
    Array.from({ length: load.perWrite }, () => {
      next += 1
      return [key(next), crypto.getRandomValues(new Uint8Array(load.bytes))] as const
    }),
  )
  const begin = performance.now()
  if (load.isAwaited) for (const records of writes) await target.write(records)
  else await Promise.all(writes.map((records) => target.write(records)))
  return performance.now() - begin
}

/** Milliseconds that reading all records of our store takes, and how many there are. */
export async function scan(): Promise<{ readonly ms: number; readonly records: number }> {
  store ??= await openStore({ name: 'ours' })
  const begin = performance.now()
  let records = 0
  for await (const { value } of store.scan({ prefix: new Uint8Array() })) {
    if (value.byteLength > 0) records += 1
  }
  return { ms: performance.now() - begin, records }
}
