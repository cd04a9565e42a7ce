import { describe, expect, it } from 'vitest'
import { ChannelState } from '../src/channel-state.ts'
import { FramePool } from '../src/frame-pool.ts'
import { encodeOpen } from '../src/wire.ts'

const bytes = 60_000

function channel(pool: FramePool, id: number): ChannelState {
  const open = encodeOpen({ channel: id, protocol: '/p', priority: 2, proof: new Uint8Array(0) })
  const made = new ChannelState({
    id,
    protocol: '/p',
    priority: 2,
    database: undefined,
    open,
    pool,
  })
  made.takeFrame()
  made.settle()
  return made
}

/** What is sent next would be written into any buffer that is free. */
function sendElsewhere(pool: FramePool): void {
  channel(pool, 3).send(new Uint8Array(bytes).fill(0xbb), bytes)
}

describe('the buffer of a frame', () => {
  it('stays as it is while the connection sends it, also when the peer claims to have it', () => {
    const pool = new FramePool()
    const sending = channel(pool, 1)
    sending.send(new Uint8Array(bytes).fill(0xaa), bytes)
    const frame = sending.takeFrame()!
    sending.acknowledge({ channel: 1, next: 2, credit: 1_000_000 })
    sendElsewhere(pool)
    expect(frame.includes(0xbb)).toBe(false)
  })

  it('stays as it is when another connection goes on, because the first may still read it', () => {
    const pool = new FramePool()
    const sending = channel(pool, 1)
    sending.send(new Uint8Array(bytes).fill(0xaa), bytes)
    const frame = sending.takeFrame()!
    sending.goOn({ channel: 1, next: 2, credit: 1_000_000 })
    sendElsewhere(pool)
    expect(frame.includes(0xbb)).toBe(false)
  })

  it('is not used again when it was sent on two connections', () => {
    const pool = new FramePool()
    const sending = channel(pool, 1)
    sending.send(new Uint8Array(bytes).fill(0xaa), bytes)
    const frame = sending.takeFrame()!
    sending.goOn(undefined)
    sending.takeFrame()
    sending.takeFrame()
    sending.settle()
    sending.acknowledge({ channel: 1, next: 2, credit: 1_000_000 })
    sendElsewhere(pool)
    expect(frame.includes(0xbb)).toBe(false)
  })

  it('is used again once the frame was sent and has arrived', () => {
    const pool = new FramePool()
    const sending = channel(pool, 1)
    sending.send(new Uint8Array(bytes).fill(0xaa), bytes)
    const frame = sending.takeFrame()!
    sending.settle()
    sending.acknowledge({ channel: 1, next: 2, credit: 1_000_000 })
    sendElsewhere(pool)
    expect(frame.includes(0xbb)).toBe(true)
  })
})
