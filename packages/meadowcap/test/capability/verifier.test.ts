import { describe, expect, it } from 'vitest'
import {
  authoriseEntry,
  Capability,
  createArea,
  createEntry,
  createPath,
  createRevocationList,
  createVerifier,
  decodePart,
  decodeWhole,
  defaultToken,
  encodeCapability,
  encodeEntry,
  encodeWith,
  isAuthorisedWrite,
  isMeadowcapError,
  isValidCapability,
  readCanonicalCapability,
  readCanonicalEntry,
  readCapability,
  readToken,
  readTokenRelative,
  timeRanges,
  writeToken,
  writeTokenRelative,
  type AuthorisationToken,
  type Entry,
  type McCapability,
  type SignatureCheck,
  type Verifier,
} from '@vudo/meadowcap'
import { idOf } from '../arbitraries.ts'
import { decodeOrRefuse, toHex } from '../examples.ts'
import { keys } from './test-keys.ts'

const { alfie, betty, gemma } = keys

function entryBy(fields: Partial<Entry>): Entry {
  return createEntry({
    namespaceId: keys.communal.publicKey,
    subspaceId: alfie.publicKey,
    path: createPath(['blog', 'idea']),
    timestamp: 1500n,
    payloadLength: 3n,
    payloadDigest: idOf(9),
    ...fields,
  })
}

const root = Capability.newRoot({
  access: 'write',
  namespace: keys.communal.publicKey,
  userKey: alfie.publicKey,
})
const blog = Capability.grant(root, {
  signer: alfie,
  to: betty.publicKey,
  path: createPath(['blog']),
  expiresAt: 2000n,
})
const ideas = Capability.grant(blog, {
  signer: betty,
  to: gemma.publicKey,
  path: createPath(['blog', 'idea']),
  notBefore: 1000n,
})
const ownedRoot = Capability.newRoot({
  access: 'write',
  namespace: keys.owned,
  userKey: alfie.publicKey,
})
const owned = Capability.grant(ownedRoot, { signer: alfie, to: betty.publicKey })

/** `bytes` once for each bit, with that bit flipped. */
function flips(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: 8 * bytes.length }, (_, index) => {
    const at = index >> 3
    return bytes.with(at, (bytes[at] ?? 0) ^ (1 << (index & 7)))
  })
}

/** `bytes` once for each byte, with one of its bits flipped: enough where a signature check each costs. */
function fewFlips(bytes: Uint8Array): Uint8Array[] {
  return flips(bytes).filter((_, index) => (index & 7) === (index >> 3) % 8)
}

function codeOf(make: () => unknown): unknown {
  try {
    return make()
  } catch (error) {
    return isMeadowcapError(error) ? [error.code, error.message] : error
  }
}

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

describe('writes', () => {
  it('are allowed for whom, where and when they were granted', () => {
    expect(isAuthorisedWrite(entryBy({}), authoriseEntry(entryBy({}), root, alfie))).toBe(true)
    expect(isAuthorisedWrite(entryBy({}), authoriseEntry(entryBy({}), ideas, gemma))).toBe(true)
    const inOwned = entryBy({ namespaceId: keys.owned.publicKey, subspaceId: idOf(5) })
    expect(isAuthorisedWrite(inOwned, authoriseEntry(inOwned, owned, betty))).toBe(true)
  })

  it('are denied for a reason', () => {
    const verifier = createVerifier()
    const entry = entryBy({})
    const token = authoriseEntry(entry, ideas, gemma)
    const denial = (fields: Partial<Entry>): unknown => verifier.denialOf(entryBy(fields), token)
    expect(denial({})).toBeUndefined()
    expect(denial({ namespaceId: keys.owned.publicKey })).toBe('wrong-namespace')
    expect(denial({ subspaceId: betty.publicKey })).toBe('outside-area')
    expect(denial({ path: createPath(['blog']) })).toBe('outside-area')
    expect(denial({ timestamp: 2000n })).toBe('outside-area')
    expect(denial({ timestamp: 999n })).toBe('outside-area')
    expect(denial({ payloadLength: 4n })).toBe('signature-invalid')
    expect(denial({ payloadDigest: idOf(8) })).toBe('signature-invalid')
    const forged = { ...token, capability: { ...ideas, userKey: ideas.userKey.with(0, 1) } }
    expect(verifier.denialOf(entry, forged)).toBe('capability-invalid')
    const read: McCapability = { ...ideas, accessMode: 'read' }
    expect(verifier.denialOf(entry, { ...token, capability: read })).toBe('read-only')
  })

  it('are not signed when they would be denied', () => {
    const read = Capability.newRoot({
      access: 'read',
      namespace: keys.communal.publicKey,
      userKey: alfie.publicKey,
    })
    expect(codeOf(() => authoriseEntry(entryBy({}), read, alfie))).toEqual([
      'ERR_WRITE_DENIED',
      'the capability is for reading only',
    ])
    expect(codeOf(() => authoriseEntry(entryBy({ namespaceId: idOf(3) }), root, alfie))).toEqual([
      'ERR_WRITE_DENIED',
      'the capability is for another namespace',
    ])
    expect(codeOf(() => authoriseEntry(entryBy({ timestamp: 2000n }), blog, betty))).toEqual([
      'ERR_WRITE_DENIED',
      'the capability has expired',
    ])
    expect(codeOf(() => authoriseEntry(entryBy({ path: createPath([]) }), blog, betty))).toEqual([
      'ERR_WRITE_DENIED',
      'the capability does not grant this subspace, path and time',
    ])
    expect(codeOf(() => authoriseEntry(entryBy({}), blog, alfie))).toEqual([
      'ERR_CAPABILITY_RECEIVER',
      "the signing key is not that of the capability's receiver",
    ])
  })
})

