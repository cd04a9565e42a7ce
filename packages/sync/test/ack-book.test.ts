import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AckBook } from '../src/ack-book.ts'

const peers = fc.constantFrom('a', 'b', 'c')
const steps = fc.array(
  fc.record({ peer: peers, ack: fc.option(fc.constantFrom('1', '2'), { nil: undefined }) }),
)

test('it holds what a map would, in the same order', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const book = new AckBook()
      const map = new Map<string, string>()
      for (const { peer, ack } of list) {
        if (ack === undefined) {
          book.delete(peer)
          map.delete(peer)
        } else {
          book.set(peer, ack)
          map.set(peer, ack)
        }
        expect([...book]).toEqual([...map])
        expect(book.keys()).toEqual([...map.keys()])
        expect(book.size).toBe(map.size)
        expect(book.get(peer)).toBe(map.get(peer))
        expect(book.some((one) => one === '2')).toBe([...map.values()].includes('2'))
      }
    }),
  )
})
