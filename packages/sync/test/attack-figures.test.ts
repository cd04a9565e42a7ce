/** The attacks of the list with the numbers that it gives: what they cost us, and that nothing stays of them. */
import { deflateRawSync } from 'node:zlib'
import { createRandom } from '@vudo/testing'
import { createByteWriter } from '@vudo/wire'
import { expect, test } from 'vitest'
import { vetDocument } from '../src/automerge-chunks.ts'
import { createBatchBudget } from '../src/batch-budget.ts'
import { isSyncError } from '../src/errors.ts'
import { VET_FIRST_OPERATIONS } from '../src/limits.ts'
import { announceUnknown, serveHonest } from './floods.ts'
import { chunk, documentBody, oneRun, signedRun, type ForgedColumn } from './hostile-chunks.ts'

/** Resident memory may grow by so much, whatever a peer does: 64 MiB. */
const memoryBytes = 67_108_864

function codeOf(vet: () => unknown): string {
  try {
    vet()
    return 'fine'
  } catch (error) {
    return isSyncError(error) ? error.code : String(error)
  }
}

const action = 0x42
const rawValue = 0x57
const keyText = 0x15
const ownActor = 0x21
const ownCounter = 0x23
/** Columns of the changes. */
const changeActor = 0x01
const changeNumber = 0x03
const lastOperation = 0x13

test('SY1: 5,129 bytes that stand for 5,000,000 characters are refused by their ratio', () => {
  const column: ForgedColumn = [action, oneRun(5_000_000, Uint8Array.of(1))]
  const sized = (length: number): Uint8Array => {
    const noise = createRandom(1).bytes(length)
    return chunk('document', documentBody([], [column, [rawValue, noise]]))
  }
  const saved = sized(5_129 - (sized(5_000).length - 5_000))
  expect(saved).toHaveLength(5_129)
  const before = process.memoryUsage().rss
  expect(codeOf(() => vetDocument(saved))).toBe('ERR_DOCUMENT_TOO_LARGE')
  expect(process.memoryUsage().rss - before).toBeLessThan(memoryBytes)
})

test('SY2: 100 MiB of zeros in 102,000 bytes are not inflated', () => {
  const zeros = deflateRawSync(new Uint8Array(104_857_600))
  const saved = chunk('document', documentBody([], [[rawValue + 8, zeros]]))
  expect(saved.length).toBeGreaterThan(101_000)
  expect(saved.length).toBeLessThan(103_000)
  const before = process.memoryUsage().rss
  expect(codeOf(() => vetDocument(saved))).toBe('ERR_DOCUMENT_TOO_LARGE')
  expect(process.memoryUsage().rss - before).toBeLessThan(memoryBytes)
})

test('SY4: 200,000 keys are counted, and within what may be opened', () => {
  const keys = createByteWriter()
  // A column of 200,000 texts that are all different, in their order.
  keys.bytes(signed(-200_000))
  for (let at = 0; at < 200_000; at++) keys.text(`k${String(at).padStart(6, '0')}`)
  const operations: ForgedColumn[] = [
    [keyText, keys.finish()],
    [ownActor, oneRun(200_000, Uint8Array.of(0))],
    [ownCounter, oneRun(200_000, Uint8Array.of(1))],
    [action, oneRun(200_000, Uint8Array.of(1))],
  ]
  const changes: ForgedColumn[] = [
    [changeActor, oneRun(1, Uint8Array.of(0))],
    [changeNumber, signedRun(1)],
    [lastOperation, signedRun(200_000)],
  ]
  const saved = chunk('document', documentBody(changes, operations, [Uint8Array.of(7)]))
  const budget = createBatchBudget(saved.length)
  expect(codeOf(() => vetDocument(saved, budget))).toBe('fine')
  expect(budget.operationsTaken).toBeGreaterThanOrEqual(200_000)
  expect(budget.operationsTaken).toBeLessThan(VET_FIRST_OPERATIONS)
})

/** LEB128 in two's complement. */
function signed(number: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = number; ; rest >>= 7) {
    const isLast = rest >> 7 === -1 && (rest & 64) > 0
    bytes.push(isLast ? rest & 127 : (rest & 127) | 128)
    if (isLast) return Uint8Array.from(bytes)
  }
}

test('UD1: a hundred thousand announced documents leave nothing behind', () => {
  const { lab, victim, left, grownBytes } = announceUnknown(100_000)
  expect(left).toEqual({ documents: 0, records: 0, keys: 0 })
  expect(grownBytes).toBeLessThan(memoryBytes)
  expect(serveHonest(lab, victim)).toEqual([{ text: 'well' }, { text: 'mine' }])
})
