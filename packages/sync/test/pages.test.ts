/** The link between pages and their worker, with Node's own Web Locks and channels; in Chromium: pages-chromium.test.ts. */
import { openMemoryStore, StoreError } from '@vudo/storage'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase, type Database } from '@vudo/sync'
import { connectWorker, type DatabaseWorker } from '@vudo/sync/page'
import { servePages } from '@vudo/sync/page-worker'
import { next, patient, type Note } from './link-lab.ts'
import { keyOf } from './replica-lab.ts'

const { locks } = navigator

/** A worker in this thread: what is said to it is cloned as between threads. */
function workerOf(open: () => Promise<Database>, lockManager: LockManager = locks): DatabaseWorker {
  const { port1, port2 } = new MessageChannel()
  servePages(open, { scope: port1, locks: lockManager })
  port1.start()
  onTestFinished(() => {
    port1.close()
    port2.close()
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is used of a worker, a port has
  return port2 as unknown as Worker
}

async function openInMemory(): Promise<Database> {
  const store = await openMemoryStore()
  const database = await openDatabase({ id: 'db', store, author: keyOf('a') })
  onTestFinished(() => database.close())
  return database
}

async function pageOf(worker: DatabaseWorker, lockManager: LockManager = locks): Promise<Database> {
  const page = await connectWorker(worker, { locks: lockManager })
  onTestFinished(() => page.close())
  return page
}

/** Locks whose holders end when they are told to, as if their thread had. */
function mortal(): { readonly locks: LockManager; readonly die: () => void } {
  const death = Promise.withResolvers<void>()
  const request = (name: string, ...rest: unknown[]): Promise<unknown> => {
    const [options, task] = rest.length === 2 ? rest : [{}, rest[0]]
    const run = (): unknown =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as LockManager has it
      Promise.race([(task as () => unknown)(), death.promise])
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    return locks.request(name, options as LockOptions, run)
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is used of it
  return { locks: { request } as unknown as LockManager, die: () => death.resolve() }
}

/** Locks, and the names of those that are held. */
function counted(): { readonly locks: LockManager; readonly held: ReadonlySet<string> } {
  const held = new Set<string>()
  const request = (name: string, ...rest: unknown[]): Promise<unknown> => {
    if (rest.length === 2) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as LockManager has it
      return locks.request(name, rest[0] as LockOptions, rest[1] as LockGrantedCallback<unknown>)
    }
    return locks.request(name, async () => {
      held.add(name)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
      await (rest[0] as () => unknown)()
      held.delete(name)
    })
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is used of it
  return { locks: { request } as unknown as LockManager, held }
}

async function codeOf(task: Promise<unknown>): Promise<unknown> {
  return task.then(
    () => undefined,
    (error: unknown) => Reflect.get(Object(error), 'code'),
  )
}

test('two pages work with one database, which is opened once', async () => {
  let opened = 0
  const worker = workerOf(() => {
    opened += 1
    return openInMemory()
  })
  const [one, two] = await Promise.all([pageOf(worker), pageOf(worker)])
  const here = await one.open<Note>('notes/x', { title: 'T', lines: [] })
  const there = await two.open<Note>('notes/x')
  here.change((doc) => doc.lines.push('one'))
  await expect.poll(() => there.current.lines, patient).toEqual(['one'])
  there.change((doc) => doc.lines.push('two'))
  await expect.poll(() => here.current.lines, patient).toEqual(['one', 'two'])
  expect(opened).toBe(1)
})

test('a page that closes its database lets its documents go; the others go on', async () => {
  const worker = workerOf(openInMemory)
  const [one, two] = await Promise.all([pageOf(worker), pageOf(worker)])
  const here = await one.open<Note>('notes/x', { title: 'T', lines: [] })
  expect(await codeOf(two.forget('notes/x', { force: true }))).toBe('ERR_DOCUMENT_IN_USE')
  here.change((doc) => doc.lines.push('last'))
  await one.close()
  const there = await two.open<Note>('notes/x')
  expect(there.current.lines).toEqual(['last'])
  await there.close()
  await expect
    .poll(() => codeOf(two.forget('notes/x', { force: true })), patient)
    .not.toBe('ERR_DOCUMENT_IN_USE')
})

test('a page that dies without a word lets its documents go', async () => {
  const worker = workerOf(openInMemory)
  const { locks: pageLocks, die } = mortal()
  const [one, two] = [await pageOf(worker, pageLocks), await pageOf(worker)]
  const here = await one.open<Note>('notes/x', { title: 'T', lines: [] })
  await here.whenSaved()
  expect(await codeOf(two.forget('notes/x', { force: true }))).toBe('ERR_DOCUMENT_IN_USE')
  die()
  await expect
    .poll(() => codeOf(two.forget('notes/x', { force: true })), patient)
    .not.toBe('ERR_DOCUMENT_IN_USE')
})

test('a worker that dies is told to its pages', async () => {
  const { locks: workerLocks, die } = mortal()
  const page = await pageOf(workerOf(openInMemory, workerLocks))
  const note = await page.open<Note>('notes/x', { title: 'T', lines: [] })
  const ended = next(page, 'worker:ended')
  die()
  await ended
  expect(() => note.change((doc) => doc.lines.push('lost'))).toThrow(
    expect.objectContaining({ code: 'ERR_WORKER_ENDED' }),
  )
})

test('what opening throws is told to each page, and the next one tries again', async () => {
  let isLocked = true
  const worker = workerOf(async () => {
    if (isLocked) throw new StoreError('ERR_STORE_LOCKED', 'another page has the store')
    return openInMemory()
  })
  expect(await codeOf(connectWorker(worker, { locks }))).toBe('ERR_STORE_LOCKED')
  isLocked = false
  const page = await pageOf(worker)
  expect(await page.ls()).toEqual([])
})

test('a program that fails is told, and so is a signal', async () => {
  const broken = new EventTarget()
  const worker = Object.assign(broken, { postMessage: () => {} })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is used of a worker
  const connecting = connectWorker(worker as unknown as Worker, { locks })
  const connected = codeOf(connecting)
  await new Promise((resolve) => setImmediate(resolve))
  broken.dispatchEvent(new Event('error'))
  await connected
  await expect(connecting).rejects.toThrow('the program of the worker failed')
  const signal = AbortSignal.timeout(10)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
  const waiting = connectWorker(worker as unknown as Worker, { locks, signal })
  await expect(waiting).rejects.toThrow(expect.objectContaining({ name: 'TimeoutError' }))
})

test('who has no locks is told why', async () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- never used
  const worker = {} as Worker
  const { navigator: had } = globalThis
  Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true })
  try {
    await expect(connectWorker(worker)).rejects.toThrow('secure contexts')
  } finally {
    Object.defineProperty(globalThis, 'navigator', { value: had, configurable: true })
  }
})

