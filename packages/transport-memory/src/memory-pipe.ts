import type { AbortOptions, Pipe } from '@vudo/transport'
import { MAX_PIPE_MESSAGE_BYTES, MAX_PIPE_MESSAGES } from './limits.ts'

/** How messages travel. */
export interface MemoryWeather {
  /** Milliseconds until the next message may arrive; 0 for at once. */
  readonly delayMs: () => number
  /** True when this message is the one that cuts the pipe. */
  readonly isLost: () => boolean
  readonly nowMs: () => number
  readonly setTimer: (delayMs: number, run: () => void) => () => void
}

/** A pipe that tells when it has ended, whoever ended it. */
export interface MemoryPipe extends Pipe {
  readonly ended: Promise<void>
}

/** Makes both ends of a pipe. */
export function createPipePair(weather: MemoryWeather): [MemoryPipe, MemoryPipe] {
  const there = new Lane(weather)
  const back = new Lane(weather)
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  // Both lanes in the same moment: a pipe is never half open.
  const end = (): void => {
    there.end()
    back.end()
    resolve()
  }
  return [new PipeEnd(there, back, { ended, end }), new PipeEnd(back, there, { ended, end })]
}

class PipeEnd implements MemoryPipe {
  readonly maxMessageBytes = MAX_PIPE_MESSAGE_BYTES
  readonly ended: Promise<void>
  readonly #out: Lane
  readonly #in: Lane
  readonly #end: () => void

  constructor(
    out: Lane,
    into: Lane,
    whole: { readonly ended: Promise<void>; readonly end: () => void },
  ) {
    this.#out = out
    this.#in = into
    this.#end = whole.end
    this.ended = whole.ended
  }

  send(message: Uint8Array): Promise<void> {
    if (this.#out.weather.isLost()) this.#end()
    return this.#out.send(message)
  }

  receive(options?: AbortOptions): Promise<Uint8Array | undefined> {
    return this.#in.receive(options)
  }

  close(): Promise<void> {
    this.#end()
    return Promise.resolve()
  }
}

/** One direction: a queue with a limit, whose head arrives when its time has come. */
class Lane {
  readonly weather: MemoryWeather
  readonly #queue: { readonly bytes: Uint8Array; readonly dueMs: number }[] = []
  readonly #senders: (() => void)[] = []
  #receivers: ((message: Uint8Array | undefined) => void)[] = []
  #cancelTimer: (() => void) | undefined
  #lastDueMs = 0
  #hasEnded = false

  constructor(weather: MemoryWeather) {
    this.weather = weather
  }

  async send(message: Uint8Array): Promise<void> {
    if (this.#hasEnded) throw new Error('the pipe has ended')
    // Never before the one in front: a pipe keeps the order.
    this.#lastDueMs = Math.max(this.#lastDueMs, this.weather.nowMs() + this.weather.delayMs())
    // A copy, because the sender may change its buffer once this has settled.
    this.#queue.push({ bytes: message.slice(), dueMs: this.#lastDueMs })
    this.#deliver()
    if (this.#queue.length < MAX_PIPE_MESSAGES) return
    await new Promise<void>((resolve) => this.#senders.push(resolve))
  }

  receive(options?: AbortOptions): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const signal = options?.signal
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = (): void => {
        this.#receivers = this.#receivers.filter((receiver) => receiver !== take)
        reject(signal?.reason)
      }
      const take = (message: Uint8Array | undefined): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve(message)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#receivers.push(take)
      this.#deliver()
    })
  }

  readonly #deliver = (): void => {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    while (this.#receivers.length > 0) {
      const [head] = this.#queue
      if (!head) {
        if (this.#hasEnded) for (const take of this.#receivers.splice(0)) take(undefined)
        return
      }
      const waitMs = this.#hasEnded ? 0 : head.dueMs - this.weather.nowMs()
      if (waitMs > 0) {
        this.#cancelTimer = this.weather.setTimer(Math.ceil(waitMs), this.#deliver)
        return
      }
      this.#queue.shift()
      this.#receivers.shift()?.(head.bytes)
      this.#senders.shift()?.()
    }
  }

  /** What is under way still arrives. */
  end(): void {
    this.#hasEnded = true
    for (const settle of this.#senders.splice(0)) settle()
    this.#deliver()
  }
}
