import type { Session } from '@vudo/network'
import { describe, expect, it } from 'vitest'
import { isLocal, trustedPart } from '../src/address-trust.ts'
import type { OverlayMessage } from '../src/membership/wire.ts'

const peerId = 'aa'.repeat(32)
const addresses = ['tcp://192.168.1.1:80', 'tcp://198.51.100.7:34569', 'tcp://[fd00::1]:22']
const entry = { peerId, addresses }

function sessionAt(address: string | undefined, relayed = false): Session {
  return {
    path: { transport: 'tcp', outbound: true, relayed, address },
  } as Partial<Session> as Session
}

describe('addresses that a neighbour names', () => {
  it('are dialled of third peers only when they are public', () => {
    const shuffle: OverlayMessage = {
      type: 'shuffle',
      id: '00'.repeat(8),
      hops: 1,
      entries: [entry],
    }
    expect(trustedPart(shuffle, false)).toMatchObject({
      entries: [{ peerId, addresses: ['tcp://198.51.100.7:34569'] }],
    })
    expect(trustedPart({ type: 'forward-join', hops: 1, entry }, false)).toMatchObject({
      entry: { peerId, addresses: ['tcp://198.51.100.7:34569'] },
    })
  })

  it('are all dialled when the neighbour is of the same network, or when they are its own', () => {
    const shuffle: OverlayMessage = {
      type: 'shuffle',
      id: '00'.repeat(8),
      hops: 1,
      entries: [entry],
    }
    expect(trustedPart(shuffle, true)).toBe(shuffle)
    const join: OverlayMessage = { type: 'join', addresses }
    expect(trustedPart(join, false)).toBe(join)
  })

  it('tells a neighbour of the same network by the address at which it is reached', () => {
    const own = ['tcp://192.168.1.2:34569', 'tcp://198.51.100.1:34569']
    expect(isLocal(sessionAt('tcp://192.168.1.5:34569'), own)).toBe(true)
    expect(isLocal(sessionAt('tcp://198.51.100.7:34569'), own)).toBe(false)
    expect(isLocal(sessionAt('tcp://192.168.1.5:34569', true), own)).toBe(false)
  })

  it('takes one that dialled from an unknown place for near only where nobody else can dial', () => {
    expect(isLocal(sessionAt(undefined), ['tcp://192.168.1.2:34569'])).toBe(true)
    expect(isLocal(sessionAt(undefined), ['tcp://198.51.100.1:34569'])).toBe(false)
  })
})
