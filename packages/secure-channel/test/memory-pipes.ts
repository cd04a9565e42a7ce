import type { AbortOptions, Pipe } from '@vudo/transport'

/** What happens to a message on its way: others may take its place, or none. */
export type Tap = (message: Uint8Array, fromA: boolean) => Uint8Array | readonly Uint8Array[]

export interface MemoryPipesInit {
  readonly maxMessageBytes?: number
  readonly tap?: Tap
  /** Messages that wait for a reader before `send` stays pending. */
  readonly capacity?: number
}

export interface MemoryPipe extends Pipe {
  /** Messages that nobody has received. */
  readonly waiting: number
  readonly isClosed: boolean
}

/** Two ends of a pipe in memory. It copies what it carries, as a network does. */
export function memoryPipes(init: MemoryPipesInit = {}): [MemoryPipe, MemoryPipe] {
  const a = new Queue(init.capacity ?? 16)
  const b = new Queue(init.capacity ?? 16)
  return [end(init, { own: a, far: b, isA: true }), end(init, { own: b, far: a, isA: false })]
}

interface Ends {
  readonly own: Queue
  readonly far: Queue
  readonly isA: boolean
}

function end(init: MemoryPipesInit, { own, far, isA }: Ends): MemoryPipe {
  const maxMessageBytes = init.maxMessageBytes ?? 65_535
  const tap = init.tap ?? ((message): Uint8Array => message)
  return {
    maxMessageBytes,
    get waiting() {
      return own.messages.length
    },
    get isClosed() {
      return own.isEnded
    },
    async send(message) {
      if (message.length > maxMessageBytes) throw new Error('too large for the pipe')
      if (own.isEnded) throw new Error('the pipe is closed')
      const carried = tap(Uint8Array.from(message), isA)
      for (const each of carried instanceof Uint8Array ? [carried] : carried) far.push(each)
      await far.room()
    },
    receive: (options?: AbortOptions) => own.shift(options?.signal),
    async close() {
      own.end()
      far.end()
    },
  }
}

class Queue {
  readonly messages: Uint8Array[] = []
  isEnded = false
  #changed = Promise.withResolvers<void>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(message: Uint8Array): void {
    if (this.isEnded) return
    this.messages.push(message)
    this.#change()
  }

  async room(): Promise<void> {
    while (this.messages.length >= this.#capacity && !this.isEnded) await this.#changed.promise
  }

  async shift(signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    while (this.messages.length === 0 && !this.isEnded) {
      signal?.throwIfAborted()
      await this.#changed.promise
    }
    const message = this.messages.shift()
    this.#change()
    return message
  }

  end(): void {
    this.isEnded = true
    this.#change()
  }

  #change(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers<void>()
    resolve()
  }
}
