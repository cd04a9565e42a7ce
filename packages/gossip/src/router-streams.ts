/**
 * Our pipes as the router wants its streams: one for each direction, as libp2p has them.
 * Frames keep the length that stands before each on a libp2p stream.
 */
import { splitRpc } from './rpc-guard.ts'

/** Where frames for one neighbour go. */
export interface FrameSink {
  /**
   * Queues one frame; it is not changed afterwards.
   *
   * @returns False when the neighbour reads too slowly: nothing was queued.
   */
  send(frame: Uint8Array): boolean
  /** Nothing more is sent. */
  close(): void
}

/** The router's outbound stream: it sends, and tells when it has ended. */
export class OutboundStream extends EventTarget {
  readonly protocol: string
  /** Written by the router and of no meaning here: the sink has its own bound. */
  maxWriteBufferLength = 0
  readonly #sink: FrameSink
  #isClosed = false

  constructor(protocol: string, sink: FrameSink) {
    super()
    this.protocol = protocol
    this.#sink = sink
  }

  /** @throws `Error` when nothing was sent: the router counts the message as unsent. */
  send(frame: { subarray(): Uint8Array } | Uint8Array): boolean {
    if (this.#isClosed) throw new Error('the stream is closed')
    for (const part of splitRpc(frame.subarray())) {
      if (!this.#sink.send(part)) throw new Error('the neighbour reads too slowly')
    }
    return true
  }

  async close(): Promise<void> {
    this.end()
  }

  abort(): void {
    this.end()
  }

  /** Ends it, whichever side wants so. */
  end(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#sink.close()
    this.dispatchEvent(new Event('close'))
  }
}

/** The router's inbound stream: a source of frames that can be closed. */
export class InboundStream implements AsyncIterable<Uint8Array> {
  readonly protocol: string
  #waiting: ((result: IteratorResult<Uint8Array, undefined>) => void) | undefined
  #taken: (() => void) | undefined
  #frames: Uint8Array[] = []
  #isEnded = false

  constructor(protocol: string) {
    this.protocol = protocol
  }

  /** Hands a frame to the router; settles when it has taken it. One call at a time. */
  push(frame: Uint8Array): Promise<void> | undefined {
    if (this.#isEnded) return undefined
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#waiting = undefined
      waiting({ done: false, value: frame })
      return undefined
    }
    this.#frames.push(frame)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#taken = resolve
    return promise
  }

  async close(): Promise<void> {
    this.end()
  }

  abort(): void {
    this.end()
  }

  end(): void {
    this.#isEnded = true
    this.#taken?.()
    this.#waiting?.({ done: true, value: undefined })
    this.#waiting = undefined
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.end()
        return { done: true, value: undefined }
      },
    }
  }

  #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const frame = this.#frames.shift()
    if (frame !== undefined) {
      this.#taken?.()
      this.#taken = undefined
      return Promise.resolve({ done: false, value: frame })
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    const { promise, resolve } = Promise.withResolvers<IteratorResult<Uint8Array, undefined>>()
    this.#waiting = resolve
    return promise
  }
}
