import type { SecretStream } from 'hyperdht'
import { describe, expect, it } from 'vitest'
import type { DhtLink } from '../src/dht-link.ts'
import { createEncounters } from '../src/encounters.ts'

const [low, self, high] = ['1', '5', '9']

function streamFrom(): { stream: SecretStream; isDestroyed: () => boolean } {
  let isDestroyed = false
  const stream = { destroy: () => (isDestroyed = true) } as unknown as SecretStream
  return { stream, isDestroyed: () => isDestroyed }
}

describe('a stream from a peer that is being dialled', () => {
  it('ends when our key is the larger one: our dial stays', () => {
    const encounters = createEncounters(self)
    const dial = encounters.dialling(low, () => expect.unreachable())
    const { stream, isDestroyed } = streamFrom()
    expect(encounters.settle(low, stream)).toBe(true)
    expect([isDestroyed(), dial.replacement]).toEqual([true, undefined])
  })

  it('takes the place of our dial when the peer has the larger key, once', () => {
    const encounters = createEncounters(self)
    let given = 0
    const dial = encounters.dialling(high, () => given++)
    const { stream, isDestroyed } = streamFrom()
    expect(encounters.settle(high, stream)).toBe(true)
    expect([isDestroyed(), dial.replacement, given]).toEqual([false, stream, 1])
    expect(encounters.settle(high, streamFrom().stream)).toBe(false)
  })

  it('is a connection of its own when nobody dials that peer, or not any more', () => {
    const encounters = createEncounters(self)
    encounters.dialling(low, () => undefined)
    expect(encounters.settle(high, streamFrom().stream)).toBe(false)
    const dial = encounters.dialling(high, () => undefined)
    dial.end()
    expect(encounters.settle(high, streamFrom().stream)).toBe(false)
  })
})

describe('a dial to a peer that is arriving', () => {
  it('takes its link, which is nobody else’s then', () => {
    const encounters = createEncounters(self)
    const link = { peerId: high } as DhtLink
    const arrival = encounters.arriving(link)
    expect(encounters.take(low)).toBeUndefined()
    expect(encounters.take(high)).toBe(link)
    expect(arrival.isTaken).toBe(true)
    expect(encounters.take(high)).toBeUndefined()
  })

  it('is on its own once the peer has arrived', () => {
    const encounters = createEncounters(self)
    encounters.arriving({ peerId: high } as DhtLink).end()
    expect(encounters.take(high)).toBeUndefined()
  })
})