describe('another namespace', () => {
  // Betty owns a namespace. Its key makes her a full capability, with which she signs an
  // entry that names the namespace of somebody else.
  const target = entryBy({ namespaceId: keys.owned.publicKey, subspaceId: betty.publicKey })
  const own = Capability.newRoot({
    access: 'write',
    namespace: keys.otherOwned,
    userKey: betty.publicKey,
  })
  const communal = Capability.newRoot({
    access: 'write',
    namespace: keys.communal.publicKey,
    userKey: betty.publicKey,
  })
  const tokenOf = (capability: McCapability): AuthorisationToken => ({
    capability,
    signature: betty.sign(encodeEntry(target)),
  })

  it.each([
    ['owned', own],
    ['communal', communal],
    ['owned and handed on', Capability.grant(own, { signer: betty, to: betty.publicKey })],
  ])('is refused with a capability that is %s, in every form', async (_, capability) => {
    const token = tokenOf(capability)
    expect(isValidCapability(capability)).toBe(true)
    expect(isAuthorisedWrite(target, token)).toBe(false)
    expect(await createVerifier().denialsOf([{ entry: target, token }])).toEqual([
      'wrong-namespace',
    ])
    // As stored: the absolute code.
    const stored = decodeWhole(
      encodeWith((sink) => writeToken(sink, token)),
      readToken,
    )
    expect(createVerifier().denialOf(target, stored)).toBe('wrong-namespace')
    // As sent: has no code, and that of another entry takes the namespace from the target.
    const context = { entry: target, prior: defaultToken }
    expect(() => encodeWith((sink) => writeTokenRelative(sink, token, context))).toThrow(
      expect.objectContaining({ code: 'ERR_WRITE_DENIED' }),
    )
    const elsewhere = { ...context, entry: { ...target, namespaceId: capability.namespaceKey } }
    const code = encodeWith((sink) => writeTokenRelative(sink, token, elsewhere))
    const received = decodeWhole(code, (cursor) => readTokenRelative(cursor, context))
    expect(received.capability.namespaceKey).toEqual(target.namespaceId)
    expect(createVerifier().denialOf(target, received)).toBe('capability-invalid')
    // With the namespace of the target written into the capability.
    const moved = { ...capability, namespaceKey: target.namespaceId }
    expect(createVerifier().denialOf(target, tokenOf(moved))).toBe('capability-invalid')
  })
})

