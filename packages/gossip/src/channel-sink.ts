import type { Channel } from '@vudo/network'
import { SEND_QUEUE_BYTES } from './limits.ts'
import type { FrameSink } from './router-streams.ts'

/** Writes frames into a channel, no more than the neighbour reads. */
export class ChannelSink implements FrameSink {
  readonly #channel: Channel
  readonly #counts: { sentBytes: number; unsent: number }
  #queuedBytes = 0

  constructor(channel: Channel, counts: { sentBytes: number; unsent: number }) {
    this.#channel = channel
    this.#counts = counts
  }

  send(frame: Uint8Array): boolean {
    if (this.#queuedBytes + frame.length > SEND_QUEUE_BYTES) {
      this.#counts.unsent += 1
      return false
    }
    this.#queuedBytes += frame.length
    this.#counts.sentBytes += frame.length
    void this.#send(frame)
    return true
  }

  async #send(frame: Uint8Array): Promise<void> {
    try {
      await this.#channel.send(frame)
    } catch {
      // A channel that ends tells so by itself, and what was lost is announced again.
    } finally {
      this.#queuedBytes -= frame.length
    }
  }

  close(): void {
    this.#channel.reset('ERR_GOSSIP_CLOSED')
  }
}
