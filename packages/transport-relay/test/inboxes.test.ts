import { expect, it } from 'vitest'
import { createInboxes } from '../src/inboxes.ts'
import { createTopicBook } from '../src/topic-book.ts'

it('stay joined until the last pipe to a peer has ended, at every relay', () => {
  const written: number[] = []
  const topics = createTopicBook({
    write: (frame) => void written.push(frame[0] ?? 0),
    onMember: () => undefined,
    onComplete: () => undefined,
  })
  const inboxes = createInboxes([{ topics }])
  const [first, second] = [inboxes.join('ab'.repeat(32)), inboxes.join('ab'.repeat(32))]
  first()
  first()
  expect(written).toEqual([2])
  second()
  expect(written).toEqual([2, 3])
})
