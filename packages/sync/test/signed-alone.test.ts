import { expect, test } from 'vitest'
import { isProven, readStoredProof, type ActorProof } from '../src/authorship.ts'
import { decodeCatalogueRecord, encodeRecord } from '../src/catalogue-record.ts'
import { decodeIndex, indexPrefixes, proofPrefix } from '../src/stored-keys.ts'
import { decodeBatch, encodeBatch } from '../src/batch-wire.ts'
import { decodeMessage, encodeMessage, type SyncMessage } from '../src/wire.ts'
import { keyOf, Lab, type LabInit, type Node } from './replica-lab.ts'

const paths = Array.from({ length: 8 }, (_, at) => `notes/${at}`)

/** A node that signs four statements together, and has written eight documents. */
function written(init: LabInit = {}): { lab: Lab; a: Node } {
  const lab = new Lab({ signedTogether: 4, ...init })
  const a = lab.node('a')
  for (const path of paths) {
    a.edit(path, (doc) => (doc.text = path))
    lab.settle()
  }
  return { lab, a }
}

function proofsOf(node: Node, path: string): ActorProof[] {
  const { documentId } = node.replica.catalogue.winner(path)!
  const values = node.disk.scan(proofPrefix(documentId)).map(({ value }) => value)
  return values.flatMap(readStoredProof)
}

function signNow(node: Node, atLeast = 1): void {
  node.replica.signTogether(atLeast)
  node.run(node.replica.takeEffects())
  node.lab.settle()
}

function sizesOf(node: Node): { records: number[]; proofs: number[] } {
  const { records } = decodeIndex(indexPrefixes.flatMap((prefix) => node.disk.scan(prefix)))
  return {
    records: records.map(({ record }) => record.signature.leaves),
    proofs: paths.flatMap((path) => proofsOf(node, path).map(({ signature }) => signature.leaves)),
  }
}

/** All that is stored is what its author has signed. */
function isStoredProven(node: Node): boolean {
  const { records } = decodeIndex(indexPrefixes.flatMap((prefix) => node.disk.scan(prefix)))
  for (const { record } of records) decodeCatalogueRecord('lab', encodeRecord(record))
  return paths.every((path) => {
    const winner = node.replica.catalogue.winner(path)
    if (!winner) return true
    return proofsOf(node, path).every((proof) => isProven(proof, 'lab', winner.documentId))
  })
}

test('what was signed alone is signed together and takes the place of what is stored', () => {
  const { a } = written()
  expect(sizesOf(a)).toEqual({ records: Array(8).fill(4), proofs: Array(8).fill(4) })
  expect(isStoredProven(a)).toBe(true)
  const { picture } = a
  a.crash()
  expect(a.picture).toBe(picture)
  expect(a.read('notes/3')).toEqual({ text: 'notes/3' })
})

test('it is no news: nobody is told again, and positions stay as they are', () => {
  const sent: Uint8Array[] = []
  const lab = new Lab({ signedTogether: 100, tamper: (bytes) => (sent.push(bytes), bytes) })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (const path of paths) a.edit(path, (doc) => (doc.text = path))
  lab.settle()
  lab.connect(a, b)
  lab.settle()
  const before = a.replica.durableArrival
  sent.length = 0
  signNow(a)
  expect(sent).toEqual([])
  expect(a.replica.durableArrival).toBe(before)
  expect(sizesOf(a).records).toEqual(Array(8).fill(8))
})

test('an edit after it has a proof of its own, which stays', () => {
  const { lab, a } = written()
  a.edit('notes/2', (doc) => (doc.text = 'later'))
  lab.settle()
  const [proof] = proofsOf(a, 'notes/2')
  expect(proof?.signature.leaves).toBe(1)
  expect(a.replica.knownDocument(a.replica.catalogue.winner('notes/2')!.documentId)!.heads).toEqual(
    [proof?.hash],
  )
})

test('nothing is signed together while anything waits to be written', () => {
  let isHeld = false
  const lab = new Lab({ holdsWrites: () => isHeld })
  const a = lab.node('a')
  for (const path of paths) a.edit(path, (doc) => (doc.text = path))
  lab.settle()
  isHeld = true
  a.edit('notes/2', (doc) => (doc.text = 'later'))
  lab.settle()
  const appended = lab.held.length
  expect(appended).toBe(1)
  signNow(a, 2)
  expect(lab.held.length).toBe(appended)
  isHeld = false
  lab.releaseWrites()
  lab.settle()
  signNow(a, 2)
  expect(sizesOf(a).proofs).toEqual(Array(8).fill(8))
  expect(isStoredProven(a)).toBe(true)
})

