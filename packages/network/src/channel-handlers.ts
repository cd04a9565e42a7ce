/** Who takes the channels that peers open: handlers of the application, by protocol. */
import type { Channel } from './channel.ts'
import { isNetworkError } from './errors.ts'
import type { ChannelHandler } from './network.ts'

/** One per network. */
export class ChannelHandlers {
  readonly #handlers = new Map<string, ChannelHandler>()

  /** Gives a protocol to a handler, in place of the one before. Returns how to take it away. */
  add(protocol: string, handler: ChannelHandler): () => void {
    this.#handlers.set(protocol, handler)
    return () => {
      if (this.#handlers.get(protocol) === handler) this.#handlers.delete(protocol)
    }
  }

  /** Hands a channel on; false when nobody handles its protocol. */
  take(channel: Channel): boolean {
    const handler = this.#handlers.get(channel.protocol)
    if (handler === undefined) return false
    // Not waited for: it is the application's, and its channel ends with the session.
    void run(handler, channel)
    return true
  }
}

/** Never rejects: a handler's mistake must neither end the session nor go unseen. */
async function run(handler: ChannelHandler, channel: Channel): Promise<void> {
  try {
    await handler(channel)
  } catch (error) {
    channel.reset()
    // The channel or its session ended beneath the handler: `closed` tells.
    if (isNetworkError(error)) return
    queueMicrotask(() => {
      throw error
    })
  }
}
