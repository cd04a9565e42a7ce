import { describe, expect, it } from 'vitest'
import { ChannelState } from '../src/channel-state.ts'
import { FramePool } from '../src/frame-pool.ts'
import { PathState } from '../src/path-state.ts'
import { encodeOpen } from '../src/wire.ts'

const life = { intervalMs: 15_000, isMetered: true }
const frames = 6

/** A channel with six frames to send. */
function sender(): ChannelState {
  const open = encodeOpen({ channel: 1, protocol: '/p', priority: 2, proof: new Uint8Array(0) })
  const pool = new FramePool()
  const init = { id: 1, protocol: '/p', priority: 2, database: undefined, open, pool } as const
  const channel = new ChannelState(init)
  channel.takeOpening()
  for (let frame = 0; frame < frames; frame++) channel.send(new Uint8Array(100), 1_000)
  return channel
}

function takeAll(channel: ChannelState, path: PathState, most = Infinity): number {
  let taken = 0
  while (taken < most && channel.isReady) {
    channel.takeFrame(path, false, 0)
    path.settle()
    taken += 1
  }
  return taken
}

describe('the frames of a channel', () => {
  it('go again over another path when theirs is lost, and those of other paths do not', () => {
    const channel = sender()
    const [first, second] = [new PathState(1, life, 0), new PathState(2, life, 0)]
    takeAll(channel, first, 2)
    takeAll(channel, second, 2)
    channel.recall(first)
    expect(takeAll(channel, second)).toBe(4)
    channel.acknowledge({ channel: 1, next: 1 + frames, credit: 1_000_000 }, 1)
    expect(second.underWayBytes).toBe(0)
  })

  it('are counted where they are under way, and nowhere once the channel is over', () => {
    const channel = sender()
    const path = new PathState(1, life, 0)
    takeAll(channel, path)
    expect(path.underWayBytes).toBeGreaterThan(frames * 100)
    channel.abandon()
    expect(path.underWayBytes).toBe(0)
  })
})