test('the power may go while the new signatures are written', () => {
  for (const survives of [0, 1]) {
    let isHeld = false
    const init = { holdsWrites: () => isHeld, survives: () => survives, signedTogether: 100 }
    const { lab, a } = written(init)
    isHeld = true
    a.replica.signTogether(4)
    a.run(a.replica.takeEffects())
    expect(lab.held.length).toBe(1)
    a.crash()
    isHeld = false
    lab.settle()
    expect(new Set(sizesOf(a).proofs)).toEqual(new Set([survives === 1 ? 8 : 1]))
    expect(isStoredProven(a)).toBe(true)
    expect(paths.map((path) => a.read(path))).toEqual(paths.map((text) => ({ text })))
  }
})

test('a proof that is newer than what was to be signed stays', () => {
  let isHeld = false
  const { lab, a } = written({ holdsWrites: () => isHeld, signedTogether: 100 })
  isHeld = true
  a.edit('notes/2', (doc) => (doc.text = 'later'))
  lab.settle()
  a.edit('notes/2', (doc) => (doc.text = 'last'))
  a.replica.signTogether(1)
  a.run(a.replica.takeEffects())
  isHeld = false
  lab.releaseWrites()
  lab.settle()
  const { documentId } = a.replica.catalogue.winner('notes/2')!
  const proofs = proofsOf(a, 'notes/2').map(({ hash }) => hash)
  expect(proofs).toEqual(a.replica.knownDocument(documentId)!.heads)
})

test('what others have signed is not signed again', () => {
  const { lab, a } = written({ signedTogether: 100 })
  const b = lab.node('b')
  lab.connect(a, b)
  lab.settle()
  expect(b.read('notes/2')).toEqual({ text: 'notes/2' })
  a.edit('notes/2', (doc) => (doc.text = 'seen'))
  lab.settle()
  expect(b.read('notes/2')).toEqual({ text: 'seen' })
  const everything = new Uint8Array()
  const before = b.disk.scan(everything)
  signNow(b)
  expect(b.disk.scan(everything)).toEqual(before)
  expect(isStoredProven(b)).toBe(true)
})

test('nobody signs what a peer only claims to be theirs', () => {
  const victim = keyOf('victim')
  const lab = new Lab({
    signedTogether: 1,
    tamper: (bytes, from) => {
      const message = decodeMessage(bytes)
      if (from !== 'mallory' || message.type !== 'part') return bytes
      const batch = decodeBatch(message.bytes)
      // Without a nonce it is not seen from outside that the actor is another's.
      const proofs = batch.proofs.map((proof) => {
        return { ...proof, author: victim.authorId, nonce: undefined }
      })
      const forged = encodeBatch({ ...batch, proofs })
      return encodeMessage({ ...message, totalBytes: forged.length, bytes: forged })
    },
  })
  const [mallory, node] = [lab.node('mallory'), lab.node('victim')]
  mallory.edit('notes/0', (doc) => (doc.text = 'forged'))
  lab.connect(mallory, node)
  lab.settle()
  const proofs = proofsOf(node, 'notes/0')
  const { documentId } = node.replica.catalogue.winner('notes/0')!
  expect(proofs.map(({ author }) => author)).toEqual([victim.authorId])
  expect(proofs.map((proof) => isProven(proof, 'lab', documentId))).toEqual([false])
  signNow(node)
  expect(proofsOf(node, 'notes/0')).toEqual(proofs)
})

test('a copy passes on what it was given, each tree with one signature, and a third can check all of it', () => {
  const sent: SyncMessage[] = []
  const { lab, a } = written({
    tamper: (bytes, from) => {
      if (from === 'b') sent.push(decodeMessage(bytes))
      return bytes
    },
  })
  const [b, c] = [lab.node('b'), lab.node('c')]
  // What is open travels by itself, with the shorter signatures of what was signed alone.
  a.crash()
  lab.connect(a, b)
  lab.settle()
  sent.length = 0
  lab.connect(b, c)
  lab.settle()
  const pages = sent.flatMap((message) => (message.type === 'page' ? message : []))
  const records = pages.find(({ entries }) => entries.some(({ type }) => type === 'record'))
  // Two trees of four: their number, signature and size of each, and tree and number of each record.
  expect(records?.signatures.length).toBe(1 + 2 * 65 + 8 * 2)
  expect(c.picture).toBe(a.picture)
  expect(sizesOf(c)).toEqual(sizesOf(a))
  expect(isStoredProven(c)).toBe(true)
  expect(paths.map((path) => c.read(path))).toEqual(paths.map((text) => ({ text })))
  expect(c.events.filter(({ type }) => type === 'document:quarantined')).toEqual([])
})

test('a document that was removed leaves no proof to be signed', () => {
  const lab = new Lab({ signedTogether: 100 })
  const a = lab.node('a')
  a.edit('notes/0', (doc) => (doc.text = 'x'))
  lab.settle()
  const { documentId } = a.replica.catalogue.winner('notes/0')!
  const state = a.replica.document(documentId)
  a.replica.withDocument(state, () => a.replica.removeDocument(state))
  a.run(a.replica.takeEffects())
  lab.settle()
  signNow(a, 1)
  expect(a.disk.scan(proofPrefix(documentId))).toEqual([])
})
