import * as Automerge from '@automerge/automerge'
import { openMemoryStore } from '@vudo/storage'
import { createAuthorKey } from '@vudo/identity'
import { isBlobReference, MAX_BLOBS_PER_DOCUMENT, openDatabase, type Database } from '@vudo/sync'
import { describe, expect, onTestFinished, test } from 'vitest'
import { blobReferencesOf, lookForBlob } from '../src/blob-book.ts'
import { compactPath } from '../src/epochs.ts'
import { deletePath, forgetPath, restorePath } from '../src/deletion.ts'
import { removePath, renamePath } from '../src/local-edits.ts'
import type { Replica } from '../src/replica.ts'
import { blobsKey } from '../src/stored-keys.ts'
import { Lab, type Node } from './replica-lab.ts'

const path = 'notes/x'
const hashOf = (number: number): string => number.toString(16).padStart(64, '0')
const blob = (number: number): object => ({ $blob: hashOf(number), size: 1, type: 'image/png' })

function act(node: Node, task: (replica: Replica) => void): void {
  task(node.replica)
  node.run(node.replica.takeEffects())
  node.lab.settle()
}

const onRefused = (error: unknown): never => {
  throw error
}

/** The numbers of the blobs that the documents of a node name. */
function named(node: Node): number[] {
  let hashes: string[] | undefined
  act(node, (replica) =>
    replica.blobs.look(() => (hashes = [...blobReferencesOf(replica).documentsByHash.keys()])),
  )
  return hashes!.map((hash) => Number.parseInt(hash, 16)).toSorted((a, b) => a - b)
}

function isNamed(node: Node, number: number): boolean | undefined {
  let found: boolean | undefined
  act(node, (replica) => lookForBlob(replica, hashOf(number), (is) => (found = is)))
  return found
}

/** The numbers of the blobs whose last reference went, as it was told. */
function told(node: Node): number[] {
  return node.events.flatMap((event) =>
    event.type === 'blob:unreferenced' ? [Number.parseInt(event.hash, 16)] : [],
  )
}

/** Documents that a task has read from the disk, and those that it has left open in memory. */
function openedBy(node: Node, task: () => void): number {
  const closed = [...node.replica.documents()].filter((state) => !state.doc)
  task()
  return closed.filter((state) => state.doc).length
}

