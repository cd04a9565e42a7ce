import type { Channel } from '@vudo/network'
import { SEND_QUEUE_BYTES } from '../src/limits.ts'
import { describe, expect, it } from 'vitest'
import { ChannelSink } from '../src/channel-sink.ts'

/** A channel whose peer reads when it is told to. */
function slowChannel(): { readonly channel: Channel; readonly read: () => void } {
  const unread: (() => void)[] = []
  const send = (): Promise<void> => new Promise((resolve) => void unread.push(resolve))
  const read = (): void => unread.shift()?.()
  return { channel: { send, reset: () => {} } as unknown as Channel, read }
}

describe('ChannelSink', () => {
  it('queues so many bytes for a neighbour that does not read, and counts what it does not send', async () => {
    const { channel, read } = slowChannel()
    const counts = { sentBytes: 0, unsent: 0 }
    const sink = new ChannelSink(channel, counts)
    const half = new Uint8Array(SEND_QUEUE_BYTES / 2)
    expect([sink.send(half), sink.send(half), sink.send(Uint8Array.of(1))]).toEqual([
      true,
      true,
      false,
    ])
    expect(counts).toEqual({ sentBytes: SEND_QUEUE_BYTES, unsent: 1 })
    read()
    await new Promise((resolve) => void setImmediate(resolve))
    expect(sink.send(half)).toBe(true)
    expect(counts).toEqual({ sentBytes: 1.5 * SEND_QUEUE_BYTES, unsent: 1 })
  })
})
