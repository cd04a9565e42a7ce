import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import {
  Capability,
  capabilityId,
  createArea,
  createNamespaceKey,
  createPath,
  createUserKey,
  deriveCommunalNamespace,
  expiryOf,
  fullArea,
  grantedArea,
  isCommunalNamespace,
  isExpired,
  isValidCapability,
  MAX_DELEGATIONS,
  receiverOf,
  type McCapability,
} from '@vudo/meadowcap'
import { idOf } from '../arbitraries.ts'
import { toHex } from '../examples.ts'
import { keys } from './test-keys.ts'

const { alfie, betty, gemma } = keys
const root = Capability.newRoot({
  access: 'write',
  namespace: keys.owned,
  userKey: alfie.publicKey,
})

function failing(code: string): unknown {
  return expect.objectContaining({ name: 'MeadowcapError', code })
}

it('grants in everyday words, and keeps what is not said', () => {
  const capability = Capability.grant(root, {
    signer: alfie,
    to: betty.publicKey,
    path: createPath(['blog']),
    expiresAt: 100n,
  })
  const again = Capability.grant(capability, {
    signer: betty,
    to: gemma.publicKey,
    subspaceId: idOf(1),
    notBefore: 50n,
  })
  const area = grantedArea(again)
  expect([area.path.toString(), area.subspaceId, area.times]).toEqual([
    '/blog',
    idOf(1),
    { start: 50n, end: 100n },
  ])
  expect(toHex(receiverOf(again))).toBe(toHex(gemma.publicKey))
  expect(isValidCapability(again)).toBe(true)
  expect(root.delegations).toHaveLength(0)
})

it('never grants more than is held, and only by its holder', () => {
  const held = Capability.grant(root, {
    signer: alfie,
    to: betty.publicKey,
    path: createPath(['blog']),
    expiresAt: 100n,
  })
  const by = { signer: betty, to: gemma.publicKey }
  expect(() => Capability.grant(held, { ...by, path: createPath([]) })).toThrow(
    failing('ERR_CAPABILITY_WIDENED'),
  )
  expect(() => Capability.grant(held, { ...by, expiresAt: 101n })).toThrow(
    failing('ERR_CAPABILITY_WIDENED'),
  )
  expect(() => Capability.delegate(held, { ...by, area: fullArea })).toThrow(
    failing('ERR_CAPABILITY_WIDENED'),
  )
  expect(() => Capability.grant(held, { ...by, expiresAt: 0n })).toThrow(RangeError)
  expect(() => Capability.grant(held, { signer: alfie, to: gemma.publicKey })).toThrow(
    failing('ERR_CAPABILITY_RECEIVER'),
  )
  expect(() => Capability.grant(held, { signer: betty, to: new Uint8Array(31) })).toThrow(
    RangeError,
  )
})

it('hands on 128 times at most', () => {
  let capability: McCapability = root
  for (let count = 0; count < MAX_DELEGATIONS; count++) {
    capability = Capability.grant(capability, { signer: alfie, to: alfie.publicKey })
  }
  expect(() => Capability.grant(capability, { signer: alfie, to: alfie.publicKey })).toThrow(
    failing('ERR_CAPABILITY_LIMIT'),
  )
  expect(Capability.decode(Capability.encode(capability)).delegations).toHaveLength(128)
})

it('needs the key of an owned namespace, and none for a communal one', () => {
  const communal = Capability.newRoot({
    access: 'read',
    namespace: keys.communal.publicKey,
    userKey: alfie.publicKey,
  })
  expect([communal.kind, grantedArea(communal).subspaceId]).toEqual(['communal', alfie.publicKey])
  expect(Capability.isValid(communal)).toBe(true)
  expect(() =>
    Capability.newRoot({
      access: 'read',
      namespace: keys.owned.publicKey,
      userKey: alfie.publicKey,
    }),
  ).toThrow(failing('ERR_CAPABILITY_RECEIVER'))
  expect(() =>
    Capability.newRoot({ access: 'read', namespace: idOf(0), userKey: new Uint8Array(3) }),
  ).toThrow(RangeError)
})

it('expires by its times', () => {
  const { publicKey } = betty
  const capability = Capability.grant(root, { signer: alfie, to: publicKey, expiresAt: 100n })
  expect([expiryOf(root), expiryOf(capability)]).toEqual([undefined, 100n])
  expect([99n, 100n].map((now) => isExpired(capability, now))).toEqual([false, true])
  expect(isExpired(root, 2n ** 64n - 1n)).toBe(false)
})

it('has an id for the whole chain', () => {
  const to = betty.publicKey
  const ids = [
    root,
    Capability.grant(root, { signer: alfie, to }),
    Capability.grant(root, { signer: alfie, to, expiresAt: 5n }),
    { ...root, accessMode: 'read' as const },
  ].map(capabilityId)
  expect(new Set(ids).size).toBe(4)
  expect(ids[0]).toMatch(/^[0-9a-f]{64}$/)
  expect(() =>
    capabilityId({
      ...root,
      delegations: [
        {
          area: createArea({ path: createPath(['a']) }),
          userKey: to,
          signature: new Uint8Array(64),
        },
        { area: fullArea, userKey: to, signature: new Uint8Array(64) },
      ],
    }),
  ).toThrow(RangeError)
})

it('makes namespaces of the wanted kind', () => {
  for (const kind of ['communal', 'owned'] as const) {
    const key = createNamespaceKey({ kind })
    expect(isCommunalNamespace(key.publicKey)).toBe(kind === 'communal')
    expect(toHex(createNamespaceKey({ kind, seed: key.seed }).publicKey)).toBe(toHex(key.publicKey))
    const other = kind === 'communal' ? 'owned' : 'communal'
    expect(() => createNamespaceKey({ kind: other, seed: key.seed })).toThrow(RangeError)
  }
})

it('derives a communal namespace from a name', () => {
  const id = deriveCommunalNamespace('myapp.v1')
  expect(toHex(id)).toBe(toHex(deriveCommunalNamespace('myapp.v1')))
  expect(toHex(id)).not.toBe(toHex(deriveCommunalNamespace('myapp.v2')))
  expect(isCommunalNamespace(id)).toBe(true)
  expect(() => deriveCommunalNamespace('')).toThrow(RangeError)
  expect(() => deriveCommunalNamespace('x'.repeat(257))).toThrow(RangeError)
  expect(() => deriveCommunalNamespace('\ud800')).toThrow(TypeError)
})

it('shows no secret in what it prints or throws', () => {
  const seed = new Uint8Array(32).fill(0x5e)
  const key = createUserKey(seed)
  let thrown: unknown
  try {
    Capability.grant(root, { signer: key, to: betty.publicKey })
  } catch (error) {
    thrown = error
  }
  const namespace = createNamespaceKey({ kind: 'communal' })
  for (const shown of [key, { key }, [namespace], thrown]) {
    const line = `${inspect(shown, { depth: 9 })} ${JSON.stringify(shown)}`
    expect(line).not.toMatch(/5e5e|94, *94/)
    expect(line).not.toContain(toHex(namespace.seed))
  }
})
