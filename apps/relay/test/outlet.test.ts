import { afterEach, describe, expect, it, vi } from 'vitest'
import { CLOSE_TIMEOUT_MS, MAX_WAITING_NOTICES } from '../src/limits.ts'
import { createOutlet } from '../src/outlet.ts'

class FakeSocket {
  bufferedAmount = 0
  sent = 0
  isOver = false
  isClosing = false
  readonly written: (() => void)[] = []

  send(_frame: unknown, _options: unknown, onWritten?: () => void): void {
    this.sent += 1
    if (onWritten) this.written.push(onWritten)
  }

  close(): void {
    this.isClosing = true
  }

  terminate(): void {
    this.isOver = true
  }
}

function make(): { socket: FakeSocket; write: (onWritten?: () => void) => void } {
  const socket = new FakeSocket()
  const outlet = createOutlet(socket, 1_000)
  return { socket, write: (onWritten) => outlet.write(new Uint8Array(10), onWritten) }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('an outlet', () => {
  it('ends a socket whose far end does not answer the close, and no other', () => {
    vi.useFakeTimers()
    const [one, two] = [new FakeSocket(), new FakeSocket()]
    for (const socket of [one, two]) {
      const outlet = createOutlet(socket, 1_000)
      outlet.close(1_002, 'why')
      if (socket === two) outlet.ended()
    }
    expect([one.isClosing, one.isOver]).toEqual([true, false])
    vi.advanceTimersByTime(CLOSE_TIMEOUT_MS)
    expect([one.isOver, two.isOver]).toEqual([true, false])
  })

  it('ends a socket on which too many bytes wait, and says that the frame is gone', () => {
    const { socket, write } = make()
    socket.bufferedAmount = 1_000
    write()
    expect(socket.isOver).toBe(false)
    socket.bufferedAmount = 1_001
    let gone = 0
    write(() => (gone += 1))
    expect([socket.isOver, socket.sent, gone]).toEqual([true, 1, 1])
  })

  it('ends one on which too many small frames wait, which cost more than their bytes', () => {
    const { socket, write } = make()
    for (let i = 0; i < MAX_WAITING_NOTICES; i++) write()
    for (const written of socket.written.splice(0)) written()
    for (let i = 0; i < MAX_WAITING_NOTICES; i++) write()
    expect(socket.isOver).toBe(false)
    write()
    expect(socket.isOver).toBe(true)
  })
})
