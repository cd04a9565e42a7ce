/** Everything that a peer can make a replica hold or compute has an end: here with small limits. */
import * as Automerge from '@automerge/automerge'
import { expect, test, vi } from 'vitest'
import { KnownHeads } from '../src/known-heads.ts'
import type * as Limits from '../src/limits.ts'
import { admitDocument, removePath } from '../src/local-edits.ts'
import { encodeBatch } from '../src/batch-wire.ts'
import { decodeMessage, encodeMessage, type SyncMessage } from '../src/wire.ts'
import { keyOf, Lab, type LabInit, type Node } from './replica-lab.ts'

const limits = vi.hoisted(() => ({
  MAX_FRUITLESS_BATCHES: 10,
  MAX_KNOWN_HEADS: 20,
  MAX_PEER_INCOMING_BYTES: 50_000,
  MAX_INCOMING_BYTES: 80_000,
  MAX_UNSENT_MESSAGES: 100,
  MAX_CHANNELS_PER_PEER: 2,
  MAX_PEERS: 3,
  MAX_RECORDS: 40,
  MAX_PATHS_PER_DOCUMENT: 5,
  MAX_PENDING_RECORDS: 4,
}))
vi.mock('../src/limits.ts', async (original) => ({
  ...(await original<typeof Limits>()),
  ...limits,
}))

/** A lab whose nodes also speak on lines that end nowhere: what they send there is kept. */
class HostileLab extends Lab {
  readonly sent = new Map<number, SyncMessage[]>()

  override send(from: Node, link: number, bytes: Uint8Array): void {
    super.send(from, link, bytes)
    this.sent.set(link, [...(this.sent.get(link) ?? []), decodeMessage(bytes)])
  }
}

/** A peer without a replica, which says what the test wants. It takes what it is sent. */
class Attacker {
  readonly link: number
  readonly #lab: HostileLab
  readonly #victim: Node
  readonly #heard: string[] = []
  takes = true

  constructor(lab: HostileLab, victim: Node, link = 1_000, name = 'mallory') {
    this.link = link
    this.#lab = lab
    this.#victim = victim
    victim.input({ type: 'peer-connected', link, peerId: keyOf(name).authorId })
    const position = { run: '00'.repeat(16), arrival: 0 }
    this.tell({ type: 'hello', run: '11'.repeat(16), position, certificates: [] })
  }

  tell(message: SyncMessage): void {
    const bytes = encodeMessage(message)
    this.#victim.input({ type: 'peer-message', link: this.link, bytes })
    if (!this.takes) return
    for (const answer of this.#lab.sent.get(this.link) ?? []) {
      this.#heard.push(answer.type)
      const { length } = encodeMessage(answer)
      this.#victim.input({ type: 'peer-sent', link: this.link, bytes: length })
    }
    this.#lab.sent.delete(this.link)
  }

