import { expect, it } from 'vitest'
import { systemRuntime } from '@vudo/swarm'
import { createNews } from '../src/news.ts'

it('waits for its condition, the limit, the signal, or the close of all', async () => {
  const closing = new AbortController()
  const timers: (() => void)[] = []
  const setTimer = (_ms: number, run: () => void): (() => void) => {
    timers.push(run)
    return () => void timers.splice(timers.indexOf(run), 1)
  }
  const news = createNews({ ...systemRuntime, setTimer }, closing.signal)
  let isTrue = false
  const waiting = news.until(() => isTrue, { ms: 1 })
  isTrue = true
  news.tell()
  await waiting
  const late = news.until(() => false, { ms: 1 })
  timers[0]?.()
  await late
  const given = new AbortController()
  const abandoned = news.until(() => false, { ms: 1, signal: given.signal })
  given.abort(new Error('enough'))
  await expect(abandoned).rejects.toThrow('enough')
  const last = news.until(() => false, { ms: 1 })
  closing.abort()
  await last
  expect(timers).toEqual([])
})
