import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EditsMessage } from '../src/link-messages.ts'
import { MAX_LINK_MESSAGES, MAX_LINK_QUEUED_BYTES } from '../src/limits.ts'
import { OutgoingEdits } from '../src/outgoing-edits.ts'

const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('edit' as const), document: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ type: fc.constant('take' as const) }),
    fc.record({ type: fc.constant('hurry' as const) }),
  ),
  { maxLength: 200 },
)

test('edits of a document leave once, in order, and no more than a window at a time', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const edits = new OutgoingEdits()
      const sent: EditsMessage[] = []
      const made: number[][] = [[], [], []]
      let taken = 0
      let hurried = 0
      const note = (message: EditsMessage | undefined): void => {
        if (message) sent.push(message)
      }
      for (const [at, step] of list.entries()) {
        if (step.type === 'edit') {
          made[step.document]?.push(at)
          const bytes = Uint8Array.of(at >> 8, at & 255)
          note(edits.add(String(step.document), 0, { bytes, nonce: undefined }))
        } else if (step.type === 'hurry') {
          const before = sent.length
          note(edits.hurry())
          hurried += sent.length - before
        } else if (taken < sent.length) {
          taken += 1
          note(edits.taken(taken))
        }
        expect(sent.length - taken).toBeLessThanOrEqual(MAX_LINK_MESSAGES + hurried)
      }
      while (taken < sent.length) note(edits.taken(++taken))
      expect(edits.isSaved).toBe(sent.length === 0)
      edits.saved(sent.length)
      expect(edits.isSaved).toBe(true)
      expect(sent.map(({ number }) => number)).toEqual(sent.map((_, at) => at + 1))
      const arrived = made.map((_, document) =>
        sent
          .flatMap(({ documents }) => documents)
          .filter(({ id }) => id === String(document))
          .flatMap(({ changes }) =>
            changes.map(({ bytes: [high = 0, low = 0] }) => high * 256 + low),
          ),
      )
      expect(arrived).toEqual(made)
    }),
  )
})

test('edits that wait are bounded, and those after a refusal are void', () => {
  const edits = new OutgoingEdits()
  const nonce = undefined
  for (let n = 0; n < MAX_LINK_MESSAGES; n++) {
    expect(edits.add('d', 0, { bytes: new Uint8Array(1), nonce })).toBeDefined()
  }
  expect(edits.add('d', 0, { bytes: new Uint8Array(MAX_LINK_QUEUED_BYTES), nonce })).toBeUndefined()
  expect(() => edits.assertRoom()).toThrow(expect.objectContaining({ code: 'ERR_SYNC_LIMIT' }))
  edits.refused('d')
  edits.assertRoom()
  expect(edits.taken(1)).toBeUndefined()
  expect(edits.add('d', 1, { bytes: new Uint8Array(2), nonce })).toMatchObject({
    documents: [{ id: 'd', epoch: 1, changes: [{ bytes: new Uint8Array(2) }] }],
  })
})
