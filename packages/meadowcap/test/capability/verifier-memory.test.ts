import { describe, expect, it } from 'vitest'
import {
  authoriseEntry,
  Capability,
  createVerifier,
  decodeWhole,
  encodeCapability,
  readCapability,
  type Verifier,
} from '@vudo/meadowcap'
import { idOf } from '../arbitraries.ts'
import { blog, entryBy, ideas, owned } from './granted.ts'
import { keys } from './test-keys.ts'

const { betty, gemma } = keys

function countingVerifier(maxCached?: number): {
  readonly checks: () => number
  readonly verifier: Verifier
} {
  let checks = 0
  const verify = (): boolean => {
    checks++
    return true
  }
  return { checks: () => checks, verifier: createVerifier({ verify, maxCached }) }
}

describe('the memory of a verifier', () => {
  it('checks a capability once, and each write', () => {
    const { checks, verifier } = countingVerifier()
    const entry = entryBy({})
    const token = authoriseEntry(entry, ideas, gemma)
    for (let count = 0; count < 5; count++)
      expect(verifier.isAuthorisedWrite(entry, token)).toBe(true)
    expect(checks()).toBe(2 + 5)
    // Another object of the same bytes is the same capability.
    expect(verifier.isValidCapability(decodeWhole(encodeCapability(ideas), readCapability))).toBe(
      true,
    )
    expect(checks()).toBe(7)
  })

  it('is bounded, and keeps what was used last', () => {
    const { checks, verifier } = countingVerifier(3)
    for (const capability of [blog, ideas, blog, owned]) verifier.isValidCapability(capability)
    expect([verifier.cached, checks()]).toEqual([3, 1 + 1 + 2])
    verifier.isValidCapability(blog)
    expect(checks()).toBe(4)
    verifier.isValidCapability(ideas)
    expect(checks()).toBe(5)
    expect(() => createVerifier({ maxCached: -1 })).toThrow(RangeError)
  })

  it('makes whoever hands on what is known cost one check, at any length of the chain', async () => {
    let chain = blog
    for (let step = 1; step < 60; step++) {
      chain = Capability.grant(chain, { signer: betty, to: betty.publicKey })
    }
    const { checks, verifier } = countingVerifier()
    const last = Array.from({ length: 10 }, (_, at) =>
      Capability.grant(chain, { signer: betty, to: idOf(at + 1) }),
    )
    expect(await verifier.areValidCapabilities(last.slice(0, 5))).toEqual(
      last.slice(0, 5).map(() => true),
    )
    expect(checks()).toBe(60 + 5)
    for (const capability of last) verifier.isValidCapability(capability)
    expect(checks()).toBe(60 + 10)
    // Also when nothing of it is known and all come at once.
    const batch = countingVerifier()
    const entry = entryBy({})
    const writes = last.map((capability) => ({
      entry,
      token: { capability, signature: new Uint8Array(64) },
    }))
    await batch.verifier.denialsOf(writes)
    expect(batch.checks()).toBe(60 + 10 + 10)
  })

  it('does not mistake bytes that were moved from one field to the next', () => {
    const verifier = createVerifier()
    expect(verifier.isValidCapability(owned)).toBe(true)
    if (owned.kind !== 'owned') throw new Error('not owned')
    const joined = Uint8Array.from([...owned.userKey, ...owned.initialAuthorisation])
    const moved = {
      ...owned,
      userKey: joined.slice(0, 33),
      initialAuthorisation: joined.slice(33),
    }
    expect(encodeCapability(moved)).toEqual(encodeCapability(owned))
    expect(verifier.isValidCapability(moved)).toBe(false)
  })

  it('remembers nothing that does not hold', () => {
    const verifier = createVerifier()
    const forged = { ...blog, accessMode: 'read' } as const
    expect(verifier.isValidCapability(forged)).toBe(false)
    expect([verifier.cached, verifier.isValidCapability(forged)]).toEqual([0, false])
  })
})
