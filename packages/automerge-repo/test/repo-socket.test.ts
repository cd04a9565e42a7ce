import { encodeCbor } from '@vudo/wire'
import { EventEmitter } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { KEEP_ALIVE_MS, MAX_FIRST_BYTES, MAX_WAITING_MESSAGES } from '../src/limits.ts'
import { RepoSocket } from '../src/repo-socket.ts'
import { SharedBytes } from '../src/shared-bytes.ts'

/** A socket whose far end says nothing by itself. */
class StillSocket extends EventEmitter {
  readonly readyState = WebSocket.OPEN
  bufferedAmount = 0
  isPaused = false
  pings = 0
  ping(): void {
    this.pings += 1
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  terminate(): void {
    this.emit('close')
  }
}

function open(
  onMessage: () => Promise<void>,
  held?: SharedBytes,
): { still: StillSocket; socket: RepoSocket } {
  vi.useFakeTimers()
  const still = new StillSocket()
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as much of one as is used
  const socket = new RepoSocket(still as unknown as WebSocket, onMessage, held)
  onTestFinished(() => {
    socket.end()
    vi.useRealTimers()
  })
  return { still, socket }
}

test('a peer that answers no ping is ended, and the reason is said', async () => {
  const { still, socket } = open(() => Promise.resolve())
  vi.advanceTimersByTime(KEEP_ALIVE_MS)
  still.emit('pong')
  vi.advanceTimersByTime(KEEP_ALIVE_MS)
  expect(still.pings).toBe(2)
  vi.advanceTimersByTime(KEEP_ALIVE_MS)
  expect(await socket.closed).toMatchObject({ code: 'ERR_REPO_SLOW' })
})

test('who is not read, or speaks, is not asked for an answer', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { still, socket } = open(() => promise)
  const ended = vi.fn<() => void>()
  void socket.closed.then(ended)
  const message = Buffer.from(encodeCbor({ type: 'x' }))
  for (let at = 0; at <= MAX_WAITING_MESSAGES; at++) still.emit('message', message)
  expect(still.isPaused).toBe(true)
  await vi.advanceTimersByTimeAsync(10 * KEEP_ALIVE_MS)
  resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect(still.isPaused).toBe(false)
  for (let at = 0; at < 10; at++) {
    await vi.advanceTimersByTimeAsync(KEEP_ALIVE_MS)
    still.emit('message', message)
  }
  expect(ended).not.toHaveBeenCalled()
})

function streamOf({ socket }: { readonly socket: RepoSocket }): EventEmitter {
  const stream = new EventEmitter()
  socket.watch(stream)
  return stream
}

test('a first message that is too long, and who holds the most of all, end', async () => {
  const held = new SharedBytes(1_000_000)
  const [first, greedy, honest] = [1, 2, 3].map(() => open(() => Promise.resolve(), held))
  if (!first || !greedy || !honest) throw new Error('three sockets')
  streamOf(first).emit('data', new Uint8Array(MAX_FIRST_BYTES + 1))
  expect(await first.socket.closed).toMatchObject({ code: 'ERR_REPO_MESSAGE' })
  for (const { still } of [greedy, honest]) still.emit('message', Buffer.from(encodeCbor({})))
  await vi.advanceTimersByTimeAsync(0)
  expect(held.total).toBe(0)
  streamOf(greedy).emit('data', new Uint8Array(900_000))
  const ended = vi.fn<() => void>()
  void honest.socket.closed.then(ended)
  streamOf(honest).emit('data', new Uint8Array(200_000))
  expect(await greedy.socket.closed).toMatchObject({ code: 'ERR_REPO_SLOW' })
  expect(held.total).toBe(200_000)
  expect(ended).not.toHaveBeenCalled()
})
