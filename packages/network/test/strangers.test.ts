import type { Connection } from '@vudo/transport'
import { expect, it } from 'vitest'
import { MIN_STRANGER_MS } from '../src/limits.ts'
import { Strangers } from '../src/strangers.ts'

const connection = (): Connection => ({}) as Connection

it('gives strangers a quarter of the places, and ends the oldest that had its time', () => {
  const strangers = new Strangers(8)
  const [first, second, third, fourth] = [connection(), connection(), connection(), connection()]
  expect(strangers.add(first, 0)).toBeUndefined()
  expect(strangers.add(second, 1)).toBeUndefined()
  // Many honest peers may come at once: each gets a moment.
  expect(strangers.add(third, MIN_STRANGER_MS - 1)).toBeUndefined()
  expect(strangers.add(fourth, MIN_STRANGER_MS)).toBe(first)
})

it('counts nobody who has proven a database, also when another topic is shared later', () => {
  const strangers = new Strangers(4)
  const member = connection()
  strangers.add(member, 0)
  strangers.remove(member)
  expect(strangers.add(member, 1)).toBeUndefined()
  expect(strangers.add(connection(), MIN_STRANGER_MS)).toBeUndefined()
  expect(strangers.add(connection(), 3 * MIN_STRANGER_MS)).not.toBe(member)
})
