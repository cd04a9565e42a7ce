import { describe, expect, it } from 'vitest'
import { createSharedDials, type DialWish } from '../src/shared-dials.ts'
import { peerId } from './fake-context.ts'

const [one, two] = [peerId(1), peerId(2)]

/** Dials that settle when the test says so. */
function create() {
  const begun: { wish: DialWish; settle: PromiseWithResolvers<string> }[] = []
  const dials = createSharedDials('loop', (wish) => {
    const settle = Promise.withResolvers<string>()
    begun.push({ wish, settle })
    return settle.promise
  })
  return { begun, dials }
}

describe('dials at one time', () => {
  it('give one result where they are to one peer at one address', async () => {
    const { begun, dials } = create()
    const address = `loop://${one}`
    const results = [dials.dial({ address }), dials.dial({ address, expected: one })]
    begun[0]?.settle.resolve('connection')
    expect(await Promise.all(results)).toEqual(['connection', 'connection'])
    expect(begun).toHaveLength(1)
  })

  it('stay apart where another peer is expected, and at another address', () => {
    const { begun, dials } = create()
    void dials.dial({ address: 'loop://a', expected: one })
    void dials.dial({ address: 'loop://a', expected: two })
    void dials.dial({ address: 'loop://a' })
    void dials.dial({ address: 'loop://b', expected: one })
    expect(begun).toHaveLength(4)
  })

  it('fail together, and the next one begins anew', async () => {
    const { begun, dials } = create()
    const results = [dials.dial({ address: 'loop://a' }), dials.dial({ address: 'loop://a' })]
    begun[0]?.settle.reject(new Error('nobody there'))
    for (const result of results) await expect(result).rejects.toThrow('nobody there')
    void dials.dial({ address: 'loop://a' })
    expect(begun).toHaveLength(2)
  })

  it('go on until nobody waits for them', async () => {
    const { begun, dials } = create()
    const [first, second] = [new AbortController(), new AbortController()]
    const results = [first, second].map(({ signal }) => dials.dial({ address: 'loop://a', signal }))
    first.abort('enough')
    await expect(results[0]).rejects.toBe('enough')
    expect(begun[0]?.wish.signal?.aborted).toBe(false)
    second.abort('me too')
    await expect(results[1]).rejects.toBe('me too')
    expect(begun[0]?.wish.signal?.reason).toBe('me too')
    // It is ending, and nobody who comes now shall end with it.
    void dials.dial({ address: 'loop://a' })
    expect(begun).toHaveLength(2)
  })
})
