import { expect, it } from 'vitest'
import { createNews } from '../src/news.ts'

it('gives what came while nobody waited, the latest ones, and what comes then', async () => {
  const news = createNews<number>(2)
  for (const at of [1, 2, 3]) news.put(at)
  const seen: number[] = []
  const reading = (async () => {
    for await (const item of news) seen.push(item)
  })()
  await Promise.resolve()
  news.put(4)
  news.end()
  news.put(5)
  await reading
  expect(seen).toEqual([2, 3, 4])
})

it('can be left while it waits', async () => {
  let hasLeft = false
  const news = createNews<number>(2, () => (hasLeft = true))
  const reader = news[Symbol.asyncIterator]()
  const waiting = reader.next()
  expect(await reader.return?.()).toEqual({ done: true, value: undefined })
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(hasLeft).toBe(true)
})
