import { describe, expect, it } from 'vitest'
import { waitFor, withTimeout } from '@vudo/testing'

const late = expect.objectContaining({ code: 'ERR_WAIT_TIMEOUT' })
const never = new Promise<never>(() => undefined)

describe('waitFor', () => {
  it('ends when the condition holds', async () => {
    let looks = 0
    await waitFor(() => ++looks === 3)
    expect(looks).toBe(3)
  })

  it('gives up, saying what it waited for', async () => {
    const waiting = waitFor(() => false, { timeoutMs: 1, describe: () => 'two peers, saw 1,' })
    await expect(waiting).rejects.toEqual(late)
    await expect(waiting).rejects.toThrow('two peers, saw 1, did not come true within 1 ms')
  })
})

describe('withTimeout', () => {
  it('gives what the promise gives', async () => {
    expect(await withTimeout(Promise.resolve(7), 1_000, 'seven')).toBe(7)
    const failing = withTimeout(Promise.reject(new Error('no')), 1_000, 'seven')
    await expect(failing).rejects.toThrow('no')
  })

  it('gives up in time', async () => {
    await expect(withTimeout(never, 1, 'an answer')).rejects.toEqual(late)
  })
})
