import { afterEach, describe, expect, it, vi } from 'vitest'
import { createEventHub, isEventsError, MAX_BUFFER_EVENTS, MAX_SUBSCRIBERS } from '@vudo/events'

interface Events {
  'peer:connected': { readonly peerId: string }
  'count:changed': number
}

const newHub = (onListenerError?: (error: unknown, type: string) => void) =>
  createEventHub<Events>({ onListenerError })

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('on', () => {
  it('calls every listener of the type and nobody else', () => {
    using hub = newHub()
    const first = vi.fn<(payload: unknown) => void>()
    const second = vi.fn<(payload: unknown) => void>()
    const other = vi.fn<(payload: unknown) => void>()
    hub.on('count:changed', first)
    hub.on('count:changed', second)
    hub.on('peer:connected', other)
    expect(hub.publish('count:changed', 7)).toEqual({ delivered: 2, dropped: 0 })
    expect(first).toHaveBeenCalledExactlyOnceWith(7)
    expect(second).toHaveBeenCalledExactlyOnceWith(7)
    expect(other).not.toHaveBeenCalled()
  })

  it('takes only the one listener away', () => {
    using hub = newHub()
    const listener = vi.fn<(payload: unknown) => void>()
    const stop = hub.on('count:changed', listener)
    hub.on('count:changed', listener)
    stop()
    stop()
    hub.publish('count:changed', 1)
    expect(listener).toHaveBeenCalledTimes(1)
    expect(hub.listenerCount).toBe(1)
  })

  it('does not call a listener that was taken away or added during the delivery', () => {
    using hub = newHub()
    const removed = vi.fn<(payload: unknown) => void>()
    const added = vi.fn<(payload: unknown) => void>()
    hub.on('count:changed', () => {
      stop()
      hub.on('count:changed', added)
    })
    const stop = hub.on('count:changed', removed)
    expect(hub.publish('count:changed', 1).delivered).toBe(1)
    expect(removed).not.toHaveBeenCalled()
    expect(added).not.toHaveBeenCalled()
  })

  it('reports a throwing listener and calls the others', async () => {
    const onListenerError = vi.fn<(error: unknown, type: string) => void>()
    using hub = newHub(onListenerError)
    const other = vi.fn<(payload: unknown) => void>()
    hub.on('count:changed', () => {
      throw new Error('thrown')
    })
    hub.on('count:changed', () => Promise.reject(new Error('rejected')) as unknown as void)
    hub.on('count:changed', other)
    expect(hub.publish('count:changed', 1)).toEqual({ delivered: 3, dropped: 0 })
    expect(other).toHaveBeenCalledTimes(1)
    await vi.waitFor(() => expect(onListenerError).toHaveBeenCalledTimes(2), { timeout: 20_000 })
    expect(onListenerError).toHaveBeenNthCalledWith(1, new Error('thrown'), 'count:changed')
    expect(onListenerError).toHaveBeenNthCalledWith(2, new Error('rejected'), 'count:changed')
  })

  it('reports to the platform by default, and what the handler itself throws', () => {
    const reportError = vi.fn<(error: unknown) => void>()
    vi.stubGlobal('reportError', reportError)
    using plain = newHub()
    using broken = newHub(() => {
      throw new Error('from the handler')
    })
    for (const hub of [plain, broken]) {
      hub.on('count:changed', () => {
        throw new Error('from the listener')
      })
      hub.publish('count:changed', 1)
    }
    expect(reportError.mock.calls).toEqual([
      [new Error('from the listener')],
      [new Error('from the handler')],
    ])
  })
})

describe('once', () => {
  it('gives the next payload and unsubscribes at once', async () => {
    using hub = newHub()
    const next = hub.once('count:changed')
    hub.publish('count:changed', 1)
    expect(hub.publish('count:changed', 2).delivered).toBe(0)
    expect(await next).toBe(1)
    expect(hub.listenerCount).toBe(0)
  })

  it('rejects with the reason of the signal and leaves no listener', async () => {
    using hub = newHub()
    const reason = new Error('enough')
    const controller = new AbortController()
    const next = hub.once('count:changed', { signal: controller.signal })
    controller.abort(reason)
    await expect(next).rejects.toBe(reason)
    await expect(hub.once('count:changed', { signal: controller.signal })).rejects.toBe(reason)
    expect(hub.listenerCount).toBe(0)
  })

  it('rejects when the hub closes', async () => {
    const hub = newHub()
    const next = hub.once('count:changed')
    hub.close()
    await expect(next).rejects.toMatchObject({ name: 'EventsError', code: 'ERR_HUB_CLOSED' })
  })
})

