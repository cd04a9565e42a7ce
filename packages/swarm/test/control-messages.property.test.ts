import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isTransportError } from '@vudo/transport'
import { decodeControl, encodeControl } from '../src/control-messages.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const tags = fc.array(bytes32, { minLength: 1, maxLength: 20 })
const record = fc.oneof(
  fc.record({ kind: fc.constant('hello' as const), nonce: bytes32 }),
  fc.record({ kind: fc.constantFrom('join' as const, 'leave' as const), tags }),
  fc.record({
    kind: fc.constant('bye' as const),
    reason: fc.constantFrom('leaving', 'no-shared-topic', 'limit', 'protocol'),
  }),
)

it('reads what it wrote', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), (records) => {
      expect(decodeControl(encodeControl(records))).toEqual(records)
    }),
  )
})

it('throws only its typed error, whatever the bytes are', () => {
  const body = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 200 }))
  const nearlyRight = fc
    .array(body)
    .map((bodies) =>
      Uint8Array.from(bodies.flatMap(([kind, rest]) => [kind, 0, rest.length, ...rest])),
    )
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), nearlyRight), (message) => {
      expect(errorCodeOf(message)).toBeOneOf([undefined, 'ERR_PEER_PROTOCOL'])
    }),
    { numRuns: 500 },
  )
})

function errorCodeOf(message: Uint8Array): string | undefined {
  try {
    decodeControl(message)
    return undefined
  } catch (error) {
    return isTransportError(error) ? error.code : String(error)
  }
}
