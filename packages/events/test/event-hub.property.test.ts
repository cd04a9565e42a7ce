import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createEventHub } from '@vudo/events'

it('delivers the newest events of a subscription, and accounts for all others', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer(), { maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      async (payloads, bufferSize) => {
        const hub = createEventHub<{ tick: number }>()
        const events = hub.subscribe({ bufferSize })
        let dropped = 0
        for (const payload of payloads) dropped += hub.publish('tick', payload).dropped
        hub.close()
        const received: number[] = []
        for await (const { payload } of events) received.push(payload)
        expect(received).toEqual(payloads.slice(-bufferSize))
        expect(dropped).toBe(payloads.length - received.length)
        expect(events.dropped).toBe(dropped)
      },
    ),
  )
})
