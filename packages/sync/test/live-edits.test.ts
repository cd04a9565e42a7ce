import * as Automerge from '@automerge/automerge'
import { createByteWriter, hexToBytes } from '@vudo/wire'
import { expect, test } from 'vitest'
import { signProof } from '../src/authorship.ts'
import { readChanges, type ChangeHeader } from '../src/automerge-chunks.ts'
import type { DocumentState } from '../src/document-state.ts'
import * as limits from '../src/limits.ts'
import { decodeEdits, encodeEdits } from '../src/edits-wire.ts'
import { decodeMessage, encodeMessage, type SyncMessage } from '../src/wire.ts'
import { chunk } from './hostile-chunks.ts'
import { keyOf, Lab, type Node } from './replica-lab.ts'
import { createWireTap } from './wire-tap.ts'

interface Star {
  readonly lab: Lab
  readonly writer: Node
  readonly hub: Node
  readonly reader: Node
  /** The document at the hub. */
  readonly state: DocumentState
  /** The messages of edits since the last look, with who sent them. */
  readonly sent: string[]
  /** Changes what the writer sends from now on. */
  forge: ((edits: SyncMessage & { type: 'edits' }) => Uint8Array) | undefined
}

/** A writer and a reader with a node in the middle that nobody looks at. */
function star(edits = limits.FORGOTTEN_CHANGES + 8): Star {
  const sent: string[] = []
  const seen: { forge: Star['forge'] } = { forge: undefined }
  const lab = new Lab({
    tamper: (bytes, from) => {
      const message = decodeMessage(bytes)
      sent.push(`${from} ${message.type}`)
      if (message.type !== 'edits' || from !== 'a' || !seen.forge) return bytes
      return encodeMessage({ ...message, bytes: seen.forge(message) })
    },
  })
  const [writer, hub, reader] = [lab.node('a'), lab.node('hub'), lab.node('b')]
  lab.connect(writer, hub)
  lab.connect(hub, reader)
  type(writer, 3)
  lab.settle()
  const [state] = [...hub.replica.documents()]
  if (!state) throw new Error('the hub has no document')
  // The first edit of an actor may need a look; from then on nothing does.
  type(writer, edits)
  sent.length = 0
  return Object.assign(seen, { lab, writer, hub, reader, state, sent })
}

function type(node: Node, count: number): void {
  for (let at = 0; at < count; at++) {
    node.edit('notes/x', (doc) => doc.lines.push(at), { lines: [] })
    node.lab.settle()
  }
}

function linesOf(node: Node): readonly number[] {
  return (node.read('notes/x') as { lines: number[] }).lines
}

/** The same change on top of others, with its hash and checksum right. */
function withDependencies({ bytes, deps }: ChangeHeader, others: readonly string[]): Uint8Array {
  const body = bytes.subarray(bytes.indexOf(deps.length, 9))
  const writer = createByteWriter().varint(others.length)
  for (const hash of others) writer.bytes(hexToBytes(hash))
  return chunk('change', writer.bytes(body.subarray(1 + 32 * deps.length)).finish())
}

function onlyChange(bytes: Uint8Array): ChangeHeader {
  const [change] = readChanges(bytes)
  if (!change) throw new Error('no change')
  return change
}

/** Edits of the writer with another change in place of its own, signed by it. */
function signed(
  writer: Node,
  edits: SyncMessage & { type: 'edits' },
  change: Uint8Array,
): Uint8Array {
  const { actor, hash } = onlyChange(change)
  const [proof] = writer.replica.document(edits.id).proofsOf([actor])
  const proven = { database: 'lab', documentId: edits.id, actor, hash }
  const proofs = [signProof(proven, keyOf('a'), proof?.nonce)]
  return encodeEdits({ isDeflated: false, proofs, payload: change })
}

test('a node in the middle passes edits on without opening the document', () => {
  const { lab, writer, hub, reader, state, sent } = star()
  expect(state.doc).toBeUndefined()
  type(writer, 20)
  expect(state.doc).toBeUndefined()
  expect(sent.filter((name) => name === 'hub edits')).toHaveLength(20)
  expect(linesOf(reader)).toEqual(linesOf(writer))
  hub.crash()
  lab.settle()
  expect(linesOf(hub)).toEqual(linesOf(writer))
})

test('the chunks of a document that stays closed are joined', () => {
  const { writer, hub, state } = star()
  type(writer, limits.MAX_CHUNKS + 10)
  expect(state.doc).toBeUndefined()
  expect(state.stored.chunkCount).toBeLessThanOrEqual(limits.MAX_CHUNKS + 1)
  hub.crash()
  expect(linesOf(hub)).toEqual(linesOf(writer))
})

test('edits whose past is not here are no fault, and what is missing is asked for', () => {
  const seen = star()
  seen.forge = (edits) => {
    const batch = decodeEdits(edits.bytes)
    return encodeEdits({
      ...batch,
      isDeflated: false,
      payload: new Uint8Array(),
      leanProofs: [],
    })
  }
  type(seen.writer, 2)
  seen.forge = undefined
  type(seen.writer, 1)
  expect(linesOf(seen.hub)).toEqual(linesOf(seen.writer))
  expect(linesOf(seen.reader)).toEqual(linesOf(seen.writer))
  expect(seen.hub.events.map(({ type: name }) => name)).not.toContain('peer:fault')
})

