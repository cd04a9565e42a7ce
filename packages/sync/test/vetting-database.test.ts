import * as Automerge from '@automerge/automerge'
import { openMemoryStore } from '@vudo/storage'
import { openDatabase, type Database } from '@vudo/sync'
import { expect, onTestFinished, test, vi } from 'vitest'
import type * as limits from '../src/limits.ts'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'

const budget = vi.hoisted(() => ({ wallMs: 60_000 }))

// A document of a thousand operations is as good as one of half a million.
vi.mock('../src/limits.ts', async (original) => {
  const all = await original<typeof limits>()
  return {
    ...all,
    VET_FIRST_OPERATIONS: 1_000,
    get MAX_VETTING_WALL_MS() {
      return budget.wallMs
    },
  }
})

async function device(name: string): Promise<{ database: Database; network: FakeNetwork }> {
  const store = await openMemoryStore()
  const network = createFakeNetwork(name)
  const database = await openDatabase({ id: 'db', store, author: keyOf(name), network })
  onTestFinished(() => database.close())
  return { database, network }
}

async function pair(): Promise<[Database, Database]> {
  const [a, b] = [await device('a'), await device('b')]
  connectNetworks(a.network, b.network, 'db')
  return [a.database, b.database]
}

const long = 'costly '.repeat(300)

test('a costly document is opened in the thread, and then here', async () => {
  budget.wallMs = 60_000
  const [a, b] = await pair()
  await a.writeDoc('notes/x', { text: long })
  await a.whenSynced()
  expect(await b.readDoc('notes/x')).toEqual({ text: long })
})

test('one that takes too long is quarantined, and the others are read', async () => {
  budget.wallMs = 0
  const [a, b] = await pair()
  const reasons: string[] = []
  b.events.on('document:quarantined', ({ reason }) => reasons.push(reason))
  await a.writeDoc('notes/x', { text: long })
  await a.writeDoc('notes/y', { text: 'short' })
  await a.whenSynced()
  expect(await b.readDoc('notes/x')).toBeUndefined()
  expect(reasons).toEqual([expect.stringContaining('of CPU to open')])
  expect(await b.readDoc('notes/y')).toEqual({ text: 'short' })
})

test('closing while a document is in the thread ends it', async () => {
  budget.wallMs = 60_000
  const [a, b] = await pair()
  await a.writeDoc('notes/x', { text: long })
  await a.whenSynced()
  const [reading] = await Promise.allSettled([b.readDoc('notes/x'), b.close()])
  expect(reading).toMatchObject({ reason: { code: 'ERR_DATABASE_CLOSED' } })
})

test.each([
  [60_000, [], { text: long, mine: 1 }],
  [0, ['it takes more than 5000 ms of CPU to open'], { mine: 1 }],
])(
  'a costly document of a file is opened in the thread first (%i ms)',
  async (wallMs, reasons, content) => {
    budget.wallMs = wallMs
    const [{ database: a }, { database: b }] = [await device('a'), await device('b')]
    await a.writeDoc('notes/x', { text: long })
    await b.writeDoc('notes/x', { mine: 1 })
    const { refused } = await b.importSpace(await a.exportSpace())
    expect(refused.map(({ reason }) => reason)).toEqual(reasons)
    expect(await b.readDoc('notes/x')).toEqual(content)
  },
)

test('what a foreign peer brings and would have to be opened in the thread is refused, not lost', async () => {
  const { database } = await device('a')
  const note = await database.open('notes/x', { n: 0 })
  const foreign = note.foreignSync()
  const stock = Automerge.from({ text: long })
  const [sync] = Automerge.generateSyncMessage(stock, Automerge.initSyncState())
  const answer = foreign.generate() ?? new Uint8Array()
  const [doc, next] = Automerge.receiveSyncMessage(stock, sync, answer)
  const [, message] = Automerge.generateSyncMessage(doc, next)
  expect(() => foreign.receive(message ?? new Uint8Array())).toThrow(
    expect.objectContaining({ code: 'ERR_DOCUMENT_TOO_LARGE', hint: expect.any(String) }),
  )
  expect(note.current).toEqual({ n: 0 })
})
