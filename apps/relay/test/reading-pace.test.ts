import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import type { AddressEntry } from '../src/address-book.ts'
import { ReadingPace } from '../src/reading-pace.ts'
import { createTokenBucket } from '../src/token-bucket.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
})

afterEach(() => {
  vi.useRealTimers()
})

/** The pace of a socket that notes whether it is read. */
function createPace(): { pace: ReadingPace; socket: { isRead: boolean }; entry: AddressEntry } {
  const socket = {
    isRead: true,
    readyState: 1,
    CLOSED: 3,
    pause() {
      socket.isRead = false
    },
    resume() {
      socket.isRead = true
    },
  }
  const pace = new ReadingPace(socket as unknown as WebSocket, Date.now)
  const entry = { connections: 0, bucket: createTokenBucket(1_000, 0) } as AddressEntry
  return { pace, socket, entry }
}

it('counts nothing before the client was let in', () => {
  const { pace, socket } = createPace()
  pace.account(1_000_000)
  expect(socket.isRead).toBe(true)
})

it('reads on when the slower of the two buckets allows', () => {
  const { pace, socket, entry } = createPace()
  pace.enter(500, entry)
  pace.account(1_500)
  expect(socket.isRead).toBe(false)
  vi.advanceTimersByTime(1_999)
  expect(socket.isRead).toBe(false)
  vi.advanceTimersByTime(1)
  expect(socket.isRead).toBe(true)
})

it('takes nobody for silent whom it did not read, nor right after', () => {
  const { pace } = createPace()
  pace.wait(60_000)
  vi.advanceTimersByTime(59_000)
  expect(pace.silenceMs(Date.now())).toBe(0)
  vi.advanceTimersByTime(1_500)
  expect(pace.silenceMs(Date.now())).toBe(500)
})

it('counts the connections of an address, and leaves no timer behind', () => {
  const { pace, entry } = createPace()
  pace.enter(500, entry)
  expect(entry.connections).toBe(1)
  pace.wait(100)
  pace.end()
  expect(entry.connections).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})
