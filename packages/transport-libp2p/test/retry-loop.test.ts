import { expect, it, onTestFinished } from 'vitest'
import { orAborted } from '../src/or-aborted.ts'
import { startRetryLoop, type RetryLoopInit } from '../src/retry-loop.ts'
import { until } from './nodes.ts'

function start(init: RetryLoopInit) {
  const loop = startRetryLoop({ random: () => 0, ...init })
  onTestFinished(() => loop.stop())
  return loop
}

it('tells how the latest try ended, and not the first', async () => {
  const outcomes = ['fails', 'works']
  const loop = start({
    run: async () => {
      if (outcomes.shift() === 'fails') throw new Error('not yet')
    },
    againMs: 600_000,
  })
  await expect(loop.latest).rejects.toThrow('not yet')
  loop.hurry()
  await until(() => outcomes.length === 0)
  await expect(loop.latest).resolves.toBeUndefined()
})

it('does not hurry a try that has worked', async () => {
  let tries = 0
  const loop = start({ run: async () => void tries++, againMs: 600_000 })
  await loop.latest
  loop.hurry()
  await new Promise((resolve) => setImmediate(resolve))
  expect(tries).toBe(1)
})

it('aborts the try under way when it stops, and waits for it', async () => {
  let isOver = false
  const loop = start({
    run: async (signal) => {
      await orAborted(new Promise(() => undefined), signal).catch(() => undefined)
      isOver = true
    },
  })
  await loop.stop()
  expect(isOver).toBe(true)
})

it('lets go of work when the signal fires, and handles what becomes of it', async () => {
  const work = Promise.withResolvers<void>()
  const controller = new AbortController()
  const waiting = orAborted(work.promise, controller.signal)
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  work.reject(new Error('too late'))
  await expect(
    orAborted(Promise.resolve(1), AbortSignal.abort(new Error('was over'))),
  ).rejects.toThrow('was over')
})
