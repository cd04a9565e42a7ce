import { expect, it } from 'vitest'
import {
  Capability,
  createArea,
  createCapabilityStore,
  createPath,
  createRevocationList,
  type McCapability,
} from '@vudo/meadowcap'
import { keys } from './test-keys.ts'

const { alfie, betty, gemma } = keys
const namespaceId = keys.owned.publicKey
const root = Capability.newRoot({
  access: 'write',
  namespace: keys.owned,
  userKey: alfie.publicKey,
})
const by = { signer: alfie, to: betty.publicKey }
const short = Capability.grant(root, { ...by, expiresAt: 100n })
const long = Capability.grant(root, { ...by, expiresAt: 200n })
const blog = Capability.grant(root, { ...by, path: createPath(['blog']) })
const second = Capability.grant(long, { signer: betty, to: gemma.publicKey })

it('finds what fits, the shortest chain and the longest time first', () => {
  const store = createCapabilityStore()
  for (const capability of [second, short, blog, root, long])
    expect(store.add(capability)).toBe(true)
  const found = (query: object): readonly McCapability[] =>
    store.find({ namespaceId, access: 'write', ...query })
  expect(found({})).toEqual([root, blog, long, short, second])
  expect(found({ receiver: betty.publicKey })).toEqual([blog, long, short])
  expect(found({ receiver: betty.publicKey, now: 150n })).toEqual([blog, long])
  const place = { subspaceId: alfie.publicKey, path: createPath(['x']), timestamp: 150n }
  expect(found({ place })).toEqual([root, long, second])
  expect(found({ area: createArea({ path: createPath(['blog', 'a']) }) })).toEqual([root, blog])
  expect(found({ access: 'read' })).toEqual([])
  expect(found({ namespaceId: keys.communal.publicKey })).toEqual([])
})

it('holds each once, and only what holds', () => {
  const store = createCapabilityStore({ maxCapabilities: 2 })
  expect([store.add(root), store.add(root), store.add(short)]).toEqual([true, false, true])
  const forged = { ...short, accessMode: 'read' } as const
  expect(() => store.add(forged)).toThrow(
    expect.objectContaining({ code: 'ERR_CAPABILITY_INVALID' }),
  )
  expect(() => store.add(long)).toThrow(expect.objectContaining({ code: 'ERR_CAPABILITY_LIMIT' }))
  expect([store.add(short), store.size]).toEqual([false, 2])
  expect([store.removeExpired(99n), store.removeExpired(100n)]).toEqual([0, 1])
  expect(store.all).toEqual([root])
  expect([store.remove(Capability.id(root)), store.remove(Capability.id(root))]).toEqual([
    true,
    false,
  ])
})

it('gives out nothing that is revoked', () => {
  const revocations = createRevocationList()
  const store = createCapabilityStore({ revocations })
  for (const capability of [root, long, second, blog]) store.add(capability)
  const found = (): readonly McCapability[] => store.find({ namespaceId, access: 'write' })
  const entry = revocations.revokeCapability(long)
  expect(found()).toEqual([root, blog])
  revocations.revokeKey(betty.publicKey)
  expect(found()).toEqual([root])
  expect([revocations.restore(entry), revocations.restore(entry)]).toEqual([true, false])
  expect(found()).toEqual([root])
})

it('revokes what was handed on, and the first holder’s own', () => {
  const revocations = createRevocationList()
  revocations.revokeCapability(root)
  expect([root, long, second].every((capability) => revocations.isRevoked(capability))).toBe(true)
  const other = Capability.newRoot({
    access: 'read',
    namespace: keys.owned,
    userKey: alfie.publicKey,
  })
  expect(revocations.isRevoked(other)).toBe(false)
  revocations.revokeKey(alfie.publicKey)
  expect(revocations.isRevoked(other)).toBe(true)
})

it('is bounded, and comes back from what it exports', () => {
  const revocations = createRevocationList({ maxEntries: 2 })
  revocations.revokeCapability(long)
  revocations.revokeKey(gemma.publicKey)
  revocations.revokeKey(gemma.publicKey)
  expect(revocations.size).toBe(2)
  expect(() => revocations.revokeKey(betty.publicKey)).toThrow(
    expect.objectContaining({ code: 'ERR_CAPABILITY_LIMIT' }),
  )
  const copy = createRevocationList({ revoked: revocations.export() })
  expect([copy.isRevoked(second), copy.isRevoked(long), copy.isRevoked(blog)]).toEqual([
    true,
    true,
    false,
  ])
  expect(() => createRevocationList({ maxEntries: 1, revoked: revocations.export() })).toThrow(
    expect.objectContaining({ code: 'ERR_CAPABILITY_LIMIT' }),
  )
})
