import { receiveError, sendError } from './link-errors.ts'
import type { AnswerMessage, CallMessage, CancelMessage } from './link-messages.ts'
import { packValue, unpackValue } from './link-values.ts'

/** Asks the far end of a link by name. */
export interface LinkCaller {
  /**
   * @param options.signal - Its abort is told to the far end.
   * @param options.isAwaited - Waits for the answer also after an abort, because it may bring
   *   something that has to be given back. @defaultValue false
   * @returns What the far end answered; belongs to the caller.
   * @throws what the far end threw, rebuilt; the signal's reason; what {@link fail} was given.
   */
  call(name: string, args: readonly unknown[], options?: LinkCallOptions): Promise<unknown>
  /** Takes an answer. */
  take(message: AnswerMessage): void
  /** Nothing will be answered any more: every call, waiting or later, rejects with this. */
  fail(error: Error): void
}

/** See {@link LinkCaller.call}. */
export interface LinkCallOptions {
  readonly signal?: AbortSignal | undefined
  readonly isAwaited?: boolean | undefined
}

/** What a caller sends through. */
export interface CallerPort {
  post(message: CallMessage | CancelMessage): void
  /** A program that waits for an answer goes on. */
  hold(): void
  release(): void
}

/** Makes the asking side. */
export function createLinkCaller(port: CallerPort): LinkCaller {
  return new Caller(port)
}

class Caller implements LinkCaller {
  readonly #port: CallerPort
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #lastId = 0
  #failure: Error | undefined

  constructor(port: CallerPort) {
    this.#port = port
  }

  async call(
    name: string,
    args: readonly unknown[],
    { signal, isAwaited = false }: LinkCallOptions = {},
  ): Promise<unknown> {
    signal?.throwIfAborted()
    if (this.#failure) throw this.#failure
    const id = ++this.#lastId
    const waiting = Promise.withResolvers<unknown>()
    this.#port.post({ type: 'call', id, name, args: packValue(args) })
    this.#waiting.set(id, waiting)
    this.#port.hold()
    const onAbort = (): void => {
      this.#port.post({ type: 'cancel', id })
      if (!isAwaited) waiting.reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await waiting.promise
    } catch (error) {
      // The far end has a signal of its own, whose reason is not the caller's.
      throw signal?.aborted ? signal.reason : error
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#waiting.delete(id)
      this.#port.release()
    }
  }

  take(message: AnswerMessage): void {
    const waiting = this.#waiting.get(message.id)
    if (message.type === 'answer') waiting?.resolve(unpackValue(message.result))
    else waiting?.reject(receiveError(message.error))
  }

  fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
  }
}

/** Answers the calls of the far end. */
export interface LinkAnswerer {
  /** Answers a call, begun in the order in which they come. Never throws. */
  take(message: CallMessage): void
  cancel(message: CancelMessage): void
  /** Whoever waits has gone: what is under way is aborted, and nothing is answered any more. Settles when all of it has ended. */
  close(): Promise<void>
}

/** Makes the answering side. `answer` is given the arguments, which belong to it. */
export function createLinkAnswerer(
  post: (message: AnswerMessage) => void,
  answer: (name: string, args: readonly unknown[], signal: AbortSignal) => Promise<unknown>,
): LinkAnswerer {
  return new Answerer(post, answer)
}

class Answerer implements LinkAnswerer {
  readonly #post: (message: AnswerMessage) => void
  readonly #answer: (
    name: string,
    args: readonly unknown[],
    signal: AbortSignal,
  ) => Promise<unknown>
  readonly #running = new Map<number, AbortController>()
  readonly #jobs = new Set<Promise<void>>()
  #isClosed = false

  constructor(
    post: (message: AnswerMessage) => void,
    answer: (name: string, args: readonly unknown[], signal: AbortSignal) => Promise<unknown>,
  ) {
    this.#post = post
    this.#answer = answer
  }

  take(message: CallMessage): void {
    const job = this.#run(message)
    this.#jobs.add(job)
    // It handles its own errors.
    void job.finally(() => this.#jobs.delete(job))
  }

  async #run({ id, name, args }: CallMessage): Promise<void> {
    const controller = new AbortController()
    this.#running.set(id, controller)
    try {
      const unpacked: unknown = unpackValue(args)
      const list: readonly unknown[] = Array.isArray(unpacked) ? unpacked : []
      const result = await this.#answer(name, list, controller.signal)
      this.#say({ type: 'answer', id, result: packValue(result) })
    } catch (error) {
      this.#say({ type: 'failed', id, error: sendError(error) })
    } finally {
      this.#running.delete(id)
    }
  }

  #say(message: AnswerMessage): void {
    if (!this.#isClosed) this.#post(message)
  }

  cancel({ id }: CancelMessage): void {
    this.#running.get(id)?.abort()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const controller of this.#running.values()) controller.abort()
    await Promise.all(this.#jobs)
  }
}
