import type { EventHub } from '@vudo/events'

/**
 * Publishes every event of `from` on `to` as well, in order, until `from` closes.
 *
 * @param to - Knows the events of `from` under the same names, and others.
 */
export function forwardEvents<From extends object>(
  from: EventHub<From>,
  to: Pick<EventHub<From>, 'publish'>,
): void {
  const events = from.subscribe()
  const finished = (async () => {
    for await (const event of events) to.publish(event.type, event.payload)
  })()
  // Publishing never throws, and the loop ends with the hub: there is nothing to lose.
  finished.catch(() => {})
}
