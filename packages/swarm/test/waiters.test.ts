import { describe, expect, it } from 'vitest'
import { createWaiters } from '../src/waiters.ts'

describe('createWaiters', () => {
  it('lets them go in the order in which they came', async () => {
    const waiters = createWaiters<number>()
    const [first, second] = [waiters.wait(undefined), waiters.wait(undefined)]
    expect([waiters.resolveFirst(1), waiters.resolveFirst(2)]).toEqual([true, true])
    expect(await Promise.all([first, second])).toEqual([1, 2])
    expect(waiters.resolveFirst(3)).toBe(false)
  })

  it('passes over one whose signal has fired', async () => {
    const waiters = createWaiters<number>()
    const aborter = new AbortController()
    const [gone, next] = [waiters.wait(aborter.signal), waiters.wait(undefined)]
    aborter.abort(new Error('no longer'))
    await expect(gone).rejects.toThrow('no longer')
    expect(waiters.resolveFirst(1)).toBe(true)
    expect(await next).toBe(1)
  })

  it('lets one go by name, wherever it stands', async () => {
    const waiters = createWaiters<number>()
    const all = [1, 2, 3].map(() => waiters.join(undefined))
    all[1]?.resolve(20)
    expect(await all[1]?.promise).toBe(20)
    waiters.resolveAll(0)
    expect(await Promise.all([all[0]?.promise, all[2]?.promise])).toEqual([0, 0])
    expect(waiters.resolveFirst(1)).toBe(false)
  })

  it('sends everybody away', async () => {
    const waiters = createWaiters<number>()
    const all = [waiters.wait(undefined), waiters.wait(new AbortController().signal)]
    waiters.rejectAll(new Error('over'))
    const outcomes = await Promise.allSettled(all)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})