describe('the blobs that documents name', () => {
  test('are found at every depth, and only where a reference is', () => {
    const node = new Lab().node('a')
    node.edit(path, (doc) => {
      doc.photo = blob(1)
      doc.list = [{ deep: [blob(2), blob(2)] }]
      doc.noHash = { $blob: 'something', size: 1 }
      doc.upperCase = { $blob: hashOf(10).toUpperCase(), size: 1 }
      doc.text = hashOf(3)
    })
    expect(named(node)).toEqual([1, 2])
    expect([isNamed(node, 1), isNamed(node, 3)]).toEqual([true, false])
  })

  test('are found in the blocks of a text', () => {
    const node = new Lab().node('a')
    node.edit(path, (doc) => Automerge.splitBlock(doc, ['text'], 2, { image: blob(7) }), {
      text: 'a sea',
    })
    expect(named(node)).toEqual([7])
  })

  test('are told when the last reference goes, and not before', () => {
    const node = new Lab().node('a')
    node.edit(path, (doc) => void (doc.list = [blob(1), blob(1), blob(2)]))
    node.edit('notes/y', (doc) => void (doc.photo = blob(2)))
    expect(named(node)).toEqual([1, 2])
    node.edit(path, (doc) => void doc.list.splice(1, 2))
    node.lab.settle()
    expect(told(node)).toEqual([])
    node.edit(path, (doc) => void doc.list.splice(0, 1))
    node.lab.settle()
    expect(told(node)).toEqual([1])
    expect(named(node)).toEqual([2])
  })

  test('are not told to be gone when one edit moves a reference to another document', () => {
    const node = new Lab().node('a')
    node.edit(path, (doc) => void (doc.photo = blob(1)))
    expect(named(node)).toEqual([1])
    // The document that loses it is looked into before the one that gets it.
    const [from, to] = [node.open(path), node.open('notes/y')]
    node.replica.unpin(from)
    node.replica.unpin(to)
    node.edit(path, (doc) => void delete doc.photo)
    node.edit('notes/y', (doc) => void (doc.photo = blob(1)))
    node.lab.settle()
    expect(told(node)).toEqual([])
    expect(named(node)).toEqual([1])
  })

  test('are told only when that is durable', () => {
    let isSlow = false
    const lab = new Lab({ holdsWrites: () => isSlow })
    const node = lab.node('a')
    node.edit(path, (doc) => void (doc.photo = blob(1)))
    expect(named(node)).toEqual([1])
    isSlow = true
    node.edit(path, (doc) => void delete doc.photo)
    expect(named(node)).toEqual([])
    expect(told(node)).toEqual([])
    isSlow = false
    lab.releaseWrites()
    lab.settle()
    expect(told(node)).toEqual([1])
  })

  test('are those of a peer too, without opening documents that name none', () => {
    const lab = new Lab()
    const [a, b] = [lab.node('a'), lab.node('b')]
    for (let at = 0; at < 20; at++) {
      a.edit(`notes/${at}`, (doc) => void (doc.text = `no blob ${'x'.repeat(400)} ${at}`))
    }
    a.edit(path, (doc) => void (doc.photo = blob(1)))
    lab.connect(a, b)
    lab.settle()
    // What came unopened lies in the store, and is opened by nobody else.
    b.crash()
    expect(openedBy(b, () => expect(named(b)).toEqual([1]))).toBe(1)
  })

  test('keep values that lost a conflict', () => {
    const lab = new Lab()
    const [a, b] = [lab.node('a'), lab.node('b')]
    const link = lab.connect(a, b)
    a.edit(path, (doc) => void (doc.photo = null))
    lab.settle()
    lab.cut(link)
    a.edit(path, (doc) => void (doc.photo = blob(1)))
    b.edit(path, (doc) => void (doc.photo = blob(2)))
    lab.connect(a, b)
    lab.settle()
    expect([named(a), named(b)]).toEqual([
      [1, 2],
      [1, 2],
    ])
    a.edit(path, (doc) => void (doc.photo = blob(3)))
    lab.settle()
    expect(named(b)).toEqual([3])
    expect(told(b).toSorted((x, y) => x - y)).toEqual([1, 2])
  })
})

describe('references survive', () => {
  test('a restart, after which nothing is opened that has not changed', () => {
    const node = new Lab().node('a')
    node.edit(path, (doc) => void (doc.photo = blob(1)))
    node.edit('notes/y', (doc) => void (doc.photo = blob(2)))
    expect(named(node)).toEqual([1, 2])
    node.edit('notes/z', (doc) => void (doc.text = 'written with the rest'))
    node.lab.settle()
    node.crash()
    expect(openedBy(node, () => expect(named(node)).toEqual([1, 2]))).toBe(0)
    node.edit('notes/y', (doc) => void delete doc.photo)
    node.lab.settle()
    node.crash()
    expect(named(node)).toEqual([1])
  })

  test('a power cut that takes back the edit which removed them', () => {
    const lab = new Lab({ holdsWrites: () => isSlow })
    let isSlow = false
    const node = lab.node('a')
    node.edit(path, (doc) => void (doc.photo = blob(1)))
    expect(named(node)).toEqual([1])
    isSlow = true
    node.edit(path, (doc) => void delete doc.photo)
    expect(named(node)).toEqual([])
    isSlow = false
    node.crash()
    expect(named(node)).toEqual([1])
    expect(told(node)).toEqual([])
  })

  test('a rename', () => {
    const node = new Lab().node('a')
    node.edit(path, (doc) => void (doc.photo = blob(1)))
    act(node, (replica) => renamePath(replica, path, 'notes/elsewhere'))
    expect(named(node)).toEqual([1])
    expect(told(node)).toEqual([])
  })

  test('a deletion that can be taken back, and go with the bytes', () => {
    const lab = new Lab()
    const [a, b] = [lab.node('a'), lab.node('b')]
    a.edit(path, (doc) => void (doc.photo = blob(1)))
    const link = lab.connect(a, b)
    lab.settle()
    lab.cut(link)
    expect(named(a)).toEqual([1])
    act(a, (replica) => removePath(replica, path))
    expect(named(a)).toEqual([1])
    act(a, (replica) => restorePath(replica, path))
    expect(named(a)).toEqual([1])
    act(a, (replica) => removePath(replica, path))
    lab.connect(a, b)
    lab.settle()
    expect(named(a)).toEqual([])
    expect(told(a)).toEqual([1])
    expect(a.disk.scan(Uint8Array.of(0x62))).toEqual([])
  })

  test('a new epoch, until a document does not name them any more and its past is gone', () => {
    const node = new Lab().node('a')
    node.edit(path, (doc) => void (doc.list = [blob(1), blob(2)]))
    expect(named(node)).toEqual([1, 2])
    act(node, (replica) => {
      compactPath(replica, path, { force: true, onDone: () => {}, onRefused })
    })
    expect(named(node)).toEqual([1, 2])
    expect(told(node)).toEqual([])
    node.edit(path, (doc) => void doc.list.splice(0, 1))
    node.lab.settle()
    expect(told(node)).toEqual([1])
  })

  test('go when the device forgets the document', () => {
    const node = new Lab().node('a')
    node.edit(path, (doc) => void (doc.photo = blob(1)))
    expect(named(node)).toEqual([1])
    node.lab.settle()
    act(node, (replica) => {
      forgetPath(replica, path, {
        force: true,
        onForgotten: () => {},
        onRefused,
      })
    })
    expect(named(node)).toEqual([])
    expect(told(node)).toEqual([1])
  })
})

