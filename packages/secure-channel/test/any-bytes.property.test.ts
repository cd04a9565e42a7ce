import fc from 'fast-check'
import { describe, it } from 'vitest'
import { isTransportError } from '@vudo/transport'
import { isSecureChannelError } from '@vudo/secure-channel'
import { createCipherState } from '../src/cipher-state.ts'
import { createHandshake, type Handshake } from '../src/handshake.ts'
import { createRecordOpener } from '../src/records.ts'
import { createX25519KeyPair } from '#crypto'
import { alice, bob } from './pair.ts'

/** Runs it; anything but a legal step or a typed error fails the test. */
function step(run: () => void): boolean {
  try {
    run()
    return true
  } catch (error) {
    if (isSecureChannelError(error) || isTransportError(error)) return false
    throw error
  }
}

const message = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  ...[32, 192, 160].map((length) => fc.uint8Array({ minLength: length, maxLength: length })),
)

const staticKey = createX25519KeyPair()
const side = (initiator: boolean): Handshake =>
  createHandshake({ key: initiator ? alice : bob, initiator, staticKey })

describe('any bytes in any state give a typed error or a legal step', () => {
  it('in the handshake', () => {
    const actions = fc.array(fc.oneof(fc.constant('write' as const), message), { maxLength: 5 })
    fc.assert(
      fc.property(fc.boolean(), fc.nat(2), actions, (initiator, honestSteps, list) => {
        const ends: [Handshake, Handshake] = [side(true), side(false)]
        for (let index = 0; index < honestSteps; index++) {
          const [from, to] = index % 2 === 0 ? ends : ends.toReversed()
          to?.read(from?.write() ?? new Uint8Array())
        }
        const [one] = initiator ? ends : ends.toReversed()
        for (const action of list) {
          if (!step(() => (action === 'write' ? one?.write() : one?.read(action)))) break
        }
      }),
    )
  })

  it('in a record that does not open', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const opener = createRecordOpener(createCipherState(new Uint8Array(32)))
        if (step(() => void opener.open(bytes))) throw new Error('garbage was opened')
      }),
    )
  })

  it('in records that open', () => {
    const plain = fc.array(
      fc.tuple(fc.nat(5), fc.uint8Array({ maxLength: 60 })).map(([type, body]) => [type, ...body]),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(plain, (records) => {
        const cipher = createCipherState(new Uint8Array(32))
        const opener = createRecordOpener(createCipherState(new Uint8Array(32)))
        for (const record of records) {
          const bytes = cipher.encrypt(new Uint8Array(), [Uint8Array.from(record)])
          if (!step(() => void opener.open(bytes))) break
        }
      }),
    )
  })
})
