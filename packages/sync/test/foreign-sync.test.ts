import { deflateRawSync } from 'node:zlib'
import * as Automerge from '@automerge/automerge'
import { openMemoryStore, type Store } from '@vudo/storage'
import { bytesToHex, createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { isSyncError, openDatabase, type Database, type ForeignSync, type Policy } from '@vudo/sync'
import { isProven, readProof, signAdmission, writeProof } from '../src/authorship.ts'
import { readForeignMessage, withNeeds } from '../src/foreign-message.ts'
import { connectNetworks, createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { keyOf } from './replica-lab.ts'
import vector from './vectors/admitted.json' with { type: 'json' }

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Note {
  title: string
  lines: string[]
  extra?: unknown
}

interface Device {
  readonly database: Database
  readonly network: FakeNetwork
  readonly store: Store
}

async function device(name: string, policy?: Policy): Promise<Device> {
  const store = await openMemoryStore()
  const network = createFakeNetwork(name)
  const database = await openDatabase({ id: 'db', store, author: keyOf(name), network, policy })
  closers.push(() => database.close())
  return { database, network, store }
}

/** A program that knows Automerge and nothing of ours. */
class Stock {
  doc: Automerge.Doc<Note> = Automerge.init<Note>()
  #sync = Automerge.initSyncState()

  /** Messages there and back until both are silent. */
  talk(foreign: ForeignSync): void {
    for (let round = 0; round < 20; round++) {
      const [sync, message] = Automerge.generateSyncMessage(this.doc, this.#sync)
      this.#sync = sync
      if (message) foreign.receive(message)
      const answer = foreign.generate()
      if (answer) {
        const [doc, next] = Automerge.receiveSyncMessage(this.doc, this.#sync, answer)
        this.doc = doc
        this.#sync = next
      }
      if (!message && !answer) return
    }
    throw new Error('they never came to an end')
  }

  /** What was agreed with one peer means nothing to the next. */
  forget(): void {
    this.#sync = Automerge.initSyncState()
  }

  edit(change: (doc: Note) => void): void {
    this.doc = Automerge.change(this.doc, change)
  }
}

test('a program that only knows Automerge edits a document, and every device takes its changes', async () => {
  const [a, b] = [await device('a'), await device('b')]
  connectNetworks(a.network, b.network, 'db')
  const note = await a.database.open<Note>('notes/x', { title: 'from here', lines: [] })
  const stock = new Stock()
  const foreign = note.foreignSync()
  stock.talk(foreign)
  expect(stock.doc).toEqual({ title: 'from here', lines: [] })
  expect(foreign.hasPeerContent).toBe(true)
  stock.edit((doc) => doc.lines.push('from there'))
  note.change((doc) => doc.lines.push('meanwhile'))
  stock.talk(foreign)
  expect(note.current.lines.toSorted()).toEqual(['from there', 'meanwhile'])
  expect(Automerge.toJS(stock.doc)).toEqual(note.current)
  await note.whenSynced()
  expect(await b.database.readDoc('notes/x')).toEqual(note.current)
  // From there again, enough for a bundle: its newest change follows one that b has already.
  for (let at = 0; at < 200; at++) stock.edit((doc) => doc.lines.push(`${at}`))
  stock.talk(foreign)
  expect(note.current.lines).toHaveLength(202)
  await note.whenSynced()
  expect(await b.database.readDoc('notes/x')).toEqual(note.current)
})

test('what was admitted is there after a restart, and goes to devices that come later', async () => {
  const [a, late] = [await device('a'), await device('late')]
  const note = await a.database.open<Note>('notes/x')
  const stock = new Stock()
  stock.edit((doc) => Object.assign(doc, { title: 'whole', lines: ['one'] }))
  for (let at = 0; at < 20; at++) stock.edit((doc) => doc.lines.push(`line ${at}`))
  stock.talk(note.foreignSync())
  await note.whenSaved()
  await a.database.close()
  const network = createFakeNetwork('a')
  const again = await openDatabase({ id: 'db', store: a.store, author: keyOf('a'), network })
  closers.push(() => again.close())
  connectNetworks(network, late.network, 'db')
  await again.whenSynced()
  // Opening it checks what was taken unopened.
  expect(await late.database.readDoc('notes/x')).toEqual(stock.doc)
  expect((await late.database.ls())[0]?.state).toBe('live')
})

test('changes enter only where the author who admits them may write', async () => {
  const { database } = await device('a', (_author, action, path) => {
    return action === 'read' || path !== 'notes/locked'
  })
  await expect(database.open('notes/locked')).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })
  let isLocked = false
  const other = await device('b', (_author, action) => action === 'read' || !isLocked)
  const note = await other.database.open<Note>('notes/x', { title: 'kept', lines: [] })
  const stock = new Stock()
  const foreign = note.foreignSync()
  stock.talk(foreign)
  isLocked = true
  stock.edit((doc) => doc.lines.push('forbidden'))
  expect(() => stock.talk(foreign)).toThrow(expect.objectContaining({ code: 'ERR_NOT_ALLOWED' }))
  expect(note.current).toEqual({ title: 'kept', lines: [] })
})

test('a peer that may only read is answered, and what it brings is left out', async () => {
  const { database } = await device('a')
  const note = await database.open<Note>('notes/x', { title: 'kept', lines: [] })
  const stock = new Stock()
  const foreign = note.foreignSync({ mayWrite: () => false })
  stock.edit((doc) => void (doc.extra = 1))
  expect(() => stock.talk(foreign)).toThrow(expect.objectContaining({ code: 'ERR_NOT_ALLOWED' }))
  stock.talk(foreign)
  expect(stock.doc).toEqual({ title: 'kept', lines: [], extra: 1 })
  expect(note.current).toEqual({ title: 'kept', lines: [] })
})

test('nobody answers for an actor whose author signs', async () => {
  const [a, b] = [await device('a'), await device('b')]
  const note = await a.database.open<Note>('notes/x', { title: '', lines: [] })
  note.change((doc) => doc.lines.push('signed'))
  const carrier = new Stock()
  carrier.talk(note.foreignSync())
  // b learns of them by the program first, and answers for them; then a's own word arrives.
  carrier.forget()
  const copy = await b.database.open<Note>('notes/x', { title: '', lines: [] })
  carrier.talk(copy.foreignSync())
  expect(copy.current.lines).toEqual(['signed'])
  const end = connectNetworks(a.network, b.network, 'db')
  note.change((doc) => doc.lines.push('more'))
  await note.whenSynced()
  expect(copy.current.lines).toEqual(['signed', 'more'])
  // From here on b knows whose actor it is: the carrier's copy waits for the author's own.
  end()
  note.change((doc) => doc.lines.push('later'))
  carrier.forget()
  carrier.talk(note.foreignSync())
  carrier.forget()
  const foreign = copy.foreignSync()
  expect(() => carrier.talk(foreign)).not.toThrow()
  expect(copy.current.lines).toEqual(['signed', 'more'])
})

test('a device that knows whose actor it is refuses what somebody else admits under it', async () => {
  const [a, b, c] = [await device('a'), await device('b'), await device('c')]
  const note = await a.database.open<Note>('notes/x', { title: '', lines: [] })
  note.change((doc) => doc.lines.push('signed'))
  connectNetworks(a.network, b.network, 'db')
  await note.whenSynced()
  // c, who has seen no signature of a, is made to answer for a change in a's name.
  const carrier = new Stock()
  carrier.talk(note.foreignSync())
  const newest = Automerge.getChangesMetaSince(note.current, []).at(-1)
  carrier.doc = Automerge.clone(carrier.doc, { actor: newest?.actor ?? '' })
  carrier.edit((doc) => doc.lines.push('forged'))
  carrier.forget()
  const forged = await c.database.open<Note>('notes/x', { title: '', lines: [] })
  carrier.talk(forged.foreignSync())
  expect(forged.current.lines).toEqual(['signed', 'forged'])
  const refused = b.database.events.once('document:quarantined')
  connectNetworks(b.network, c.network, 'db')
  expect(await refused).toMatchObject({ peerId: c.network.peerId, path: 'notes/x' })
  expect((await refused).reason).toContain('ERR_NOT_ALLOWED')
  expect(await b.database.readDoc('notes/x')).toEqual({ title: '', lines: ['signed'] })
})

test('a proof of admitted changes is written as documented, and stands for nothing else', () => {
  const { database, documentId, actor, hash } = vector
  const writer = createByteWriter()
  writeProof(writer, signAdmission({ database, documentId, actor, hash }, keyOf('vectors')))
  expect(bytesToHex(writer.finish())).toBe(vector.proof)
  const proof = readProof(createByteReader(hexToBytes(vector.proof)))
  expect(isProven(proof, database, documentId)).toBe(true)
  expect(isProven({ ...proof, isAdmitted: undefined }, database, documentId)).toBe(false)
  expect(isProven(proof, 'another', documentId)).toBe(false)
})

test('changes whose past is missing wait, within a bound', async () => {
  const { database } = await device('a')
  const note = await database.open<Note>('notes/x')
  let doc = Automerge.from<{ n: number }>({ n: 0 })
  for (let n = 1; n <= 3; n++) doc = Automerge.change(doc, (draft) => void (draft.n = n))
  const [first, ...later] = Automerge.getAllChanges(doc)
  const message = (changes: Uint8Array[]): Uint8Array =>
    Automerge.encodeSyncMessage({ heads: Automerge.getHeads(doc), need: [], have: [], changes })
  const foreign = note.foreignSync()
  foreign.receive(message(later))
  expect(note.current).toEqual({})
  const asked = Automerge.decodeSyncMessage(foreign.generate() ?? new Uint8Array())
  expect(asked.need).toContain(Automerge.decodeChange(first ?? new Uint8Array()).hash)
  foreign.receive(message(first ? [first] : []))
  expect(note.current).toEqual({ n: 3 })
})

test('documents are found by id while they lie somewhere, and rights by id', async () => {
  const { database } = await device('a', (author, action) => author !== '' || action === 'read')
  const note = await database.open<Note>('notes/x', { title: 't', lines: [] })
  const same = await database.openById<Note>(note.id)
  expect(same?.current).toEqual({ title: 't', lines: [] })
  expect(same?.path).toBe('notes/x')
  expect(database.mayAccess('', 'read', note.id)).toBe(true)
  expect(database.mayAccess('', 'write', note.id)).toBe(false)
  await same?.close()
  await database.remove('notes/x')
  await expect(database.openById(note.id)).rejects.toMatchObject({ code: 'ERR_DOCUMENT_DELETED' })
  expect(await database.openById('automerge:nonsense')).toBeUndefined()
  expect(database.mayAccess('', 'read', note.id)).toBe(false)
})

test('hostile messages cost their sender an error and nothing else', async () => {
  const { database } = await device('a')
  const note = await database.open<Note>('notes/x', { title: 'kept', lines: [] })
  const bomb = Automerge.save(Automerge.from({ text: 'x'.repeat(110_000) }))
  const foreign = note.foreignSync()
  expect(() => foreign.receive(withChunk(bomb))).toThrow(
    expect.objectContaining({ code: 'ERR_DOCUMENT_TOO_LARGE' }),
  )
  // A filter that claims 2^40 probes.
  const filter = [2, 10, 128, 128, 128, 128, 128, 32, 0, 0, 0]
  const probes = Uint8Array.of(0x42, 0, 0, 1, 0, filter.length, ...filter, 0)
  expect(() => foreign.receive(probes)).toThrow(
    expect.objectContaining({ code: 'ERR_SYNC_PROTOCOL' }),
  )
  expect(note.current.title).toBe('kept')
})

test('what the changes of one message inflate to is counted together', async () => {
  const { database } = await device('a')
  const note = await database.open<Note>('notes/x', { title: 'kept', lines: [] })
  // Each may become that much by itself; without its past it only waits.
  const changes = ['1', '2', '3', '4'].map((at) => {
    const text = new Automerge.ImmutableString(at.repeat(500_000))
    const past = Automerge.from<{ text: unknown }>({ text: at })
    const doc = Automerge.change(past, (draft) => void (draft.text = text))
    return deflated(Automerge.getLastLocalChange(doc) ?? new Uint8Array())
  })
  const [first = new Uint8Array()] = changes
  expect(() => note.foreignSync().receive(withChunks([first]))).not.toThrow()
  expect(() => note.foreignSync().receive(withChunks(changes))).toThrow(
    expect.objectContaining({ code: 'ERR_DOCUMENT_TOO_LARGE' }),
  )
})

test('what waits for its past does not depend on the message in which it came', async () => {
  const { database } = await device('a')
  const note = await database.open<{ n: number }>('notes/x')
  const doc = Automerge.change(Automerge.from({ n: 0 }), (draft) => void (draft.n = 1))
  const [first, second] = Automerge.getAllChanges(doc)
  const foreign = note.foreignSync()
  const message = withChunks(second ? [second] : [])
  foreign.receive(message)
  message.fill(0)
  foreign.receive(withChunks(first ? [first] : []))
  expect(note.current).toEqual({ n: 1 })
})

/** The change as a chunk of type 2. */
function deflated(change: Uint8Array): Uint8Array {
  if (change[8] === 2) return change
  let at = 9
  while ((change[at] ?? 0) > 127) at += 1
  const body = deflateRawSync(change.subarray(at + 1), { level: 9 })
  return Uint8Array.from([...change.subarray(0, 8), 2, ...unsigned(body.length), ...body])
}

function unsigned(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) return bytes
  }
}

