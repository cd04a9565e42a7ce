import * as Automerge from '@automerge/automerge'
import { expect, test } from 'vitest'
import { applyBatch } from '../src/apply-batch.ts'
import { deriveActor, signProof } from '../src/authorship.ts'
import type { ChangeBatch } from '../src/batch-wire.ts'
import type { DocumentState } from '../src/document-state.ts'
import { isSyncError } from '../src/errors.ts'
import { keyOf, Lab } from './replica-lab.ts'

const mallory = keyOf('mallory')
const rules = { database: 'lab', mayWrite: () => true }

/** What somebody who may write sends: 600 changes, and one of another actor whose number is so far behind those. */
function forgedBatch({ id, open }: DocumentState, distance: number): ChangeBatch {
  const nonces = [1, 2].map((byte) => new Uint8Array(16).fill(byte))
  const [many = '', last = ''] = nonces.map((nonce) => deriveActor(mallory.authorId, id, nonce))
  const backend = Automerge.getBackend(Automerge.clone(open, { actor: many }))
  for (let at = 0; at < 600; at++) {
    backend.put('_root', 'first', at)
    backend.put('_root', 'second', at)
    backend.commit()
  }
  const [newest = ''] = backend.getHeads()
  const change = {
    actor: last,
    seq: 1,
    startOp: (backend.getChangeMetaByHash(newest)?.maxOp ?? 0) + distance,
    time: 0,
    message: null,
    deps: [newest],
    ops: [{ action: 'set', obj: '_root', key: 'last', value: 'x', pred: [] }],
  }
  backend.applyChanges([
    Automerge.encodeChange(change as unknown as Parameters<typeof Automerge.encodeChange>[0]),
  ])
  const heads = backend.getHeads()
  const hashes = { [many]: newest, [last]: heads[0] ?? '' }
  const proofs = [many, last].map((actor, at) => {
    const proven = { database: 'lab', documentId: id, actor, hash: hashes[actor] ?? '' }
    return signProof(proven, mallory, nonces[at])
  })
  return {
    isAnswer: false,
    isSaved: true,
    isDeflated: false,
    heads,
    proofs,
    payload: backend.save(),
  }
}

/** What becomes of it in a document that was edited since, so that it has to be brought in, or that was not. */
function takenInto(isEdited: boolean, distance: number): { state: DocumentState; outcome: string } {
  const victim = new Lab().node('victim')
  victim.edit('notes/x', (doc) => (doc.title = 'here'), { title: '' })
  const state = victim.open('notes/x')
  const batch = forgedBatch(state, distance)
  if (isEdited) victim.edit('notes/x', (doc) => (doc.title = 'edited'))
  try {
    return { state, outcome: applyBatch(state, batch, rules) }
  } catch (error) {
    if (!isSyncError(error)) throw error
    return { state, outcome: error.code }
  }
}

test.each([true, false])('a saved document is taken (into an edited one: %s)', (isEdited) => {
  const { state, outcome } = takenInto(isEdited, 1)
  expect(outcome).toBe('applied')
  expect(state.open).toMatchObject({ title: isEdited ? 'edited' : 'here', first: 599 })
  expect(state.open).toHaveProperty('last')
})

test.each([
  // Saved like that it becomes another change, which nobody has signed.
  ['uses numbers again', true, 0, 'ERR_AUTHORSHIP_INVALID'],
  ['uses numbers again', false, 0, 'ERR_AUTHORSHIP_INVALID'],
  ['leaves out numbers without end', true, 2_000_000, 'ERR_SYNC_PROTOCOL'],
  ['leaves out numbers without end', false, 2_000_000, 'ERR_SYNC_PROTOCOL'],
] as const)(
  'a saved document that %s is refused (into an edited one: %s)',
  (_, isEdited, distance, code) => {
    const { state, outcome } = takenInto(isEdited, distance)
    expect(outcome).toBe(code)
    expect({ ...state.open }).toEqual({ title: isEdited ? 'edited' : 'here' })
    expect(Automerge.getHeads(state.open).toSorted()).toEqual(state.heads)
  },
)
