import { createByteWriter, isWireError } from '@vudo/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leafOfProof, signProof, type ActorProof } from '../src/authorship.ts'
import { decodeDocuments, encodeDocuments, type WholeDocument } from '../src/documents-wire.ts'
import { deflateWith } from '../src/deflate.ts'
import { dictionaryOf } from '../src/page-takes.ts'
import { signTree } from '../src/tree-signature.ts'
import { decodeMessage, encodeMessage } from '../src/wire.ts'
import { keyOf, Lab } from './replica-lab.ts'

const author = keyOf('alice')
const database = 'lab'

/** Documents of a page of ten, whose proofs are signed together. */
const entries = Array.from({ length: 10 }, (_, at) => {
  return { id: `${at}0`.repeat(16), heads: [`${at}1`.repeat(32)] }
})

function signedTogether(): WholeDocument[] {
  const statements = entries.map((entry, at) => {
    const [documentId, hash] = [entry.id, entry.heads.join('')]
    const change = { database, documentId, actor: `${at}2`.repeat(16), hash }
    const proof = signProof(change, author, new Uint8Array(16).fill(at))
    return { entry, proof, leaf: leafOfProof(proof, { database, documentId }) }
  })
  return signTree(author, statements).map(({ entry, proof, signature }) => {
    const proofs: ActorProof[] = [{ ...proof, signature }]
    return { entry, proofs, saved: Uint8Array.of(1, 2, 3) }
  })
}

const documents = signedTogether()

test('any documents of a page come back with proofs of their own, and are found to be signed', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(documents), (some) => {
      const decoded = decodeDocuments({ database, entries }, encodeDocuments(entries, some))
      const seen = decoded.map((one) => ({ ...one, isSignedTogether: one.isSignedTogether() }))
      expect(seen).toEqual(some.map((document) => ({ ...document, isSignedTogether: true })))
    }),
  )
})

test('what was signed together for another database, or for other changes, is found to be false', () => {
  const bytes = encodeDocuments(entries, documents.slice(2, 5))
  const decoded = decodeDocuments({ database: 'other', entries }, bytes)
  expect(decoded.map(({ isSignedTogether }) => isSignedTogether())).toEqual([false, false, false])
  const forged = documents.map(({ proofs, ...document }) => {
    return { ...document, proofs: proofs.map((proof) => ({ ...proof, hash: 'ff'.repeat(32) })) }
  })
  const [first] = decodeDocuments({ database, entries }, encodeDocuments(entries, forged))
  expect(first?.isSignedTogether()).toBe(false)
})

test('whatever the bytes are, the decoder throws only its own error, also for a place that is no document', () => {
  const real = encodeDocuments(entries, documents)
  const damaged = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
    const copy = Uint8Array.from(real)
    copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ by
    return copy
  })
  const noPlace = createByteWriter().varint(1).varint(200).varint(0).varint(0).varint(0).finish()
  expect(() => decodeDocuments({ database, entries }, noPlace)).toThrow(/./)
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), (bytes) => {
      try {
        decodeDocuments({ database, entries }, bytes)
      } catch (error) {
        if (!isWireError(error)) throw error
      }
    }),
    { numRuns: 500 },
  )
})

test('documents that nobody wants are counted, each of them, and their signatures not looked at', () => {
  const lab = new Lab({
    tamper: (bytes, from) => {
      const isAnswer = from === 'mallory' && decodeMessage(bytes).type === 'documents'
      return isAnswer ? undefined : bytes
    },
  })
  const [mallory, victim] = [lab.node('mallory'), lab.node('victim')]
  for (const path of ['notes/0', 'notes/1']) mallory.edit(path, (doc) => (doc.text = path))
  lab.settle()
  // What is open would travel by itself.
  mallory.crash()
  const link = lab.connect(mallory, victim)
  lab.settle()
  const [peer] = victim.replica.exchange.peers.values()
  const [page] = peer?.incoming ?? []
  const entry = page?.entries.find((one) => one !== undefined)
  if (!peer || !page || !entry) throw new Error('nothing was announced')
  const [{ proofs }] = documents as [WholeDocument]
  const send = (count: number): void => {
    const many = Array.from({ length: count }, (_, at) => {
      // Each a tree of its own, as two cannot have one place in a tree.
      const own = proofs.map((proof) => {
        const signature = new Uint8Array(64).fill(at)
        return { ...proof, signature: { ...proof.signature, signature } }
      })
      return { entry, proofs: own, saved: Uint8Array.of(1) }
    })
    const raw = encodeDocuments(page.entries, many)
    const deflated = deflateWith(raw, dictionaryOf(page.entries))
    const { number } = page
    const message = { type: 'documents', number, inflatedBytes: raw.length, deflated } as const
    victim.input({ type: 'peer-message', link, bytes: encodeMessage(message) })
  }
  send(1)
  expect(peer.faults).toBe(1)
  for (let round = 0; round < 6; round++) send(200)
  expect(peer.faults).toBe(1)
  expect(victim.disconnects).toEqual(['ERR_SYNC_PROTOCOL'])
})