  /** Names of what the victim has sent since the last call. */
  heard(): string[] {
    const later = (this.#lab.sent.get(this.link) ?? []).map(({ type }) => type)
    this.#lab.sent.delete(this.link)
    return [...this.#heard.splice(0), ...later]
  }

  get state() {
    return this.#victim.replica.exchange.peers.get(this.link)
  }

  get isEnded(): boolean {
    return this.state === undefined
  }
}

function attacked(init: LabInit = {}): {
  lab: HostileLab
  victim: Node
  mallory: Attacker
  id: string
} {
  const lab = new HostileLab(init)
  const victim = lab.node('victim')
  victim.edit('notes/x', (doc) => doc.lines.push('1'), { lines: [] })
  lab.settle()
  const { documentId: id } = victim.replica.catalogue.winner('notes/x')!
  return { lab, victim, mallory: new Attacker(lab, victim), id }
}

function documentId(at: number): string {
  return at.toString(16).padStart(32, '0')
}

const hash = 'ab'.repeat(32)
const noSignatures = Uint8Array.of(0)
const noChanges = encodeBatch({
  isAnswer: true,
  isSaved: false,
  isDeflated: false,
  heads: [hash],
  proofs: [],
  payload: new Uint8Array(),
})

function part(id: string, bytes: Uint8Array, totalBytes = bytes.length): SyncMessage {
  return { type: 'part', id, totalBytes, offset: 0, bytes }
}

test('peers in a ring bring the same news from both sides for as long as they like', () => {
  const lab = new Lab()
  const nodes = ['a', 'b', 'c'].map((name) => lab.node(name))
  const [a, b, c] = nodes as [Node, Node, Node]
  lab.connect(a, b)
  lab.connect(b, c)
  lab.connect(c, a)
  for (let at = 0; at < 5 * limits.MAX_FRUITLESS_BATCHES; at++) {
    a.edit('notes/x', (doc) => doc.lines.push(at), { lines: [] })
    lab.settle()
  }
  expect(nodes.flatMap(({ disconnects }) => disconnects)).toEqual([])
  expect(c.picture).toBe(a.picture)
})

test('whoever only repeats, or answers what nobody asked, is ended', () => {
  const { lab, mallory, id } = attacked()
  for (let at = 0; at < limits.MAX_FRUITLESS_BATCHES; at++) mallory.tell(part(id, noChanges))
  lab.settle()
  expect(mallory.isEnded).toBe(false)
  mallory.tell(part(id, noChanges))
  expect(mallory.isEnded).toBe(true)
})

test('whoever asks for what it has is ended', () => {
  const { victim, mallory, id } = attacked()
  const { heads } = victim.replica.document(id)
  for (let at = 0; at <= limits.MAX_FRUITLESS_BATCHES; at++) {
    mallory.tell({ type: 'want', id, heads, have: [] })
  }
  expect(mallory.isEnded).toBe(true)
})

test('what a peer says of unknown documents is not kept, and of known ones within a bound', () => {
  const { mallory } = attacked()
  for (let at = 0; at < 50; at++) {
    mallory.tell({ type: 'want', id: documentId(at), heads: [hash], have: [] })
    mallory.tell({ type: 'received', id: documentId(at), heads: [hash] })
    mallory.tell({ type: 'stored', id: documentId(at), heads: [hash] })
  }
  const told = Array.from({ length: 50 }, (_, at) => documentId(at))
  expect(told.filter((id) => mallory.state?.headsById.has(id))).toEqual([])
  const heads = new KnownHeads()
  for (let at = 0; at < 100; at++) heads.set(documentId(at), [hash, hash])
  const kept = Array.from({ length: 100 }, (_, at) => documentId(at)).filter((id) => heads.has(id))
  expect(kept).toEqual([94, 95, 96, 97, 98, 99].map(documentId))
  heads.set(documentId(99), [])
  expect(heads.get(documentId(99))).toEqual([])
})

test('pages whose answer waits for the disk count as open', () => {
  let isHeld = false
  const { lab, mallory } = attacked({ holdsWrites: () => isHeld })
  lab.settle()
  isHeld = true
  const page = (number: number): void =>
    mallory.tell({
      type: 'page',
      number,
      upTo: number,
      isLast: true,
      entries: [],
      signatures: noSignatures,
    })
  for (let number = 1; number <= 4; number++) page(number)
  expect(mallory.isEnded).toBe(false)
  page(5)
  expect(mallory.isEnded).toBe(true)
})

test('a long batch that nobody asked for is not kept', () => {
  const { mallory, id } = attacked()
  const bytes = new Uint8Array(200_000)
  for (let at = 0; at < 20; at++) {
    mallory.tell({ type: 'part', id, totalBytes: 60_000_000, offset: at * 200_000, bytes })
  }
  expect(mallory.state?.incomingBytes).toBe(0)
  expect(mallory.state?.transfer?.parts).toEqual([])
})

test('a batch that was asked for is kept within a bound', () => {
  const { lab, victim, mallory, id } = attacked()
  const entries = [{ type: 'document', id, heads: [hash] }] as const
  mallory.tell({
    type: 'page',
    number: 1,
    upTo: 1,
    isLast: true,
    entries,
    signatures: noSignatures,
  })
  lab.settle()
  expect(mallory.heard()).toContain('want')
  const bytes = new Uint8Array(20_000)
  for (let at = 0; at < 3; at++) {
    expect(mallory.isEnded).toBe(false)
    mallory.tell({ type: 'part', id, totalBytes: 1_000_000, offset: at * 20_000, bytes })
  }
  expect(victim.disconnects).toEqual(['ERR_SYNC_LIMIT'])
  expect(victim.replica.exchange.incomingBytes).toBe(0)
})

test('live edits that wait for a document to be read are kept within a bound, and not counted for ever', () => {
  const { lab, victim, id } = attacked()
  victim.crash()
  const mallory = new Attacker(lab, victim)
  const bytes = new Uint8Array(20_000)
  for (let at = 0; at < 3; at++) {
    expect(mallory.isEnded).toBe(false)
    mallory.tell({ type: 'edits', id, isUrgent: false, bytes })
  }
  expect(victim.disconnects).toEqual(['ERR_SYNC_LIMIT'])
  lab.settle()
  expect(victim.replica.exchange.incomingBytes).toBe(0)
})

test('batches that wait for a document to be read are kept within a bound', () => {
  const { lab, victim, id } = attacked()
  victim.crash()
  const mallory = new Attacker(lab, victim)
  const bytes = new Uint8Array([...noChanges, ...new Uint8Array(20_000)])
  for (let at = 0; at < 3; at++) {
    expect(mallory.isEnded).toBe(false)
    mallory.tell(part(id, bytes))
  }
  expect(victim.disconnects).toEqual(['ERR_SYNC_LIMIT'])
  lab.settle()
  expect(victim.replica.exchange.incomingBytes).toBe(0)
})

test('comparisons follow each other and do not pile up', () => {
  const { lab, victim, mallory } = attacked()
  const compares = victim.events.length
  mallory.heard()
  for (let at = 0; at < 500; at++) mallory.tell({ type: 'compare' })
  expect(mallory.heard()).toEqual([])
  expect(victim.events.length).toBe(compares)
  // The page of the hello is answered: now, and once, all is announced again.
  mallory.tell({ type: 'page-stored', number: 1 })
  expect(mallory.heard()).toEqual(['page'])
  mallory.tell({ type: 'page-stored', number: 2 })
  lab.settle()
  expect(mallory.heard()).toEqual([])
})

test('while a comparison waits for its turn, no page says that it is the last', () => {
  const { lab, victim, mallory } = attacked()
  mallory.tell({ type: 'compare' })
  mallory.heard()
  mallory.takes = false
  const pages = (): (SyncMessage & { type: 'page' })[] =>
    (lab.sent.get(mallory.link) ?? []).filter((message) => message.type === 'page')
  victim.edit('notes/y', (doc) => (doc.n = 1))
  lab.settle()
  const before = pages()
  expect(before.length).toBeGreaterThan(0)
  expect(before.filter(({ isLast }) => isLast)).toEqual([])
  for (const { number } of [{ number: 1 }, ...before]) mallory.tell({ type: 'page-stored', number })
  const [compared] = pages().slice(before.length)
  expect(compared).toMatchObject({ isLast: true })
  expect(compared?.entries).toHaveLength(4)
})

test('whoever sends and never reads is ended', () => {
  const { mallory } = attacked()
  mallory.takes = false
  for (let at = 0; at <= limits.MAX_UNSENT_MESSAGES; at++) {
    mallory.tell(part(documentId(at), noChanges))
  }
  expect(mallory.isEnded).toBe(true)
})

test('a peer with many channels keeps its newest, and others find room', () => {
  const { lab, victim, mallory } = attacked()
  const channels = Array.from({ length: 5 }, (_, at) => new Attacker(lab, victim, 2_000 + at))
  expect([mallory, ...channels].map(({ isEnded }) => isEnded)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
  ])
  const honest = new Attacker(lab, victim, 3_000, 'honest')
  const late = new Attacker(lab, victim, 3_001, 'late')
  expect([honest.isEnded, late.isEnded]).toEqual([false, true])
})

test('a database that is full takes no more records, from nobody, and stays in use', () => {
  const lab = new Lab()
  const [a, b] = [lab.node('a'), lab.node('b')]
  for (let at = 0; at < 35; at++) a.edit(`a/${at}`, (doc) => (doc.at = at))
  for (let at = 0; at < 8; at++) b.edit(`b/${at}`, (doc) => (doc.at = at))
  lab.connect(a, b)
  lab.settle()
  for (const node of [a, b]) {
    expect(node.replica.recordsByHash.size).toBe(limits.MAX_RECORDS)
    expect(() => node.edit('c/new', (doc) => (doc.n = 1))).toThrow(
      expect.objectContaining({ code: 'ERR_SYNC_LIMIT' }),
    )
  }
  expect([...a.disconnects, ...b.disconnects]).toEqual([])
  a.edit('a/1', (doc) => (doc.at = 'still'))
  lab.settle()
  expect(b.read('a/1')).toEqual({ at: 'still' })
  b.crash()
  expect(b.replica.recordsByHash.size).toBe(limits.MAX_RECORDS)
})

test('a document lies under so many paths and no more', () => {
  const { victim, id } = attacked()
  for (let at = 1; at < limits.MAX_PATHS_PER_DOCUMENT; at++) {
    admitDocument(victim.replica, `more/${at}`, id)
  }
  expect(() => admitDocument(victim.replica, 'more/last', id)).toThrow(
    expect.objectContaining({ code: 'ERR_SYNC_LIMIT' }),
  )
})

test('a path with a long history opens again, in whatever order its records lie on the disk', () => {
  const node = new Lab().node('a')
  for (let at = 0; at < 3 * limits.MAX_PENDING_RECORDS; at++) {
    node.edit('notes/x', (doc) => (doc.at = at))
    removePath(node.replica, 'notes/x')
    node.run(node.replica.takeEffects())
  }
  node.lab.settle()
  node.crash()
  expect(node.replica.catalogue.winner('notes/x')?.generation).toBe(23)
})

test('batches of somebody who may not write end the channel in the end', () => {
  const writer = keyOf('b').authorId
  let isStrict = false
  let replay: Uint8Array | undefined
  const lab = new Lab({
    policy: (author, action) => !isStrict || author !== writer || action === 'read',
    tamper: (bytes, from) => {
      if (from === 'b' && decodeMessage(bytes).type === 'edits') replay = bytes
      return bytes
    },
  })
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit('notes/x', (doc) => doc.lines.push('a'), { lines: [] })
  const link = lab.connect(a, b)
  lab.settle()
  b.edit('notes/x', (doc) => doc.lines.push('b'))
  // The device of b has not heard of the rule, that of a has.
  isStrict = true
  lab.settle()
  expect(a.read('notes/x')).toEqual({ lines: ['a'] })
  for (let at = 0; at < limits.MAX_FRUITLESS_BATCHES; at++) {
    a.input({ type: 'peer-message', link, bytes: replay!.slice() })
  }
  expect(a.disconnects).toEqual(['ERR_SYNC_PROTOCOL'])
})

test('what a peer says it has sends a live edit once for each change, and writes nothing', () => {
  const { lab, victim, mallory, id } = attacked()
  for (let at = 0; at < 20; at++) victim.edit('notes/x', (doc) => doc.lines.push(at))
  lab.settle()
  const state = victim.replica.knownDocument(id)!
  const history = Automerge.topoHistoryTraversal(state.open)
  mallory.heard()
  const { durableArrival } = victim.replica
  for (let at = 0; at < 200; at++) {
    mallory.tell({ type: 'received', id, heads: history.slice(at % 20, (at % 20) + 1) })
    const unknown = (at % 7).toString(16).repeat(64)
    mallory.tell({ type: 'stored', id, heads: [unknown] })
    expect(victim.replica.isWriting).toBe(false)
  }
  lab.settle()
  expect(mallory.heard().filter((name) => name === 'part' || name === 'edits')).toEqual([])
  expect(victim.replica.durableArrival).toBe(durableArrival)
  // A peer that does say where it stands gets the next edit at once.
  mallory.tell({ type: 'received', id, heads: [...state.heads] })
  victim.edit('notes/x', (doc) => doc.lines.push('next'))
  expect(mallory.heard()).toContain('edits')
})
