import {
  createEventHub,
  EventsError,
  MAX_SUBSCRIBERS,
  type EventHub,
  type HubEvent,
  type Subscription,
} from '@vudo/events'
import { areaIncludesEntry, type Area, type Entry } from '@vudo/meadowcap'
import type { StoreEvent, SubscribeOptions } from './store.ts'

type Events = { readonly change: StoreEvent }

/** Those who want to know what changes. Each has a hub of its own, so that events outside of her area never push out those inside. */
export class Subscriptions {
  readonly #hubs = new Map<EventHub<Events>, Area | undefined>()

  /**
   * @throws `RangeError` when `bufferSize` is out of range.
   * @throws `EventsError` `ERR_TOO_MANY_SUBSCRIBERS`.
   */
  add({ area, bufferSize, signal }: SubscribeOptions = {}): Subscription<StoreEvent> {
    if (this.#hubs.size >= MAX_SUBSCRIBERS) {
      const message = `the store has ${this.#hubs.size} subscriptions, at most that many`
      throw new EventsError('ERR_TOO_MANY_SUBSCRIBERS', message, {
        hint: 'leave or close subscriptions that are not read',
      })
    }
    const hub = createEventHub<Events>()
    const source = hub.subscribe({ bufferSize, signal })
    this.#hubs.set(hub, area)
    return new Unwrapped(source, () => {
      this.#hubs.delete(hub)
      hub.close()
    })
  }

  publish(events: readonly StoreEvent[]): void {
    for (const [hub, area] of this.#hubs) {
      if (hub.listenerCount === 0) this.#hubs.delete(hub)
      for (const event of events) {
        if (area === undefined || areaIncludesEntry(area, entryOf(event))) {
          hub.publish('change', event)
        }
      }
    }
  }

  close(): void {
    for (const hub of this.#hubs.keys()) hub.close()
    this.#hubs.clear()
  }
}

function entryOf(event: StoreEvent): Entry {
  return 'held' in event ? event.held.entry : event.entry
}

/** The events themselves, without their envelopes. */
class Unwrapped implements Subscription<StoreEvent> {
  readonly #source: Subscription<HubEvent<Events>>
  readonly #onEnd: () => void

  constructor(source: Subscription<HubEvent<Events>>, onEnd: () => void) {
    this.#source = source
    this.#onEnd = onEnd
  }

  get dropped(): number {
    return this.#source.dropped
  }

  async next(): Promise<IteratorResult<StoreEvent, undefined>> {
    const result = await this.#source.next()
    if (!result.done) return { done: false, value: result.value.payload }
    this.#onEnd()
    return { done: true, value: undefined }
  }

  return(): Promise<IteratorResult<StoreEvent, undefined>> {
    this.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  close(): void {
    this.#source.close()
    this.#onEnd()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