describe('one flipped bit', () => {
  it.each([
    ['communal', ideas, flips],
    ['owned', owned, fewFlips],
  ])('makes a %s capability fall', (_, capability, flip) => {
    const verifier = createVerifier()
    const bytes = encodeCapability(capability)
    expect(verifier.isValidCapability(capability)).toBe(true)
    for (const flipped of flip(bytes)) {
      // By the canonical code: a relation has bits without meaning, which change nothing.
      const decoded = decodeOrRefuse(() => decodeWhole(flipped, readCanonicalCapability))
      expect(decoded === undefined || toHex(encodeCapability(decoded)) !== toHex(bytes)).toBe(true)
      const other = decoded ?? decodeOrRefuse(() => decodeWhole(flipped, readCapability))
      const isSame = other !== undefined && toHex(encodeCapability(other)) === toHex(bytes)
      expect(other !== undefined && verifier.isValidCapability(other)).toBe(isSame)
    }
    // Each holder after the first of a communal namespace; an owned one has a signature for the first, too.
    expect(verifier.cached).toBe(2)
  })

  it('makes an entry or its token fall', () => {
    const verifier = createVerifier()
    const entry = entryBy({})
    const token = authoriseEntry(entry, blog, betty)
    for (const flipped of fewFlips(encodeEntry(entry))) {
      const decoded = decodeOrRefuse(() => decodeWhole(flipped, readCanonicalEntry))
      expect(decoded !== undefined && verifier.isAuthorisedWrite(decoded, token)).toBe(false)
    }
    for (const signature of flips(token.signature)) {
      expect(verifier.isAuthorisedWrite(entry, { ...token, signature })).toBe(false)
    }
  })

  it('makes a token fall that came relative to another', () => {
    const verifier = createVerifier()
    const entry = entryBy({})
    const token = authoriseEntry(entry, ideas, gemma)
    const context = { entry, prior: defaultToken }
    const bytes = encodeWith((sink) => writeTokenRelative(sink, token, context))
    const read = (from: Uint8Array): AuthorisationToken | undefined =>
      decodeOrRefuse(() => decodeWhole(from, (cursor) => readTokenRelative(cursor, context)))
    expect(verifier.isAuthorisedWrite(entry, read(bytes) ?? defaultToken)).toBe(true)
    for (const flipped of fewFlips(bytes)) {
      const decoded = read(flipped)
      // Some bits have no meaning, as the tag of an open end: then it is the same token.
      const isSame =
        decoded !== undefined &&
        toHex(encodeCapability(decoded.capability)) === toHex(encodeCapability(ideas)) &&
        toHex(decoded.signature) === toHex(token.signature)
      expect(decoded !== undefined && verifier.isAuthorisedWrite(entry, decoded)).toBe(isSame)
    }
    for (let length = 0; length < bytes.length; length++) {
      const part = bytes.subarray(0, length)
      expect(decodePart(part, (cursor) => readTokenRelative(cursor, context))).toBeUndefined()
    }
  })
})

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

describe('a batch', () => {
  it('gives the same answers off the main thread', async () => {
    const entry = entryBy({})
    const token = authoriseEntry(entry, ideas, gemma)
    const late = entryBy({ timestamp: 2000n })
    const writes = [
      { entry, token },
      { entry: late, token },
      { entry, token: { ...token, signature: token.signature.with(0, 0) } },
      { entry, token: { ...token, capability: { ...ideas, userKey: idOf(0) } } },
      { entry, token: { ...token, capability: { ...ideas, accessMode: 'read' as const } } },
      { entry, token },
    ]
    const verifier = createVerifier()
    expect(await verifier.denialsOf(writes)).toEqual(
      writes.map((write) => createVerifier().denialOf(write.entry, write.token)),
    )
    expect(verifier.cached).toBe(2)
    expect(await verifier.denialsOf([])).toEqual([])
  })

  it('checks a new capability once for all its writes', async () => {
    const seen: SignatureCheck[] = []
    const verifyAsync = async (check: SignatureCheck): Promise<boolean> => {
      seen.push(check)
      return Promise.resolve(true)
    }
    const entry = entryBy({})
    const token = authoriseEntry(entry, ideas, gemma)
    const verifier = createVerifier({ verifyAsync })
    await verifier.denialsOf(Array.from({ length: 10 }, () => ({ entry, token })))
    expect(seen).toHaveLength(2 + 10)
  })
})

it('denies what this node has revoked, and nothing else', async () => {
  const revocations = createRevocationList()
  const verifier = createVerifier({ revocations })
  const entry = entryBy({})
  const [first, second] = [
    { entry, token: authoriseEntry(entry, ideas, gemma) },
    { entry, token: authoriseEntry(entry, root, alfie) },
  ]
  expect(await verifier.denialsOf([first, second])).toEqual([undefined, undefined])
  revocations.revokeCapability(blog)
  expect(await verifier.denialsOf([first, second])).toEqual(['revoked', undefined])
  expect(verifier.denialOf(first.entry, first.token)).toBe('revoked')
})

it('refuses a capability whose kind is not that of its namespace, whatever was signed', () => {
  const verifier = createVerifier({ verify: () => true })
  const area = createArea({ times: timeRanges.create(0n, 5n) })
  expect(verifier.isValidCapability(root)).toBe(true)
  expect(verifier.isValidCapability({ ...root, namespaceKey: keys.owned.publicKey })).toBe(false)
  expect(verifier.isValidCapability({ ...owned, namespaceKey: keys.communal.publicKey })).toBe(
    false,
  )
  // Not inside the subspace of a communal capability.
  const step = { area, userKey: idOf(1), signature: new Uint8Array(64) }
  expect(verifier.isValidCapability({ ...root, delegations: [step] })).toBe(false)
})
