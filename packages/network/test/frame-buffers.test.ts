import { describe, expect, it } from 'vitest'
import { ChannelState } from '../src/channel-state.ts'
import { FramePool } from '../src/frame-pool.ts'
import { PathState } from '../src/path-state.ts'
import { encodeOpen } from '../src/wire.ts'

const bytes = 60_000
const life = { intervalMs: 15_000, isMetered: true }
const arrived = { channel: 1, next: 2, credit: 1_000_000 }

interface Scene {
  readonly pool: FramePool
  readonly sending: ChannelState
  readonly first: PathState
  readonly second: PathState
  /** The large frame, as the first connection has it. */
  readonly frame: Uint8Array
}

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
  made.takeOpening()
  return made
}

function scene(): Scene {
  const pool = new FramePool()
  const sending = channel(pool, 1)
  const [first, second] = [new PathState(1, life, 0), new PathState(2, life, 0)]
  sending.send(new Uint8Array(bytes).fill(0xaa), bytes)
  const frame = sending.takeFrame(first, false, 0)!
  return { pool, sending, first, second, frame }
}

/** What is sent next would be written into any buffer that is free. */
function sendElsewhere(pool: FramePool): void {
  channel(pool, 3).send(new Uint8Array(bytes).fill(0xbb), bytes)
}

describe('the buffer of a frame', () => {
  it('stays as it is while the connection sends it, also when the peer claims to have it', () => {
    const { pool, sending, frame } = scene()
    sending.acknowledge(arrived, 1)
    sendElsewhere(pool)
    expect(frame.includes(0xbb)).toBe(false)
  })

  it('stays as it is when the path is lost, because its connection may still read it', () => {
    const { pool, sending, first, frame } = scene()
    sending.recall(first)
    sending.acknowledge(arrived, 1)
    sendElsewhere(pool)
    expect(frame.includes(0xbb)).toBe(false)
  })

  it('stays as it is while one of two connections has not sent it', () => {
    const { pool, sending, first, second, frame } = scene()
    sending.recall(first)
    sending.takeFrame(second, false, 1)
    second.settle()
    sending.acknowledge(arrived, 2)
    sendElsewhere(pool)
    expect(frame.includes(0xbb)).toBe(false)
  })

  it('is used again once the frame was sent and has arrived', () => {
    const { pool, sending, first, second, frame } = scene()
    first.settle()
    sending.recall(first)
    sending.takeFrame(second, false, 1)
    second.settle()
    sending.acknowledge(arrived, 2)
    sendElsewhere(pool)
    expect(frame.includes(0xbb)).toBe(true)
  })
})
