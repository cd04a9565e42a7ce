import { expect, test } from 'vitest'
import { ChangeLog, headsAfter, type LoggedChange } from '../src/change-log.ts'
import { MAX_LOGGED_CHANGES } from '../src/limits.ts'

function change(seq: number, deps: readonly string[]): LoggedChange {
  return {
    hash: `change ${seq}`,
    actor: 'actor',
    seq,
    deps,
    bytes: new Uint8Array(1),
    operations: 1,
    startOp: seq,
    maxOp: seq,
    hasContainers: false,
    hasMarks: false,
    origin: undefined,
    isOnlyHead: true,
  }
}

test('what was there before is known for as long as all that builds on it is', () => {
  const log = new ChangeLog(7, ['base'])
  log.add(change(1, ['base']))
  expect([log.knows('base'), log.knows('change 1'), log.knows('other')]).toEqual([
    true,
    true,
    false,
  ])
  expect(log.has('base')).toBe(false)
  for (let seq = 2; seq <= MAX_LOGGED_CHANGES + 1; seq++)
    log.add(change(seq, [`change ${seq - 1}`]))
  // The first changes are gone: what builds on the base may be one of them.
  expect([log.knows('base'), log.knows('change 1')]).toEqual([false, false])
  expect(log.knows(`change ${MAX_LOGGED_CHANGES + 1}`)).toBe(true)
})

test('the last operation of a change is told as far as the change is here', () => {
  const log = new ChangeLog(1, ['base'])
  log.add(change(5, ['base']))
  expect([log.lastOperationOf('change 5'), log.lastOperationOf('base')]).toEqual([5, undefined])
})

test('a change takes the place of those heads that it builds on', () => {
  expect(headsAfter(['a', 'b', 'c'], [change(1, ['c', 'a'])])).toEqual(['b', 'change 1'])
})
