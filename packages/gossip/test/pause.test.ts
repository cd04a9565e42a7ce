import { MAX_REOPEN_MS, REOPEN_MS } from '../src/limits.ts'
import { describe, expect, it } from 'vitest'
import { pause, reopenDelayMs } from '../src/pause.ts'

describe('reopenDelayMs', () => {
  it('doubles with each failure, up to its limit', () => {
    const delays = [0, 1, 2, 3, 50, 5_000].map(reopenDelayMs)
    const [most, first] = [MAX_REOPEN_MS, REOPEN_MS]
    expect(delays).toEqual([first, first, 2 * first, 4 * first, most, most])
  })
})

describe('pause', () => {
  it('settles when the time is up, and rejects with the reason of the signal', async () => {
    const end = new AbortController()
    await pause(1, end.signal)
    const reason = new Error('closed')
    const waiting = pause(60_000, end.signal)
    end.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(pause(1, end.signal)).rejects.toBe(reason)
  })
})
