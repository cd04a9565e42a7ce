import type { AbortOptions } from '@vudo/transport'
import { EventsError } from './errors.ts'
import { MAX_SUBSCRIBERS } from './limits.ts'
import { EventQueue, type Subscription } from './subscription.ts'

/** The names of the events in the map `Events`. */
export type EventType<Events extends object> = keyof Events & string

/** One event as a subscription delivers it; comparing `type` narrows `payload`. */
export type HubEvent<Events extends object, Type extends EventType<Events> = EventType<Events>> =
  Type extends EventType<Events> ? { readonly type: Type; readonly payload: Events[Type] } : never

/** What became of a published event. */
export interface PublishOutcome {
  /** Listeners that were called plus subscriptions that took it. 0 when nobody is interested. */
  readonly delivered: number
  /** Subscriptions that had to discard their oldest event to take this one. */
  readonly dropped: number
}

/** How a hub is made. */
export interface EventHubInit {
  /**
   * Told the error of a listener that threw, or whose promise rejected. The other
   * listeners and the publisher are not disturbed.
   *
   * @defaultValue The error becomes the program's uncaught error, as with an
   *   `EventTarget`: through `reportError` where the platform has it, thrown from
   *   a microtask otherwise.
   */
  readonly onListenerError?: ((error: unknown, type: string) => void) | undefined
}

/** What a subscription wants. */
export interface SubscribeOptions<Type extends string> extends AbortOptions {
  /**
   * Only events of these names.
   *
   * @defaultValue all
   */
  readonly types?: readonly Type[] | undefined
  /**
   * Events kept for a slow reader, 1 to `MAX_BUFFER_EVENTS`. Beyond it the oldest
   * is dropped and counted. Higher survives longer pauses and costs memory.
   *
   * @defaultValue 256
   */
  readonly bufferSize?: number | undefined
  /** Ends the subscription; its loop ends without an error. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Tells any number of listeners and subscriptions what happened, each of them all
 * of it. `Events` maps the name of an event, `noun:verb`, to its payload.
 *
 * Payloads are shared between all receivers: nobody may change one.
 */
export interface EventHub<Events extends object> extends Disposable {
  /** Listeners and subscriptions that are alive, a waiting `once` included. */
  readonly listenerCount: number
  /**
   * Calls `listener` at each event, within `publish`. The same function may be
   * given twice and is then called twice.
   *
   * @returns Takes this listener away again. Idempotent.
   * @throws `EventsError` `ERR_TOO_MANY_SUBSCRIBERS` or `ERR_HUB_CLOSED`.
   */
  on<Type extends EventType<Events>>(
    type: Type,
    listener: (payload: Events[Type]) => void,
  ): () => void
  /**
   * The payload of the next such event.
   *
   * @throws `EventsError` `ERR_TOO_MANY_SUBSCRIBERS`, or `ERR_HUB_CLOSED` also when the hub closes first.
   */
  once<Type extends EventType<Events>>(type: Type, options?: AbortOptions): Promise<Events[Type]>
  /**
   * Hands an event to everybody: to the subscriptions first and then to the
   * listeners, in the order in which they came. Never waits and never throws; on a
   * closed hub it reaches nobody, and the outcome says so.
   *
   * A listener may publish: subscriptions then see both events in the order of
   * publishing, while listeners that come later see the inner event first.
   */
  publish<Type extends EventType<Events>>(type: Type, payload: Events[Type]): PublishOutcome
  /**
   * The events from now on, as an iterable with a bounded buffer.
   *
   * @throws `EventsError` `ERR_TOO_MANY_SUBSCRIBERS` or `ERR_HUB_CLOSED`.
   * @throws `RangeError` when `bufferSize` is out of range.
   */
  subscribe<Type extends EventType<Events> = EventType<Events>>(
    options?: SubscribeOptions<Type>,
  ): Subscription<HubEvent<Events, Type>>
  /** Ends every subscription after what it has buffered, and rejects each waiting `once`. Idempotent. */
  close(): void
}

/** Makes a hub. Who makes it closes it. */
export function createEventHub<Events extends object>(init: EventHubInit = {}): EventHub<Events> {
  return new Hub<Events>(init.onListenerError ?? reportUncaught)
}

/** Takes part in the delivery of events; `type` undefined means all of them. */
interface Receiver {
  wants(type: string): boolean
  /** Tells whether an older event had to be dropped. */
  take(type: string, payload: unknown): boolean
  /** The hub is closing. */
  end(): void
}

class Hub<Events extends object> implements EventHub<Events> {
  readonly #listeners = new Set<Receiver>()
  readonly #subscriptions = new Set<Receiver>()
  readonly #onListenerError: (error: unknown, type: string) => void
  #isClosed = false

