import { expectTypeOf, it } from 'vitest'
import { createEventHub, type EventType, type PublishOutcome } from '@vudo/events'

interface Events {
  'peer:connected': { readonly peerId: string }
  'count:changed': number
}

const hub = createEventHub<Events>()

it('infers the payload from the name', () => {
  hub.on('count:changed', (payload) => expectTypeOf(payload).toEqualTypeOf<number>())
  expectTypeOf(hub.once('peer:connected')).resolves.toEqualTypeOf<{ readonly peerId: string }>()
  expectTypeOf(hub.publish('count:changed', 1)).toEqualTypeOf<PublishOutcome>()
})

it('refuses unknown names and wrong payloads', () => {
  expectTypeOf<EventType<Events>>().toEqualTypeOf<keyof Events>()
  // @ts-expect-error -- the payload is a number
  expectTypeOf(hub.publish('count:changed', 'one')).toEqualTypeOf<PublishOutcome>()
})

it('narrows the payload of a subscription by its type', async () => {
  for await (const event of hub.subscribe()) {
    if (event.type === 'count:changed') expectTypeOf(event.payload).toEqualTypeOf<number>()
    else expectTypeOf(event.payload).toEqualTypeOf<{ readonly peerId: string }>()
  }
  for await (const event of hub.subscribe({ types: ['count:changed'] })) {
    expectTypeOf(event).toEqualTypeOf<{
      readonly type: 'count:changed'
      readonly payload: number
    }>()
  }
})
