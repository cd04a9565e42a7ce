import * as Automerge from '@automerge/automerge'
import { expect, test } from 'vitest'
import { headsOf } from '../src/document-heads.ts'
import { DocumentState } from '../src/document-state.ts'
import { keyOf } from './replica-lab.ts'

test('what is given up while it is written does not count as durable when the write settles', () => {
  const doc = Automerge.from<Record<string, unknown>>({ title: 'claimed' })
  const context = { database: 'lab', author: keyOf('a'), runId: new Uint8Array(16) }
  const state = new DocumentState('11'.repeat(16), context)
  state.keep(Automerge.save(doc), headsOf(doc), [])
  state.takeOperations(1)
  const written = state.stored.heads
  expect(written).toEqual(headsOf(doc))
  state.discard()
  state.settled(written)
  expect(state.durableHeads).toEqual([])
  // The next write is of what it really holds.
  state.takeOperations(2)
  state.settled(state.stored.heads)
  expect(state.durableHeads).toEqual(state.heads)
  expect(state.isDirty).toBe(false)
})