  constructor(onListenerError: (error: unknown, type: string) => void) {
    this.#onListenerError = onListenerError
  }

  get listenerCount(): number {
    return this.#listeners.size + this.#subscriptions.size
  }

  on<Type extends EventType<Events>>(
    type: Type,
    listener: (payload: Events[Type]) => void,
  ): () => void {
    return this.#listen(type, listener, () => {})
  }

  async once<Type extends EventType<Events>>(
    type: Type,
    { signal }: AbortOptions = {},
  ): Promise<Events[Type]> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Events[Type]>()
    const onAbort = (): void => reject(signal?.reason)
    const stop = this.#listen(
      type,
      (payload: Events[Type]) => {
        // At once, so that a second event within the same turn is not counted as delivered.
        stop()
        resolve(payload)
      },
      () => reject(hubClosed()),
    )
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await promise
    } finally {
      stop()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  publish<Type extends EventType<Events>>(type: Type, payload: Events[Type]): PublishOutcome {
    let delivered = 0
    let dropped = 0
    for (const receivers of [this.#subscriptions, this.#listeners]) {
      // A copy: whoever joins during the delivery does not get this event, or a listener that adds listeners never ends.
      const present = [...receivers]
      for (const receiver of present) {
        if (!receivers.has(receiver) || !receiver.wants(type)) continue
        delivered += 1
        if (receiver.take(type, payload)) dropped += 1
      }
    }
    return { delivered, dropped }
  }

  subscribe<Type extends EventType<Events> = EventType<Events>>(
    options: SubscribeOptions<Type> = {},
  ): Subscription<HubEvent<Events, Type>> {
    const { signal, types, bufferSize } = options
    this.#assertRoom()
    const wanted = types && new Set<string>(types)
    const close = (): void => queue.close()
    const queue = new EventQueue<HubEvent<Events, Type>>(bufferSize, () => {
      this.#subscriptions.delete(receiver)
      signal?.removeEventListener('abort', close)
    })
    const receiver: Receiver = {
      wants: (type) => wanted === undefined || wanted.has(type),
      // `publish` has checked the pair of type and payload; the set of receivers cannot express it.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      take: (type, payload) => queue.push({ type, payload } as HubEvent<Events, Type>),
      end: () => queue.end(),
    }
    this.#subscriptions.add(receiver)
    if (signal?.aborted) queue.close()
    else signal?.addEventListener('abort', close, { once: true })
    return queue
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const receivers = [...this.#subscriptions, ...this.#listeners]
    this.#subscriptions.clear()
    this.#listeners.clear()
    for (const receiver of receivers) receiver.end()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #listen<Type extends EventType<Events>>(
    wanted: Type,
    listener: (payload: Events[Type]) => void,
    end: () => void,
  ): () => void {
    this.#assertRoom()
    const receiver: Receiver = {
      wants: (type) => type === wanted,
      take: (_type, payload) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `publish` has checked the pair
        this.#call(wanted, listener, payload as Events[Type])
        return false
      },
      end,
    }
    this.#listeners.add(receiver)
    return () => this.#listeners.delete(receiver)
  }

  #call<Payload>(type: string, listener: (payload: Payload) => unknown, payload: Payload): void {
    try {
      const result = listener(payload)
      // An async function passes as a listener; its rejection has no other owner than us.
      if (result instanceof Promise) result.catch((error: unknown) => this.#report(error, type))
    } catch (error) {
      this.#report(error, type)
    }
  }

  #report(error: unknown, type: string): void {
    try {
      this.#onListenerError(error, type)
    } catch (second) {
      reportUncaught(second)
    }
  }

  #assertRoom(): void {
    if (this.#isClosed) throw hubClosed()
    if (this.listenerCount < MAX_SUBSCRIBERS) return
    throw new EventsError(
      'ERR_TOO_MANY_SUBSCRIBERS',
      `the hub has ${this.listenerCount} listeners and subscriptions, at most ${MAX_SUBSCRIBERS} are allowed`,
      { hint: 'call what on() returned, and leave or close subscriptions that are not read' },
    )
  }
}

function hubClosed(): EventsError {
  return new EventsError('ERR_HUB_CLOSED', 'the event hub is closed', {
    hint: 'subscribe before closing the owner of the hub; no more events come',
  })
}

function reportUncaught(error: unknown): void {
  if (typeof globalThis.reportError === 'function') globalThis.reportError(error)
  else
    queueMicrotask(() => {
      throw error
    })
}
