import { request, requestHandler } from '@vudo/network'
import { describe, expect, it } from 'vitest'
import { REQUESTS_PER_PEER_AND_SECOND } from '../src/limits.ts'
import { pattern, startPair, type TestNode } from './nodes.ts'

const options = { database: 'db' } as const

function sessionOf(
  from: TestNode,
  to: TestNode,
): NonNullable<ReturnType<TestNode['network']['session']>> {
  const session = from.network.session(to.key.peerId)
  if (session === undefined) throw new Error('no session')
  return session
}

describe('a request', () => {
  it('gets its answer, and many at once get theirs', async () => {
    const { a, b } = await startPair()
    b.network.handle(
      '/double/1',
      requestHandler((message, { peerId, database }) => {
        expect([peerId, database]).toEqual([a.key.peerId, 'db'])
        return Uint8Array.of(...message, ...message)
      }),
    )
    const session = sessionOf(a, b)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        request(session, '/double/1', Uint8Array.of(i), options),
      ),
    )
    expect(answers).toEqual(Array.from({ length: 40 }, (_, i) => Uint8Array.of(i, i)))
  })

  it('carries whatever fits into a message, nothing included', async () => {
    const { a, b } = await startPair()
    b.network.handle(
      '/echo/1',
      requestHandler((message) => message),
    )
    for (const length of [0, 1, 65_537, 262_144]) {
      const answer = await request(sessionOf(a, b), '/echo/1', pattern(length), options)
      expect(answer).toEqual(pattern(length))
    }
  })

  it('is refused by size at either end', async () => {
    const { a, b } = await startPair()
    b.network.handle(
      '/small/1',
      requestHandler(() => pattern(100), { maxRequestBytes: 10 }),
    )
    const session = sessionOf(a, b)
    await expect(request(session, '/small/1', pattern(11), options)).rejects.toMatchObject({
      code: 'ERR_REQUEST_FAILED',
      peerCode: 'ERR_REQUEST_SIZE',
    })
    await expect(
      request(session, '/small/1', pattern(10), { ...options, maxResponseBytes: 99 }),
    ).rejects.toMatchObject({ code: 'ERR_REQUEST_SIZE' })
    expect(await request(session, '/small/1', pattern(10), options)).toEqual(pattern(100))
  })

  it('ends with the code of what the handler threw, and nothing else of it', async () => {
    const { a, b } = await startPair()
    const failures = [
      Object.assign(new Error('secret'), { code: 'ERR_NOT_TODAY' }),
      new Error('secret'),
      Object.assign(new Error('secret'), { code: 'ERR_\n forged' }),
    ]
    b.network.handle(
      '/fail/1',
      requestHandler(([which = 0]) => {
        throw failures[which] ?? new Error('no such failure')
      }),
    )
    const codes = ['ERR_NOT_TODAY', 'ERR_REQUEST_FAILED', 'ERR_REQUEST_FAILED']
    for (const [which, peerCode] of codes.entries()) {
      await expect(
        request(sessionOf(a, b), '/fail/1', Uint8Array.of(which), options),
      ).rejects.toMatchObject({ code: 'ERR_REQUEST_FAILED', peerCode })
    }
    await expect(request(sessionOf(a, b), '/nobody/1', pattern(1), options)).rejects.toMatchObject({
      code: 'ERR_REQUEST_FAILED',
      peerCode: 'ERR_PROTOCOL_UNKNOWN',
    })
  })

  it.each([
    ['never ends', 1],
    ['goes on talking', 3],
  ])('gives its channel back when the peer answers and %s', async (_name, answers) => {
    const { a, b } = await startPair()
    b.network.handle('/open/1', async (channel) => {
      await channel.receive()
      for (let i = 0; i < answers; i++) await channel.send(Uint8Array.of(i))
    })
    const session = sessionOf(a, b)
    // More than a session has channels.
    for (let i = 0; i < 20; i++) {
      expect(await request(session, '/open/1', pattern(1), options)).toEqual(Uint8Array.of(0))
    }
    const channel = session.openChannel('/open/1', options)
    await channel.send(pattern(1))
    expect(await channel.receive()).toEqual(Uint8Array.of(0))
  })

  it('is given up after its time, and the handler hears of it', async () => {
    const { a, b } = await startPair()
    const given = Promise.withResolvers<void>()
    b.network.handle(
      '/never/1',
      requestHandler((_, { signal }) => {
        signal.addEventListener('abort', () => given.resolve())
        return new Promise<never>(() => {})
      }),
    )
    const session = sessionOf(a, b)
    await expect(
      request(session, '/never/1', pattern(1), { ...options, timeoutMs: 20 }),
    ).rejects.toMatchObject({ code: 'ERR_REQUEST_TIMEOUT' })
    await given.promise
    const stop = new AbortController()
    const asking = request(session, '/never/1', pattern(1), { ...options, signal: stop.signal })
    stop.abort(new Error('mine'))
    await expect(asking).rejects.toThrow('mine')
    b.network.handle(
      '/echo/1',
      requestHandler((message) => message),
    )
    expect(await request(session, '/echo/1', pattern(3), options)).toEqual(pattern(3))
  })

  it('is refused when one peer asks too often (rate limit per peer)', async () => {
    const { a, b } = await startPair()
    // A clock that stands still: no place becomes free.
    b.network.handle(
      '/echo/1',
      requestHandler((message) => message, { now: () => 0 }),
    )
    const outcomes = await Promise.allSettled(
      Array.from({ length: REQUESTS_PER_PEER_AND_SECOND + 20 }, () =>
        request(sessionOf(a, b), '/echo/1', pattern(1), options),
      ),
    )
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    expect(refused).toHaveLength(20)
    expect(refused[0]).toMatchObject({ code: 'ERR_REQUEST_FAILED', peerCode: 'ERR_LIMIT' })
    expect(a.network.isPeerConnected(b.key.peerId)).toBe(true)
  })

  it('is refused before it is sent when too many wait, and when its options are wrong', async () => {
    const { a, b } = await startPair()
    b.network.handle(
      '/never/1',
      requestHandler(() => new Promise<never>(() => {})),
    )
    const session = sessionOf(a, b)
    const stop = new AbortController()
    const ask = (): Promise<unknown> =>
      request(session, '/never/1', pattern(1), { ...options, signal: stop.signal })
    const waiting = Array.from({ length: 260 }, ask)
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    stop.abort(new Error('enough'))
    const outcomes = await Promise.allSettled(waiting)
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
    await expect(request(session, '/x/1', pattern(1), { timeoutMs: 0 })).rejects.toThrow(
      /timeoutMs/,
    )
    expect(() => requestHandler((message) => message, { maxRequestBytes: -1 })).toThrow(
      /maxRequest/,
    )
  })
})
