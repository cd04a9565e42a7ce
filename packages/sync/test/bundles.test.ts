import * as Automerge from '@automerge/automerge'
import { bytesToHex } from '@vudo/wire'
import { expect, test } from 'vitest'
import { isBundleChunk, vetBundle } from '../src/automerge-chunks.ts'
import { isMostOf } from '../src/change-batches.ts'
import { isSyncError } from '../src/errors.ts'
import { decodeEdits, encodeEdits } from '../src/edits-wire.ts'
import { decodeBatch, encodeBatch, type ChangeBatch } from '../src/batch-wire.ts'
import { decodeMessage, encodeMessage, features } from '../src/wire.ts'
import { bundleBody, chunk, oneRun, signedRun } from './hostile-chunks.ts'
import { Lab, type Node } from './replica-lab.ts'

interface Seen {
  readonly lab: Lab
  readonly a: Node
  readonly b: Node
  /** Of every batch: who sent it, and as what. */
  readonly batches: string[]
}

/** Two nodes with a document of 400 edits on both sides; `knows` says who tells that it understands bundles. */
function synced(
  knows: (name: string) => boolean,
  forge = (batch: ChangeBatch): ChangeBatch => batch,
): Seen {
  const batches: string[] = []
  const names: string[] = []
  const lab = new Lab({
    tamper: (bytes, from) => {
      const message = decodeMessage(bytes)
      names.push(`${from} ${message.type}`)
      if (message.type === 'hello' && !knows(from)) {
        return encodeMessage({ ...message, features: features.documents })
      }
      if (message.type !== 'part' && message.type !== 'edits') return bytes
      const isPart = message.type === 'part'
      const batch = forge(isPart ? decodeBatch(message.bytes) : decodeEdits(message.bytes))
      const isBundle = !batch.isSaved && isBundleChunk(batch.payload)
      batches.push(`${from} ${batch.isSaved ? 'saved' : isBundle ? 'bundle' : 'changes'}`)
      if (!isPart) return encodeMessage({ ...message, bytes: encodeEdits(batch) })
      const encoded = encodeBatch(batch)
      return encodeMessage({ ...message, totalBytes: encoded.length, bytes: encoded })
    },
  })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (let at = 0; at < 400; at++) a.edit('notes/0', (doc) => doc.lines.push(at), { lines: [] })
  lab.connect(a, b)
  lab.settle()
  b.edit('notes/0', (doc) => doc.lines.push('b'))
  lab.settle()
  expect(b.picture).toBe(a.picture)
  lab.cutAll(a)
  batches.length = 0
  return { lab, a, b, batches }
}

function meetAgain({ lab, a, b }: Seen, count = 20): void {
  for (let at = 0; at < count; at++) {
    a.edit('notes/0', (doc) => doc.lines.push(`a${at}`))
    b.edit('notes/0', (doc) => doc.lines.push(`b${at}`))
  }
  lab.settle()
  lab.connect(a, b)
  lab.settle()
}

test('many changes travel as one bundle', () => {
  const seen = synced(() => true)
  meetAgain(seen)
  expect(new Set(seen.batches)).toEqual(new Set(['a bundle', 'b bundle']))
  expect(seen.b.picture).toBe(seen.a.picture)
})

test.each(['a', 'b'])('to %s, which knows no bundles, they travel as changes', (old) => {
  const seen = synced((name) => name !== old)
  meetAgain(seen)
  const other = old === 'a' ? 'b' : 'a'
  expect(seen.batches).toContain(`${other} changes`)
  expect(seen.batches).not.toContain(`${other} bundle`)
  expect(seen.b.picture).toBe(seen.a.picture)
})

test('few changes travel one by one', () => {
  const seen = synced(() => true)
  meetAgain(seen, 2)
  expect(new Set(seen.batches)).toEqual(new Set(['a changes', 'b changes']))
  expect(seen.b.picture).toBe(seen.a.picture)
})

test.each([
  ['without proofs', (batch: ChangeBatch): ChangeBatch => ({ ...batch, proofs: [] })],
  [
    'with the proof of an older change',
    (batch: ChangeBatch): ChangeBatch => {
      const proofs = batch.proofs.map((proof) => ({ ...proof, hash: '11'.repeat(32) }))
      return { ...batch, proofs }
    },
  ],
  [
    'with a flipped bit',
    (batch: ChangeBatch): ChangeBatch => {
      const payload = batch.payload.slice()
      payload.set([(payload.at(-1) ?? 0) ^ 1], payload.length - 1)
      return { ...batch, payload }
    },
  ],
])('a bundle %s is refused as a whole', (_, forge) => {
  let isForging = false
  const seen = synced(
    () => true,
    (batch) => (isForging && isBundleChunk(batch.payload) ? forge(batch) : batch),
  )
  const before = JSON.stringify(seen.b.read('notes/0'))
  for (let at = 0; at < 20; at++) seen.a.edit('notes/0', (doc) => doc.lines.push(`a${at}`))
  isForging = true
  seen.lab.connect(seen.a, seen.b)
  seen.lab.settle()
  expect(JSON.stringify(seen.b.read('notes/0'))).toBe(before)
  expect(seen.b.events.map(({ type }) => type)).toContain('peer:fault')
})

test('a bundle whose past is missing is no fault, and what is missing is asked for', () => {
  const seen = synced(() => true)
  // What b has stored is lost with its disk; a still thinks that it is there.
  seen.b.disk.crash()
  for (let at = 0; at < 20; at++) seen.a.edit('notes/0', (doc) => doc.lines.push(`a${at}`))
  seen.lab.connect(seen.a, seen.b)
  seen.lab.settle()
  expect(seen.b.picture).toBe(seen.a.picture)
  expect(seen.b.events.map(({ type }) => type)).not.toContain('peer:fault')
})

