import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Capability, createNamespaceKey, createUserKey, parsePath } from '@vudo/meadowcap'
import { isWillowError } from '@vudo/willow'
import { capabilityFromText, capabilityToText } from '../../src/facade/capability-text.ts'

const alice = createUserKey(new Uint8Array(32).fill(1))
const namespace = createNamespaceKey({ kind: 'owned' })
const root = Capability.newRoot({ access: 'write', namespace, userKey: alice.publicKey })

it('a capability survives being a text', () => {
  const segments = fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { maxLength: 5 })
  fc.assert(
    fc.property(segments, fc.uint8Array({ minLength: 32, maxLength: 32 }), (path, to) => {
      const given = Capability.grant(root, { signer: alice, to, path: parsePath(path.join('/')) })
      const text = capabilityToText(given)
      expect(text).toMatch(/^willowcap1[a-z2-7]+$/)
      expect(Capability.id(capabilityFromText(` ${text}\n`))).toBe(Capability.id(given))
    }),
  )
})

it('whatever else is given is refused with a typed error, or is a capability of another text', () => {
  const whole = capabilityToText(root)
  const damaged = fc
    .tuple(fc.nat(whole.length - 1), fc.string({ maxLength: 3 }), fc.nat(3))
    .map(([at, put, skip]) => whole.slice(0, at) + put + whole.slice(at + skip))
  const texts = fc.oneof(
    damaged,
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[a-z2-7]{0,400}$/).map((rest) => `willowcap1${rest}`),
  )
  fc.assert(
    fc.property(texts, (text) => {
      expect(outcomeOf(text)).toMatchObject({ isSound: true })
    }),
    { numRuns: 500 },
  )
})

/** What becomes of a text: refused as it ought to be, or read and written the same. */
function outcomeOf(text: string): { readonly isSound: boolean; readonly error?: unknown } {
  try {
    return { isSound: capabilityToText(capabilityFromText(text)) === text.trim() }
  } catch (error) {
    const isTyped = isWillowError(error) && error.code === 'ERR_CAPABILITY_TEXT'
    return { isSound: isTyped && error.message.length < 200, error }
  }
}
