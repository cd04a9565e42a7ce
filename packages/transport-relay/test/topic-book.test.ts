import { expect, it } from 'vitest'
import { createTopicBook } from '../src/topic-book.ts'

it('joins no more topics than the relay takes, and the next when one is left', () => {
  const written: string[] = []
  const book = createTopicBook({
    write: (frame) => void written.push(`${frame[0]} ${frame[1]}`),
    onMember: () => undefined,
    onComplete: () => undefined,
  })
  const [one, two, three] = [1, 2, 3].map((n) => new Uint8Array(32).fill(n))
  if (!one || !two || !three) throw new Error('there are three')
  const how = { isListed: true, isWatching: false }
  for (const topic of [one, two, three]) book.join(topic, how)
  written.length = 0
  expect(book.hello(2).map((frame) => frame[1])).toEqual([1, 2])
  expect([one, two, three].map((topic) => book.isOver(topic))).toEqual([false, false, true])
  // A change of how costs no place, and one that waits says nothing.
  book.join(one, { isListed: true, isWatching: true })
  book.join(three, { isListed: true, isWatching: true })
  expect(written).toEqual(['2 1'])
  book.leave(one)
  expect(written).toEqual(['2 1', '3 1', '2 3'])
  expect(book.isOver(three)).toBe(false)
  // The next relay may take more, or fewer.
  book.join(one, how)
  expect(book.isOver(one)).toBe(true)
  expect(book.hello(3)).toHaveLength(3)
  expect(book.isOver(one)).toBe(false)
})