test('two that were edited offline give each other everything with their hello', () => {
  const sent: string[] = []
  const lab = new Lab({
    tamper: (bytes, from) => {
      sent.push(`${from} ${decodeMessage(bytes).type}`)
      return bytes
    },
  })
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (let at = 0; at < 50; at++) a.edit('notes/0', (doc) => doc.lines.push(at), { lines: [] })
  lab.connect(a, b)
  lab.settle()
  lab.cutAll(a)
  for (const node of [a, b]) {
    node.open('notes/0')
    for (let at = 0; at < 30; at++) node.edit('notes/0', (doc) => doc.lines.push(node.name + at))
  }
  lab.settle()
  sent.length = 0
  lab.connect(a, b)
  lab.settle()
  expect(sent.slice(0, 4).toSorted()).toEqual(['a edits', 'a hello', 'b edits', 'b hello'])
  expect(sent.filter((name) => / (part|want|edits)$/.test(name))).toHaveLength(2)
  expect(b.picture).toBe(a.picture)
})

test('what a bundle claims is counted before it is opened', () => {
  const many = oneRun(1, Uint8Array.of(0))
  const columns = {
    actors: oneRun(1, Uint8Array.of(0)),
    seqs: oneRun(1, Uint8Array.of(1)),
    first: oneRun(1, Uint8Array.of(1)),
  }
  const bundleOf = (operations: number): Uint8Array =>
    chunk(
      'bundle',
      bundleBody(
        [
          [0x01, columns.actors],
          [0x03, columns.seqs],
          [0x13, columns.first],
          [0x23, signedRun(operations)],
          [0x50, many],
        ],
        [],
      ),
    )
  expect(() => vetBundle(bundleOf(10))).not.toThrow()
  expect(() => vetBundle(bundleOf(2_000_000))).toThrow(
    expect.objectContaining({ code: 'ERR_DOCUMENT_TOO_LARGE' }),
  )
})

test('a bundle of Automerge comes through the vetting with its hashes', () => {
  const base = Automerge.from<Record<string, unknown>>({ list: [] })
  let doc = base
  for (let at = 0; at < 9; at++) {
    doc = Automerge.change(doc, (draft) => void (draft['list'] as number[]).push(at))
  }
  const [head] = Automerge.getHeads(base)
  const hashes = Automerge.getChangesMetaSince(doc, [head ?? '']).map(({ hash }) => hash)
  const bytes = Automerge.saveBundle(doc, hashes)
  expect(vetBundle(bytes).table.outside).toEqual([head])
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice()
    damaged.set([(bytes[at] ?? 0) ^ 0x40], at)
    try {
      vetBundle(damaged)
    } catch (error) {
      if (!isSyncError(error)) throw error
      continue
    }
    throw new Error(`byte ${at} of ${bytesToHex(bytes)} may be anything`)
  }
})

test('where both have edited much, one brings in what the other sends, and answers with the whole', () => {
  const seen = synced(() => true)
  meetAgain(seen, 1_200)
  expect(seen.b.picture).toBe(seen.a.picture)
  // The end with the lower id waits: which of the two that is depends on their keys.
  const [first, second] = seen.a.peerId < seen.b.peerId ? ['b', 'a'] : ['a', 'b']
  expect(seen.batches).toEqual([`${first} saved`, `${second} saved`])
})

test('what was made at the same time is most of a document by its count, not by its numbers', () => {
  const { lab, a, b } = synced(() => true)
  const waiting = a.peerId < b.peerId ? a : b
  for (let at = 0; at < 1_200; at++)
    for (const node of [a, b]) node.edit('notes/0', (doc) => doc.lines.push(at))
  const state = waiting.open('notes/0')
  lab.settle()
  const [own, theirs] = [state.heads, (waiting === a ? b : a).open('notes/0').heads]
  lab.connect(a, b)
  lab.settle()
  for (const base of [own, theirs]) expect(isMostOf(state, base)).toBe(true)
  expect(isMostOf(state, state.heads)).toBe(false)
})

test('whoever waits for edits of a peer that has none sends its own behind the next message', () => {
  const seen = synced(() => true)
  const [waiting, other] = seen.a.peerId < seen.b.peerId ? [seen.a, seen.b] : [seen.b, seen.a]
  for (let at = 0; at < 1_200; at++) waiting.edit('notes/0', (doc) => doc.lines.push(at))
  seen.lab.settle()
  seen.lab.connect(seen.a, seen.b)
  seen.lab.settle()
  expect(other.picture).toBe(waiting.picture)
  expect(seen.batches).toHaveLength(1)
})

test.each([
  ['without proofs', (batch: ChangeBatch): ChangeBatch => ({ ...batch, proofs: [] })],
  ['cut short', (batch: ChangeBatch) => ({ ...batch, payload: batch.payload.subarray(0, -1) })],
] as const)('a whole document %s is refused, and nothing of it taken', (_, forge) => {
  let isForging = false
  const seen = synced(
    () => true,
    (batch) => (isForging && batch.isSaved ? forge(batch) : batch),
  )
  isForging = true
  const { a, b } = seen
  const before = [a.picture, b.picture]
  const waiting = a.peerId < b.peerId ? a : b
  for (let at = 0; at < 1_200; at++) waiting.edit('notes/0', (doc) => doc.lines.push(at))
  seen.lab.connect(a, b)
  seen.lab.settle()
  const other = waiting === a ? b : a
  expect(other.picture).toBe(before[other === a ? 0 : 1])
  expect(other.events).toContainEqual(expect.objectContaining({ type: 'document:quarantined' }))
})
