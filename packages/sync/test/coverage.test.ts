import * as Automerge from '@automerge/automerge'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { Coverage } from '../src/coverage.ts'
import { headsOf } from '../src/document-heads.ts'
import { DocumentState, type AnyDocument } from '../src/document-state.ts'
import { keyOf } from './replica-lab.ts'

const walks = vi.hoisted(() => ({ count: 0 }))
vi.mock('@automerge/automerge', async (original) => {
  const automerge = await original<typeof Automerge>()
  return {
    ...automerge,
    getChangesMetaSince: (...parameters: Parameters<typeof automerge.getChangesMetaSince>) => {
      walks.count += 1
      return automerge.getChangesMetaSince(...parameters)
    },
  }
})

function stateOf(doc: AnyDocument): DocumentState {
  const context = { database: 'x', author: keyOf('a'), runId: new Uint8Array(16) }
  const state = new DocumentState('11'.repeat(16), context)
  state.replace(doc)
  return state
}

const edit = (doc: AnyDocument, at: number): AnyDocument =>
  Automerge.change(doc, (draft) => (draft['at'] = at))

/** The long way: everything that is not in the history of `theirs` is looked through. */
function holds(doc: AnyDocument, theirs: readonly string[], target: readonly string[]): boolean {
  const known = theirs.filter((hash) => Automerge.hasHeads(doc, [hash]))
  const missing = new Set(Automerge.getChangesMetaSince(doc, known).map(({ hash }) => hash))
  return target.every((hash) => !missing.has(hash))
}

test('gives the answer of a walk through the whole history, for forks and merges', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('edit', 'fork', 'merge', 'look'), fc.nat()))
  const picks = fc.array(fc.nat(), { minLength: 3, maxLength: 30 })
  fc.assert(
    fc.property(steps, steps, picks, (before, after, choices) => {
      let trunk = edit(Automerge.init(), 0)
      const forks: AnyDocument[] = []
      const state = stateOf(trunk)
      let coverage: Coverage | undefined
      const run = (list: typeof before): void => {
        for (const [step, number] of list) {
          const at = number % 4
          const fork = forks[at]
          if (step === 'look') coverage?.isHeldBy([])
          else if (step === 'fork') forks[at] = Automerge.clone(trunk)
          else if (step === 'merge' && fork) trunk = Automerge.merge(trunk, fork)
          else if (step === 'edit' && fork && at > 0) forks[at] = edit(fork, number)
          else if (step === 'edit') trunk = edit(trunk, number)
          state.replace(trunk)
        }
      }
      run(before)
      const target = headsOf(state.open)
      coverage = new Coverage(state)
      run(after)
      const history = Automerge.topoHistoryTraversal(state.open)
      const pick = (number: number): string => history.at(number % history.length) ?? ''
      for (const [at, number] of choices.entries()) {
        const theirs = choices.slice(at, at + 3).map(pick)
        const told = number % 5 === 0 ? ['ab'.repeat(32), ...theirs] : theirs
        expect(coverage.isHeldBy(told)).toBe(holds(state.open, told, target))
      }
    }),
  )
})

test('walks through each change once, whatever peers say and how often', () => {
  let doc: AnyDocument = Automerge.init()
  for (let at = 0; at < 50; at++) doc = edit(doc, at)
  const state = stateOf(doc)
  const coverage = new Coverage(state)
  state.replace(edit(state.open, 50))
  const history = Automerge.topoHistoryTraversal(state.open)
  walks.count = 0
  for (let at = 0; at < 1_000; at++) {
    coverage.isHeldBy([])
    coverage.isHeldBy([at.toString(16).padStart(64, '0')])
    coverage.isHeldBy(history.slice(at % 50, (at % 50) + 1))
  }
  expect(walks.count).toBe(1)
  expect(coverage.isHeldBy(state.heads)).toBe(true)
})
