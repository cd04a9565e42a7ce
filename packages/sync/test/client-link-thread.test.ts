import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { openStore } from '@vudo/storage'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase, type Database } from '@vudo/sync'
import { connectDatabase } from '@vudo/sync/worker'
import { keyOf } from './replica-lab.ts'

async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'vudo-linked-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function startWorker(directory: string, isFragile = false): Worker {
  const worker = new Worker(new URL('linked-worker.ts', import.meta.url), {
    workerData: { directory, isFragile },
  })
  onTestFinished(async () => void (await worker.terminate()))
  return worker
}

async function readBack(directory: string, place: string): Promise<unknown> {
  const store = await openStore({ directory })
  const database = await openDatabase({ id: 'linked', store, author: keyOf('linked') })
  try {
    return await database.readDoc(place)
  } finally {
    await database.close()
    await store.close()
  }
}

test('a worker thread stores what the application edits', async () => {
  const directory = await freshDirectory()
  const worker = startWorker(directory)
  const ended = new Promise<void>((resolve) => void worker.once('exit', () => resolve()))
  const database = await connectDatabase(worker)
  const list = await database.open('lists/a', { items: [] as number[] })
  for (let n = 0; n < 2_000; n++) list.change((doc) => doc.items.push(n))
  await list.close()
  await database.close()
  await ended
  expect(await readBack(directory, 'lists/a')).toEqual({ items: [...Array(2_000).keys()] })
})

test('a program that ends after its last edit loses none', async () => {
  const directory = await freshDirectory()
  const program = fileURLToPath(new URL('./linked-program.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, directory])
  expect(stdout).toBe('edited\n')
  expect(await readBack(directory, 'lists/last')).toEqual({ items: [...Array(100).keys()] })
})

test('a worker that crashes ends everything with a typed error, and says so', async () => {
  const directory = await freshDirectory()
  const worker = startWorker(directory, true)
  const crashed = new Promise<unknown>((resolve) => void worker.once('error', resolve))
  const database: Database = await connectDatabase(worker)
  const kept = await database.open('notes/kept', { text: 'a' })
  kept.change((doc) => {
    doc.text = 'ab'
  })
  await kept.whenSaved()
  const told = database.events.once('worker:ended', { signal: AbortSignal.timeout(20_000) })
  const code = 'ERR_WORKER_ENDED'
  const waiting = kept.whenSynced().catch((error: unknown) => error)
  // Its answer may come before the worker fails at the news of it.
  await database.open('notes/fatal', { text: '' }).catch(() => undefined)
  expect(await waiting).toMatchObject({ code, name: 'SyncError' })
  expect(await told).toMatchObject({ message: expect.stringContaining('ended') })
  expect(await crashed).toMatchObject({ message: 'the worker is made to fail' })
  expect(() => kept.change((doc) => void (doc.text = 'lost'))).toThrow(
    expect.objectContaining({ code }),
  )
  await expect(database.ls()).rejects.toMatchObject({ code })
  await database.close()
  expect(await readBack(directory, 'notes/kept')).toEqual({ text: 'ab' })
})
