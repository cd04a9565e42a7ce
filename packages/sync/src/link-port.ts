/**
 * What a client link runs over: a `MessagePort`, a `Worker` or a worker's own scope, of the web
 * or of Node's worker threads.
 */
export interface MessageEnd {
  postMessage(message: unknown): void
}

/** How these differ from each other. */
interface AnyEnd extends MessageEnd {
  /** Node's way to listen. */
  on?(event: string, listener: (value: never) => void): unknown
  /** The web's way. */
  addEventListener?(event: string, listener: (event: never) => void): void
  /** Begins the delivery, where it does not begin by itself. */
  start?(): void
  close?(): void
  ref?(): void
  unref?(): void
}

/** One end of a link: the same whatever it runs over. */
export interface LinkPort<Sent, Received> {
  post(message: Sent): void
  /** Called once, before the first message is wanted. `onEnd` is told when the far end is gone, as far as the platform tells. */
  listen(onMessage: (message: Received) => void, onEnd: (error: unknown) => void): void
  /** Keeps the program alive until as many calls of {@link release} have followed. */
  hold(): void
  release(): void
  close(): void
}

/**
 * @param init.keepsAlive - Whether it keeps the program alive by itself, as in a worker. @defaultValue false
 * @throws `TypeError` for what has no way to listen.
 */
export function createLinkPort<Sent, Received>(
  end: MessageEnd,
  init: { readonly keepsAlive?: boolean | undefined } = {},
): LinkPort<Sent, Received> {
  return new Port<Sent, Received>(end, init.keepsAlive ?? false)
}

class Port<Sent, Received> implements LinkPort<Sent, Received> {
  readonly #end: AnyEnd
  readonly #keepsAlive: boolean
  #holds = 0

  constructor(end: MessageEnd, keepsAlive: boolean) {
    this.#end = end
    this.#keepsAlive = keepsAlive
  }

  post(message: Sent): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#end.postMessage(message)
  }

  listen(onMessage: (message: Received) => void, onEnd: (error: unknown) => void): void {
    const end = this.#end
    if (end.on) {
      end.on('message', onMessage)
      end.on('messageerror', onEnd)
      end.on('close', () => onEnd(undefined))
      // Of a worker, seen from outside: why it ended comes first.
      end.on('error', onEnd)
      end.on('exit', () => onEnd(undefined))
    } else if (end.addEventListener) {
      end.addEventListener('message', ({ data }: { readonly data: Received }) => onMessage(data))
      end.addEventListener('messageerror', () => onEnd(undefined))
      end.addEventListener('close', () => onEnd(undefined))
      end.start?.()
    } else throw new TypeError('a link needs a MessagePort, a Worker or the parentPort of one')
    if (!this.#keepsAlive && this.#holds === 0) end.unref?.()
  }

  hold(): void {
    this.#holds += 1
    if (this.#holds === 1) this.#end.ref?.()
  }

  release(): void {
    this.#holds -= 1
    if (this.#holds === 0 && !this.#keepsAlive) this.#end.unref?.()
  }

  close(): void {
    this.#end.close?.()
  }
}
