import { describe, expect, it } from 'vitest'
import { memoryPipes, type MemoryPipe, type Tap } from './memory-pipes.ts'
import { alice, answer, attempt, bob, dial, mallory, next, outcomeOf, pair, text } from './pair.ts'
import { watchTimers } from './watch-timers.ts'

/** Changes what A sends. */
const changed =
  (change: (message: Uint8Array) => Uint8Array): Tap =>
  (message, fromA) =>
    fromA ? change(message) : message

/** What B makes of it. */
const outcome = async (tap: Tap): Promise<string | undefined> => (await attempt({ tap }))[1]

describe('secureLink', () => {
  it('links two ends, each with the proven key of the other', async () => {
    const { a, b } = await pair()
    expect([a.peerId, b.peerId]).toEqual([bob.peerId, alice.peerId])
    expect(a.path).toEqual({ transport: 'memory', relayed: false, outbound: true })
    expect(b.path.outbound).toBe(false)
    await a.send(text('hello'))
    expect(await next(b)).toBe('hello')
    await b.sendControl(text('topics'))
    expect(await a.receive()).toEqual({ isControl: true, bytes: text('topics') })
    await Promise.all([a.close(), b.close()])
  })

  it('needs equal bindings', async () => {
    const [first, second] = [text('topic 1'), text('topic 2')]
    expect(await attempt({}, { binding: first }, { binding: first })).toEqual(['linked', 'linked'])
    expect(await attempt({}, { binding: first }, { binding: second })).toEqual([
      'ERR_HANDSHAKE_FAILED < ERR_CHANNEL_AUTH',
      'ERR_HANDSHAKE_FAILED < ERR_CHANNEL_TRUNCATED',
    ])
  })

  it('refuses another key than the one dialled, and shows nothing to it', async () => {
    const sent: number[] = []
    const tap: Tap = (message, fromA) => {
      if (fromA) sent.push(message.length)
      return message
    }
    const [a] = await attempt({ tap }, { expected: mallory.peerId })
    expect(a).toBe('ERR_PEER_MISMATCH')
    expect(sent).toEqual([32])
  })

  it('refuses a dialler who is not expected', async () => {
    const [, b] = await attempt({}, {}, { expected: mallory.peerId })
    expect(b).toBe('ERR_PEER_MISMATCH')
  })

  it('refuses our own key', async () => {
    expect((await attempt({}, {}, { key: alice }))[0]).toBe('ERR_PEER_SELF')
  })

  it('refuses a pipe that reflects', async () => {
    const [pipe] = memoryPipes()
    const sent: Uint8Array[] = []
    const mirror: MemoryPipe = {
      ...pipe,
      waiting: 0,
      isClosed: false,
      send: async (message) => void sent.push(message),
      receive: async () => sent.shift(),
    }
    await expect(dial(mirror)).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FAILED' })
  })

  it('refuses garbage, small-order keys, oversized messages and a pipe that ends', async () => {
    expect(await outcome(changed((message) => message.fill(0)))).toBe(
      'ERR_HANDSHAKE_FAILED < ERR_CHANNEL_KEY',
    )
    expect(await outcome(changed(() => new Uint8Array(5_000)))).toBe(
      'ERR_HANDSHAKE_FAILED < ERR_CHANNEL_TOO_LARGE',
    )
    expect(await outcome(changed(() => new Uint8Array(3)))).toBe(
      'ERR_HANDSHAKE_FAILED < ERR_CHANNEL_TRUNCATED',
    )
    const [pipeA, pipeB] = memoryPipes()
    const answered = answer(pipeB).catch(outcomeOf)
    await pipeA.close()
    expect(await answered).toBe('ERR_HANDSHAKE_FAILED < ERR_CHANNEL_TRUNCATED')
    expect(await dial(pipeA).catch(outcomeOf)).toBe('ERR_HANDSHAKE_FAILED')
  })

  it('refuses a pipe that is too narrow for a handshake', async () => {
    const [pipe] = memoryPipes({ maxMessageBytes: 191 })
    await expect(dial(pipe)).rejects.toThrow(RangeError)
  })

  it.each([0, 1, 2])('ends a handshake that stalls after %i messages', async (passed) => {
    using timers = watchTimers()
    let count = 0
    const tap: Tap = (message) => (count++ < passed ? message : [])
    const limits = { handshakeTimeoutMs: 500 }
    const outcomes = await attempt({ tap }, { limits }, { limits })
    const timedOut = 'ERR_HANDSHAKE_FAILED < ERR_CHANNEL_TIMEOUT'
    const cut = 'ERR_HANDSHAKE_FAILED < ERR_CHANNEL_TRUNCATED'
    // Whose timer fires first closes the pipe of the other; who has sent the third message is linked.
    expect(passed < 2 ? [timedOut, cut] : ['linked']).toContain(outcomes[0])
    expect([timedOut, cut]).toContain(outcomes[1])
    expect(outcomes).toContain(timedOut)
    expect(timers.pending).toBe(0)
  })

  it.each([0, 1, 2, 3])(
    'rejects with the reason when aborted after %i messages, closes the pipe, leaves no timer',
    async (passed) => {
      using timers = watchTimers()
      const controller = new AbortController()
      const reason = new Error('enough')
      let count = 0
      const tap: Tap = (message) => {
        if (count++ < passed) return message
        controller.abort(reason)
        return []
      }
      const [pipeA, pipeB] = memoryPipes({ tap })
      const { signal } = controller
      if (passed === 3) controller.abort(reason)
      const ends = await Promise.allSettled([dial(pipeA, { signal }), answer(pipeB, { signal })])
      const last = ends[1]
      expect(last).toMatchObject({ status: 'rejected', reason })
      expect(pipeB.isClosed).toBe(true)
      await pipeA.close()
      expect(timers.pending).toBe(0)
    },
  )

  it('never puts a canary on the pipe', async () => {
    const seen: Uint8Array[] = []
    const tap: Tap = (message) => {
      seen.push(message.slice())
      return message
    }
    const { a, b } = await pair({ tap })
    const canary = 'CANARY-7f3a'
    await Promise.all([
      a.send(text(canary)),
      a.send(text(canary.repeat(900))),
      b.send(text(canary)),
    ])
    await a.sendControl(text(canary))
    expect(await next(b)).toBe(canary)
    await a.close(new Error(canary))
    expect(seen.length).toBeGreaterThan(5)
    expect(Buffer.concat(seen).includes(canary)).toBe(false)
    expect(Buffer.concat(seen).includes(Buffer.from(alice.publicKey))).toBe(false)
  })
})
