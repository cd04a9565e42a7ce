import { deflateRawSync } from 'node:zlib'
import { concatBytes, createByteWriter } from '@vudo/wire'
import { expect, test } from 'vitest'
import { readChanges, vetDocument } from '../src/automerge-chunks.ts'
import { isSyncError } from '../src/errors.ts'
import { encodeMessage, type SyncMessage } from '../src/wire.ts'
import { chunk, documentBody, oneRun } from './hostile-chunks.ts'
import { Lab, type Node } from './replica-lab.ts'

function verdictOn(vet: () => unknown): string {
  try {
    vet()
    return 'fine'
  } catch (error) {
    return isSyncError(error) ? error.code : String(error)
  }
}

test('SY1: five million equal characters in a few bytes are counted and not made', () => {
  // The action column says "set" five million times: what a run of a text is.
  const columns = [[0x42, oneRun(5_000_000, Uint8Array.of(1))]] as const
  const saved = chunk('document', documentBody([], columns))
  expect(saved.length).toBeLessThan(100)
  expect(verdictOn(() => vetDocument(saved))).toBe('ERR_DOCUMENT_TOO_LARGE')
})

test('SY2: a hundred mebibytes of zeros in one of a thousandth are not inflated', () => {
  // The column of values, deflated as Automerge deflates it.
  const columns = [[0x5f, deflateRawSync(new Uint8Array(104_857_600))]] as const
  const saved = chunk('document', documentBody([], columns))
  expect(saved.length).toBeLessThan(110_000)
  expect(verdictOn(() => vetDocument(saved))).toBe('ERR_DOCUMENT_TOO_LARGE')
})

test('SY5: a million actors are refused before the first is read', () => {
  const head = createByteWriter().varint(1_000_000).finish()
  const actors = new Uint8Array(2_000_000).fill(1)
  const saved = chunk('document', concatBytes(head, actors, Uint8Array.of(0, 0, 0)))
  expect(verdictOn(() => vetDocument(saved))).toBe('ERR_DOCUMENT_TOO_LARGE')
  const body = concatBytes(Uint8Array.of(0, 1, 7, 1, 1, 0, 0), head, actors)
  expect(verdictOn(() => readChanges(chunk('change', body)))).toBe('ERR_DOCUMENT_TOO_LARGE')
})

test('SY7: a sync message of Automerge, whatever its filter claims, is none of ours', () => {
  const lab = new Lab()
  const victim = lab.node('victim')
  greet(lab, victim)
  // 0x42, no heads, no needs, one filter of 2^32 bits.
  const bytes = Uint8Array.of(0x42, 0, 0, 1, 0, 5, 128, 128, 128, 128, 16)
  victim.input({ type: 'peer-message', link: 99, bytes })
  expect([...victim.replica.documents()]).toEqual([])
  const honest = lab.node('honest')
  honest.edit('notes/y', (doc) => (doc.text = 'well'))
  lab.connect(honest, victim)
  lab.settle()
  expect(victim.read('notes/y')).toEqual({ text: 'well' })
})

test('UD2: whoever asks for unknown documents by the hundred thousand leaves nothing behind', () => {
  const lab = new Lab()
  const victim = lab.node('victim')
  greet(lab, victim)
  for (let at = 0; at < 100_000; at++) {
    const id = at.toString(16).padStart(32, '0')
    tell(victim, { type: 'want', id, heads: [], have: [] })
    if (victim.disconnects.length > 0) break
  }
  lab.settle()
  expect([...victim.replica.documents()]).toEqual([])
  expect(victim.disconnects).toHaveLength(1)
})

function greet(lab: Lab, victim: Node): void {
  victim.input({ type: 'peer-connected', link: 99, peerId: lab.node('m').peerId })
  const position = { run: '00'.repeat(16), arrival: 0 }
  tell(victim, { type: 'hello', run: '11'.repeat(16), position, certificates: [] })
}

function tell(victim: Node, message: SyncMessage): void {
  victim.input({ type: 'peer-message', link: 99, bytes: encodeMessage(message) })
}
