/** What Node and browsers compute is the same, and so is what they refuse. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '@vudo/wire'
import * as browser from '../src/crypto.browser.ts'
import * as node from '../src/crypto.ts'

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 })
const bytes = fc.uint8Array({ maxLength: 200 })
const nonces = fc.uint8Array({ minLength: 12, maxLength: 12 })

/** Whether it is a Buffer does not matter here. */
const plain = (some: Uint8Array | undefined): Uint8Array | undefined =>
  some && Uint8Array.from(some)

describe('Node and browsers agree', () => {
  it('on hashes and derived keys', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(plain(node.sha256(a, b))).toEqual(browser.sha256(a, b))
        expect(node.hkdfSha256(a, b, 64)).toEqual(browser.hkdfSha256(a, b, 64))
      }),
    )
  })

  it('on agreements, fresh keys of the one with those of the other', () => {
    fc.assert(
      fc.property(keys, (raw) => {
        const pairs = [node, browser].map(({ createX25519KeyPair }) => createX25519KeyPair(raw))
        const [ours, same] = pairs
        expect(ours?.publicKey).toEqual(same?.publicKey)
        for (const [here, there] of [[node, browser] as const, [browser, node] as const]) {
          const theirs = there.createX25519KeyPair()
          const shared = theirs.agree(there.importX25519PublicKey(ours?.publicKey ?? raw))
          const agreed = here
            .createX25519KeyPair(raw)
            .agree(here.importX25519PublicKey(theirs.publicKey))
          expect(plain(agreed)).toEqual(plain(shared))
        }
      }),
      { numRuns: 30 },
    )
  })

  it.each([
    ['Node', node],
    ['browser', browser],
  ])('on a key whose buffer is used again before the agreement (%s)', (_, platform) => {
    const [ours, theirs] = [platform.createX25519KeyPair(), platform.createX25519KeyPair()]
    const buffer = Uint8Array.from(theirs.publicKey)
    const imported = platform.importX25519PublicKey(buffer)
    buffer.fill(9)
    expect(plain(ours.agree(imported))).toEqual(
      plain(theirs.agree(platform.importX25519PublicKey(ours.publicKey))),
    )
  })

  it('on records, and open what the other sealed', () => {
    const parts = fc.array(bytes, { maxLength: 4 })
    fc.assert(
      fc.property(keys, nonces, bytes, parts, (raw, nonce, associatedData, list) => {
        const content = { associatedData, parts: list }
        const sealers = [node, browser].map(({ createAesGcmKey }) => createAesGcmKey(raw))
        const [sealed = zeros(0), same] = sealers.map((key) => plain(key.seal(nonce, content)))
        expect(sealed).toEqual(same)
        for (const key of sealers) {
          expect(plain(key.open(nonce, associatedData, sealed))).toEqual(concatBytes(...list))
          const altered = sealed.with(0, (sealed[0] ?? 0) ^ 1)
          expect(key.open(nonce, associatedData, altered)).toBeUndefined()
          expect(key.open(nonce, concatBytes(associatedData, zeros(1)), sealed)).toBeUndefined()
        }
      }),
    )
  })
})

function zeros(count: number): Uint8Array {
  return new Uint8Array(count)
}
