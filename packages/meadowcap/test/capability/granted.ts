/** Capabilities that tests hand on from Alfie to Betty and from Betty to Gemma, and entries they are for. */
import { Capability, createEntry, createPath, type Entry, type McCapability } from '@vudo/meadowcap'
import { idOf } from '../arbitraries.ts'
import { keys } from './test-keys.ts'

const { alfie, betty, gemma } = keys

/** An entry of Alfie's blog, unless `fields` say otherwise. */
export function entryBy(fields: Partial<Entry>): Entry {
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

/** Alfie's, over his subspace of the communal namespace. */
export const root: McCapability = Capability.newRoot({
  access: 'write',
  namespace: keys.communal.publicKey,
  userKey: alfie.publicKey,
})
/** From Alfie to Betty, below `blog` and until 2000. */
export const blog: McCapability = Capability.grant(root, {
  signer: alfie,
  to: betty.publicKey,
  path: createPath(['blog']),
  expiresAt: 2000n,
})
/** From Betty to Gemma, below `blog/idea` and from 1000. */
export const ideas: McCapability = Capability.grant(blog, {
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
/** From Alfie to Betty, over all of the owned namespace. */
export const owned: McCapability = Capability.grant(ownedRoot, {
  signer: alfie,
  to: betty.publicKey,
})