test('a worker that dies leaves nothing behind in its page', async () => {
  const { locks: workerLocks, die } = mortal()
  const { locks: pageLocks, held } = counted()
  const page = await pageOf(workerOf(openInMemory, workerLocks), pageLocks)
  expect(held.size).toBe(1)
  const ended = next(page, 'worker:ended')
  die()
  await ended
  await expect.poll(() => held.size, patient).toBe(0)
})

test('a database that the worker has closed is opened anew for the next page', async () => {
  const opened: Database[] = []
  const worker = workerOf(async () => {
    const database = await openInMemory()
    opened.push(database)
    return database
  })
  const first = await pageOf(worker)
  await opened[0]?.close()
  expect(await codeOf(first.ls())).toBe('ERR_DATABASE_CLOSED')
  const [page, other] = await Promise.all([pageOf(worker), pageOf(worker)])
  expect([await page.ls(), await other.ls()]).toEqual([[], []])
  expect(opened).toHaveLength(2)
})

test('a worker that gets no lock opens nothing', async () => {
  let opened = 0
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is used of it
  const refusing = { request: () => Promise.reject(new Error('no locks here')) } as unknown
  const worker = workerOf(
    () => {
      opened += 1
      return openInMemory()
    },
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    refusing as LockManager,
  )
  await expect(connectWorker(worker, { locks })).rejects.toThrow('no locks here')
  expect(opened).toBe(0)
})

test('what is no greeting of a page is passed over', async () => {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  const scope = new EventTarget()
  const thrown: unknown[] = []
  servePages(openInMemory, { scope, locks })
  const onError = (error: unknown): number => thrown.push(error)
  process.on('uncaughtException', onError)
  onTestFinished(() => void process.off('uncaughtException', onError))
  for (const data of [null, 1, { type: 'vudo:page' }, { type: 'vudo:page', port: port2 }]) {
    scope.dispatchEvent(new MessageEvent('message', { data }))
  }
  await new Promise((resolve) => setImmediate(resolve))
  expect(thrown).toEqual([])
})

test('a worker that dies while it opens the database is told as well', async () => {
  const { locks: workerLocks, die } = mortal()
  const opening = Promise.withResolvers<void>()
  const worker = workerOf(() => {
    opening.resolve()
    return new Promise<Database>(() => {})
  }, workerLocks)
  const connecting = codeOf(connectWorker(worker, { locks, signal: AbortSignal.timeout(5_000) }))
  await opening.promise
  die()
  expect(await connecting).toBe('ERR_WORKER_ENDED')
})