/** A message with chunks, written by hand: Automerge itself would open them. */
function withChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const parts = chunks.flatMap((chunk) => [...unsigned(chunk.length), ...chunk])
  return Uint8Array.from([0x43, 0, 0, 0, chunks.length, ...parts])
}

function withChunk(chunk: Uint8Array): Uint8Array {
  return withChunks([chunk])
}

test('whatever the bytes are, only the protocol error comes out', () => {
  const real = Automerge.generateSyncMessage(Automerge.from({ a: 1 }), Automerge.initSyncState())[1]
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, value]) => {
      const copy = (real ?? new Uint8Array()).slice()
      copy[at % copy.length] = value
      return copy
    }),
  )
  fc.assert(
    fc.property(bytes, (message) => {
      const faults = [
        faultOf(() => readForeignMessage(message)),
        faultOf(() => withNeeds(message, [])),
      ]
      expect(faults.every((code) => code === undefined || code === 'ERR_SYNC_PROTOCOL')).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('a message without its changes is one, and so is one with more needs', () => {
  const message = withChunk(Automerge.save(Automerge.from({ a: 1 })))
  const { changes, withoutChanges } = readForeignMessage(message)
  expect(changes).toHaveLength(1)
  expect(readForeignMessage(withoutChanges).changes).toEqual([])
  const hash = '11'.repeat(32)
  expect(Automerge.decodeSyncMessage(withNeeds(withoutChanges, [hash, hash])).need).toEqual([hash])
})

function faultOf(task: () => unknown): string | undefined {
  try {
    task()
    return undefined
  } catch (error) {
    return isSyncError(error) ? error.code : 'another error'
  }
}