describe('subscribe', () => {
  it('delivers every event from the call on, in order', async () => {
    const hub = newHub()
    hub.publish('count:changed', 0)
    const events = hub.subscribe()
    hub.publish('count:changed', 1)
    hub.publish('peer:connected', { peerId: 'a' })
    hub.close()
    expect(await collect(events)).toEqual([
      { type: 'count:changed', payload: 1 },
      { type: 'peer:connected', payload: { peerId: 'a' } },
    ])
  })

  it('keeps to the types that were asked for', async () => {
    const hub = newHub()
    const events = hub.subscribe({ types: ['peer:connected'] })
    expect(hub.publish('count:changed', 1).delivered).toBe(0)
    hub.publish('peer:connected', { peerId: 'a' })
    hub.close()
    expect(await collect(events)).toHaveLength(1)
  })

  it('drops the oldest beyond the buffer, counts it and tells the publisher', async () => {
    const hub = newHub()
    const slow = hub.subscribe({ bufferSize: 2 })
    const roomy = hub.subscribe({ bufferSize: 3 })
    expect(hub.publish('count:changed', 1)).toEqual({ delivered: 2, dropped: 0 })
    expect(hub.publish('count:changed', 2)).toEqual({ delivered: 2, dropped: 0 })
    expect(hub.publish('count:changed', 3)).toEqual({ delivered: 2, dropped: 1 })
    expect([slow.dropped, roomy.dropped]).toEqual([1, 0])
    hub.close()
    expect((await collect(slow)).map(({ payload }) => payload)).toEqual([2, 3])
    expect(await collect(roomy)).toHaveLength(3)
  })

  it('wakes a waiting reader, and ends it when the hub closes', async () => {
    const hub = newHub()
    const events = hub.subscribe()
    const first = events.next()
    hub.publish('count:changed', 1)
    expect(await first).toEqual({ done: false, value: { type: 'count:changed', payload: 1 } })
    const second = events.next()
    hub.close()
    expect(await second).toEqual({ done: true, value: undefined })
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })

  it('ends when the loop is left', async () => {
    using hub = newHub()
    const events = hub.subscribe()
    hub.publish('count:changed', 1)
    hub.publish('count:changed', 2)
    for await (const { payload } of events) {
      expect(payload).toBe(1)
      break
    }
    expect(hub.listenerCount).toBe(0)
    expect(await collect(events)).toEqual([])
  })

  it('ends with the signal, without an error', async () => {
    using hub = newHub()
    const controller = new AbortController()
    const events = hub.subscribe({ signal: controller.signal })
    const loop = collect(events)
    controller.abort()
    expect(await loop).toEqual([])
    expect(hub.listenerCount).toBe(0)
    expect(await collect(hub.subscribe({ signal: AbortSignal.abort() }))).toEqual([])
    expect(hub.listenerCount).toBe(0)
  })

  it('sees nested events in the order of publishing', async () => {
    const hub = newHub()
    hub.on('count:changed', (count) => {
      if (count === 1) hub.publish('count:changed', 2)
    })
    const events = hub.subscribe()
    hub.publish('count:changed', 1)
    hub.close()
    expect((await collect(events)).map(({ payload }) => payload)).toEqual([1, 2])
  })

  it('has one reader', async () => {
    using hub = newHub()
    const events = hub.subscribe()
    const first = events.next()
    await expect(events.next()).rejects.toThrow(TypeError)
    hub.publish('count:changed', 1)
    expect((await first).done).toBe(false)
  })

  it.each([0, -1, 1.5, Number.NaN, MAX_BUFFER_EVENTS + 1])(
    'refuses a buffer of %s',
    (bufferSize) => {
      using hub = newHub()
      expect(() => hub.subscribe({ bufferSize })).toThrow(RangeError)
      expect(hub.listenerCount).toBe(0)
    },
  )
})

describe('limits and the end', () => {
  it('refuses one subscriber too many, and takes it when another has gone', () => {
    using hub = newHub()
    const stop = hub.on('count:changed', () => {})
    for (let at = 1; at < MAX_SUBSCRIBERS; at += 1) hub.subscribe()
    const refused = expect.objectContaining({ code: 'ERR_TOO_MANY_SUBSCRIBERS' }) as Error
    expect(() => hub.on('count:changed', () => {})).toThrow(refused)
    expect(() => hub.subscribe()).toThrow(refused)
    stop()
    hub.subscribe()
    expect(hub.listenerCount).toBe(MAX_SUBSCRIBERS)
  })

  it('reaches nobody after the end, and refuses newcomers', async () => {
    const hub = newHub()
    const listener = vi.fn<(payload: unknown) => void>()
    hub.on('count:changed', listener)
    hub.close()
    hub.close()
    expect(hub.publish('count:changed', 1)).toEqual({ delivered: 0, dropped: 0 })
    expect(listener).not.toHaveBeenCalled()
    const closed = expect.objectContaining({ code: 'ERR_HUB_CLOSED' }) as Error
    expect(() => hub.on('count:changed', listener)).toThrow(closed)
    expect(() => hub.subscribe()).toThrow(closed)
    const error: unknown = await hub.once('count:changed').catch((reason: unknown) => reason)
    expect(isEventsError(error)).toBe(true)
  })
})