test('a change that has a number that its actor has used is refused', () => {
  const seen = star()
  const before = seen.state.heads
  seen.forge = (edits) => {
    let doc = Automerge.init<Record<string, unknown>>({
      actor: onlyChange(decodeEdits(edits.bytes).payload).actor,
    })
    doc = Automerge.change(doc, (draft) => void (draft['n'] = 1))
    const header = onlyChange(Automerge.getLastLocalChange(doc)!)
    return signed(seen.writer, edits, withDependencies(header, before))
  }
  type(seen.writer, 1)
  expect(seen.state.heads).toEqual(before)
  expect(seen.hub.events.map(({ type: name }) => name)).toContain('document:quarantined')
})

test('what cannot be applied is found when the document is opened, and everything else is kept', () => {
  const seen = star()
  const before = linesOf(seen.writer)
  let isForged = false
  seen.forge = (edits) => {
    const own = onlyChange(decodeEdits(edits.bytes).payload)
    if (isForged) return edits.bytes
    isForged = true
    // The same actor and number, in a document in which it has made other things before.
    let doc = Automerge.init<Record<string, any>>({ actor: own.actor })
    for (let at = 1; at < own.seq; at++) {
      doc = Automerge.change(doc, (draft) => void (draft[`map${at}`] = { at }))
    }
    doc = Automerge.change(doc, (draft) => void (draft[`map${own.seq - 1}`].inner = 1))
    const header = onlyChange(Automerge.getLastLocalChange(doc)!)
    expect(header.seq).toBe(own.seq)
    return signed(seen.writer, edits, withDependencies(header, own.deps))
  }
  type(seen.writer, 1)
  expect(isForged).toBe(true)
  expect(linesOf(seen.hub).slice(0, before.length)).toEqual(before)
  seen.lab.settle()
  const quarantined = seen.hub.events.filter(({ type: name }) => name === 'document:quarantined')
  expect(quarantined).toHaveLength(1)
  // What is sound goes on.
  seen.hub.edit('notes/x', (doc) => doc.lines.push(-1))
  seen.lab.settle()
  expect(linesOf(seen.hub)).toContain(-1)
  seen.hub.crash()
  expect(linesOf(seen.hub)).toEqual(linesOf(seen.writer))
})

test.each([
  ['received', { received: 1_000_000, stored: 0, saved: 0 }],
  ['stored', { received: 0, stored: 1, saved: 0 }],
  ['saved', { received: 0, stored: 0, saved: 1_000_000 }],
])('who confirms as %s what never travelled is at fault', (_, progress) => {
  const { lab, writer, hub } = star(1)
  const link = lab.connect(writer, hub)
  lab.settle()
  hub.input({
    type: 'peer-message',
    link,
    bytes: encodeMessage({ type: 'progress', ...progress }),
  })
  expect(hub.disconnects).toEqual(['ERR_SYNC_PROTOCOL'])
})

test('edits are answered by their numbers, and not with heads', () => {
  const { writer, sent } = star(1)
  type(writer, 4)
  const edits = sent.filter((name) => name === 'a edits')
  const others = sent.filter((name) => name === 'hub received' || name === 'hub stored')
  expect([edits.length, others.length]).toEqual([4, 0])
})

test('the first edit of an actor opens no document whose actors are known', () => {
  const { lab, writer, hub, state } = star()
  const other = lab.node('c')
  lab.connect(other, hub)
  lab.settle()
  type(writer, limits.FORGOTTEN_CHANGES + 8)
  expect(state.doc).toBeUndefined()
  type(other, 1)
  expect(state.doc).toBeUndefined()
  expect(hub.picture).toBe(other.picture)
  expect(linesOf(hub)).toEqual(linesOf(other))
})

test('the position in a store is told when no edits travel any more', () => {
  const tap = createWireTap()
  const seen = { isHolding: false }
  const lab = new Lab({ tamper: tap.tamper, holdsTimers: () => seen.isHolding })
  const [writer, reader] = [lab.node('a'), lab.node('b')]
  lab.connect(writer, reader)
  type(writer, 2)
  seen.isHolding = true
  tap.reset()
  for (const second of [1, 2, 3]) {
    type(writer, 1)
    lab.fireTimers()
    lab.settle()
    expect(
      tap.names.filter((name) => name.endsWith(' page')),
      `second ${second}`,
    ).toEqual([])
  }
  for (let second = 4; second < 7; second++) {
    lab.fireTimers()
    lab.settle()
  }
  const position = reader.replica.positionsByPeer.get(writer.peerId)
  expect(position?.arrival).toBe(writer.replica.durableArrival)
  expect(tap.entries).toBe(0)
})

test('a peer that returns to a store without a document gets it, though edits of it come first', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  const link = lab.connect(a, b)
  lab.settle()
  const before = b.disk.scan(new Uint8Array())
  a.edit('notes/x', (doc) => (doc.n = 1))
  lab.settle()
  lab.cut(link)
  a.edit('notes/x', (doc) => (doc.n = 2))
  lab.settle()
  b.disk.replace(before)
  b.boot()
  lab.connect(a, b)
  lab.settle()
  expect(b.read('notes/x')).toEqual({ n: 2 })
  expect(a.replica.unstoredCount).toBe(0)
})
