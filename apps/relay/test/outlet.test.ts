import { describe, expect, it } from 'vitest'
import { MAX_WAITING_NOTICES } from '../src/limits.ts'
import { createOutlet } from '../src/outlet.ts'

class FakeSocket {
  bufferedAmount = 0
  sent = 0
  isOver = false
  readonly written: (() => void)[] = []

  send(_frame: unknown, _options: unknown, onWritten?: () => void): void {
    this.sent += 1
    if (onWritten) this.written.push(onWritten)
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

describe('an outlet', () => {
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
