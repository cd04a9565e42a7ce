import { afterEach, describe, expect, it } from 'vitest'
import { createTransport, type TransportContext } from '@vudo/transport'
import { createDisabledTransport } from '@vudo/transport-disabled'

const topic = new Uint8Array(32)
const transport = createDisabledTransport()

afterEach(() => transport.disconnect())

describe('createDisabledTransport', () => {
  it('is registered under its name', () => {
    const context = {} as Omit<TransportContext, 'settings'>
    expect(createTransport({ mode: 'disabled' }, context).name).toBe('disabled')
  })

  it('announces and finds nobody, also under the topic of zeros', async () => {
    const fresh = createDisabledTransport()
    await fresh.listen()
    await fresh.announce(topic)
    expect(await fresh.lookup(topic)).toEqual([])
    expect(fresh.addresses).toEqual([])
  })

  it('does not dial, and says so', async () => {
    expect(transport.features.dials).toBe(false)
    await expect(transport.dial('tcp://127.0.0.1:1')).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
    })
  })

  it('yields nobody until the signal fires', async () => {
    const fresh = createDisabledTransport()
    const controller = new AbortController()
    const iterator = fresh.connect(topic, { signal: controller.signal })[Symbol.asyncIterator]()
    let isDone = false
    const next = iterator.next().then((result) => (isDone = result.done ?? false))
    await new Promise(setImmediate)
    expect(isDone).toBe(false)
    controller.abort()
    expect(await next).toBe(true)
  })

  it('yields nobody until it is left, or the transport closes', async () => {
    const fresh = createDisabledTransport()
    const [left, closed] = [fresh.connect(topic), fresh.connect(topic)].map((each) =>
      each[Symbol.asyncIterator](),
    )
    const [leftNext, closedNext] = [left?.next(), closed?.next()]
    await left?.return?.()
    expect(await leftNext).toEqual({ done: true, value: undefined })
    await fresh.disconnect()
    expect(await closedNext).toEqual({ done: true, value: undefined })
  })

  it('takes no signal that has fired', async () => {
    const fresh = createDisabledTransport()
    const signal = AbortSignal.abort('enough')
    await expect(fresh.lookup(topic, { signal })).rejects.toBe('enough')
    const iterator = fresh.connect(topic, { signal })[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  it('rejects after disconnect, which may be called again', async () => {
    const fresh = createDisabledTransport()
    await fresh.disconnect()
    await fresh.disconnect()
    const error = { code: 'ERR_TRANSPORT_CLOSED' }
    await expect(fresh.announce(topic)).rejects.toMatchObject(error)
    await expect(fresh.lookup(topic)).rejects.toMatchObject(error)
    await expect(fresh.listen()).rejects.toMatchObject(error)
    const iterator = fresh.connect(topic)[Symbol.asyncIterator]()
    await expect(iterator.next()).rejects.toMatchObject(error)
  })
})
