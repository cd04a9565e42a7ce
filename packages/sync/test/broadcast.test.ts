import { expect, test } from 'vitest'
import { decodeMessage, encodeMessage } from '../src/wire.ts'
import { Lab, type Node } from './replica-lab.ts'

const path = 'notes/x'

function idOf(node: Node): string {
  return node.replica.catalogue.winner(path)?.documentId ?? ''
}

function send(node: Node, content: Uint8Array, nowMs = 0): number {
  const count = node.replica.exchange.broadcasts.send(idOf(node), content, nowMs)
  node.run(node.replica.takeEffects())
  return count
}

function heardBy(node: Node): { peerId: string; author: string | undefined; text: string }[] {
  return node.events.flatMap((event) => {
    if (event.type !== 'document:broadcast') return []
    const { peerId, author, content } = event
    return [{ peerId, author, text: new TextDecoder().decode(content) }]
  })
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function connected(init = {}): { lab: Lab; a: Node; b: Node } {
  const lab = new Lab(init)
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, (doc) => (doc.n = 1))
  lab.connect(a, b)
  lab.settle()
  return { lab, a, b }
}

test('what is told arrives once, through however many channels, from whom the session proves', () => {
  const { lab, a, b } = connected()
  lab.connect(a, b)
  lab.settle()
  expect(send(a, bytes('cursor 5'))).toBe(1)
  lab.settle()
  const { authorId } = a.author
  expect(heardBy(b)).toEqual([{ peerId: a.peerId, author: authorId, text: 'cursor 5' }])
  a.crash()
  lab.connect(a, b)
  lab.settle()
  // Numbers begin anew with each start.
  send(a, bytes('again'))
  lab.settle()
  expect(heardBy(b).map(({ text }) => text)).toEqual(['cursor 5', 'again'])
})

test('nothing of it is stored, and nobody passes it on', () => {
  const { lab, a, b } = connected()
  const c = lab.node('c')
  lab.connect(b, c)
  lab.settle()
  const before = b.disk.scan(new Uint8Array()).length
  send(a, bytes('here'))
  lab.settle()
  expect([heardBy(b).length, heardBy(c).length]).toEqual([1, 0])
  expect(b.disk.scan(new Uint8Array())).toHaveLength(before)
})

test('who may not read the document is told nothing', () => {
  const lab = new Lab({ policy: (author, action) => action !== 'read' || author !== authorOfB })
  const authorOfB = lab.node('b').author.authorId
  const [a, b] = [lab.node('a'), lab.node('b')]
  a.edit(path, (doc) => (doc.n = 1))
  lab.connect(a, b)
  lab.settle()
  expect(send(a, bytes('secret'))).toBe(0)
  lab.settle()
  expect(heardBy(b)).toEqual([])
})

test('too large and too many are refused here, and dropped there', () => {
  const { lab, a, b } = connected()
  const limit = expect.objectContaining({ code: 'ERR_SYNC_LIMIT' })
  expect(() => send(a, new Uint8Array(16_385))).toThrow(limit)
  for (let at = 0; at < 100; at++) send(a, bytes(`${at}`), 5_000)
  expect(() => send(a, bytes('one more'), 5_999)).toThrow(limit)
  // A peer that keeps to no rate; the clock of the other stands still.
  for (let at = 0; at < 100; at++) send(a, bytes(`${at}`), 6_000)
  lab.settle()
  expect(heardBy(b)).toHaveLength(100)
  const message = {
    type: 'broadcast',
    id: idOf(a),
    number: 1,
    content: new Uint8Array(16_384),
  } as const
  expect(decodeMessage(encodeMessage(message))).toEqual(message)
  const longer = { ...message, content: new Uint8Array(16_385) }
  expect(() => decodeMessage(encodeMessage(longer))).toThrow(
    expect.objectContaining({ code: 'ERR_DECODE' }),
  )
})
