import { createPath, full3dRange, pathRanges } from '@vudo/meadowcap'
import { expect, test } from 'vitest'
import { DEFAULT_SPLIT_THRESHOLD, MAX_RANGE_IDS, MAX_ROOT_ENTRIES } from '../../src/limits.ts'
import { Dialogue, type Question } from '../../src/reconcile/dialogue.ts'
import { namespaceId } from '../store/model.ts'

function named(count: number): Question {
  const paths = pathRanges.create(createPath(['projects', 'a']), createPath(['projects', 'b']))
  const ids = new Set(Array.from({ length: count }, (_, at) => at.toString(16).padStart(16, '0')))
  return { type: 'ids', range: { ...full3dRange, paths }, ids }
}

function ask(question: Question, times: number): void {
  const dialogue = new Dialogue({ namespaceId, range: full3dRange, isInitiator: true })
  for (let at = 0; at < times; at++) dialogue.ask(question)
}

test('has room for all that honest ends ask at a time, and bounds the ids that wait', () => {
  const honest = named(DEFAULT_SPLIT_THRESHOLD)
  // A piece is cut in halves until they are small enough: half full is what they are at least.
  const most = (2 * MAX_ROOT_ENTRIES) / DEFAULT_SPLIT_THRESHOLD
  expect(most).toBe(8_192)
  expect(() => ask(honest, most)).not.toThrow()
  const code = 'ERR_WILLOW_SYNC_LIMIT'
  expect(() => ask(named(MAX_RANGE_IDS), most)).toThrow(expect.objectContaining({ code }))
})
