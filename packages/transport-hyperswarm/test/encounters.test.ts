import type { SecretStream } from 'hyperdht'
import { describe, expect, it } from 'vitest'
import type { DhtLink } from '../src/dht-link.ts'
import { createEncounters } from '../src/encounters.ts'

const [low, high] = ['1', '9']

const stream = {} as SecretStream

describe('a stream from a peer that is being dialled', () => {
  it.each([true, false])('is for the dial, if that wants it: %s', (isTaken) => {
    const encounters = createEncounters()
    const given: SecretStream[] = []
    encounters.dialling(high, (one) => given.push(one) > 0 && isTaken)
    expect(encounters.settle(high, stream)).toBe(isTaken)
    expect(given).toEqual([stream])
  })

  it('is a connection of its own when nobody dials that peer, or not any more', () => {
    const encounters = createEncounters()
    encounters.dialling(low, () => true)
    expect(encounters.settle(high, stream)).toBe(false)
    const dial = encounters.dialling(high, () => true)
    dial.end()
    expect(encounters.settle(high, stream)).toBe(false)
  })
})

describe('a dial to a peer that is arriving', () => {
  it('takes its link, which is nobody else’s then', () => {
    const encounters = createEncounters()
    const link = { peerId: high } as DhtLink
    const arrival = encounters.arriving(link)
    expect(encounters.take(low)).toEqual([])
    expect(encounters.take(high)).toEqual([link])
    expect(arrival.isTaken).toBe(true)
    expect(encounters.take(high)).toEqual([])
  })

  it('is on its own once the peer has arrived', () => {
    const encounters = createEncounters()
    encounters.arriving({ peerId: high } as DhtLink).end()
    expect(encounters.take(high)).toEqual([])
  })
})
