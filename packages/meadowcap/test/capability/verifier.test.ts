import { describe, expect, it } from 'vitest'
import {
  authoriseEntry,
  Capability,
  createArea,
  createPath,
  createRevocationList,
  createVerifier,
  decodeWhole,
  defaultToken,
  encodeEntry,
  encodeWith,
  isAuthorisedWrite,
  isMeadowcapError,
  isValidCapability,
  readToken,
  readTokenRelative,
  timeRanges,
  writeToken,
  writeTokenRelative,
  type AuthorisationToken,
  type Entry,
  type McCapability,
  type SignatureCheck,
} from '@vudo/meadowcap'
import { idOf } from '../arbitraries.ts'
import { blog, entryBy, ideas, owned, root } from './granted.ts'
import { keys } from './test-keys.ts'

const { alfie, betty, gemma } = keys

function codeOf(make: () => unknown): unknown {
  try {
    return make()
  } catch (error) {
    return isMeadowcapError(error) ? [error.code, error.message] : error
  }
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