test('of a document that names too many, all are found and none is told to be gone', () => {
  const node = new Lab().node('a')
  const most = MAX_BLOBS_PER_DOCUMENT
  node.edit(path, (doc) => {
    doc.list = Array.from({ length: most + 1 }, (_, at) => ({ $blob: hashOf(at), size: 0 }))
  })
  node.edit('notes/y', (doc) => void (doc.photo = blob(most + 5)))
  expect(named(node)).toHaveLength(most + 1)
  expect(blobReferencesOf(node.replica).incomplete).toHaveLength(1)
  const all = [0, 1, most - 1, most, most + 5, most + 6].map((number) => isNamed(node, number))
  expect(all).toEqual([true, true, true, true, true, false])
  act(node, (replica) => deletePath(replica, 'notes/y', true))
  expect(isNamed(node, most + 5)).toBe(false)
  expect(told(node)).toEqual([])
  const id = [...node.replica.documents()].find(({ heads }) => heads.length > 0)?.id ?? ''
  const record = node.disk.get(blobsKey(id))
  expect(record?.length).toBe(17 + 32 * most)
})

test('an application sees references and hears of the last one', async () => {
  const store = await openMemoryStore()
  onTestFinished(() => store.close())
  const database: Database = await openDatabase({ id: 'blobs', store, author: createAuthorKey() })
  onTestFinished(() => database.close())
  await database.writeDoc(path, { photo: blob(1) })
  const { documentsByHash, incomplete } = await database.blobReferences()
  const handle = await database.open(path)
  expect([...documentsByHash]).toEqual([[hashOf(1), [handle.id]]])
  expect(incomplete).toEqual([])
  await expect(database.isBlobReferenced('no hash')).rejects.toThrow(RangeError)
  const gone = new Promise((resolve) => database.events.on('blob:unreferenced', resolve))
  await database.writeDoc(path, {})
  expect(await gone).toEqual({ hash: hashOf(1) })
  expect(await database.isBlobReferenced(hashOf(1))).toBe(false)
  await handle.close()
})

test('a reference has a hash, a size and perhaps a type', () => {
  const good = { $blob: hashOf(1), size: 0 }
  expect([good, { ...good, type: 'a/b' }].map(isBlobReference)).toEqual([true, true])
  const bad = [null, 'x', [], {}, { size: 1 }, { ...good, size: -1 }, { ...good, type: 1 }]
  expect(bad.some(isBlobReference)).toBe(false)
})
