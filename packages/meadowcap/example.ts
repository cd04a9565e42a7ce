import {
  authoriseEntry,
  Capability,
  createEntry,
  createNamespaceKey,
  createUserKey,
  EMPTY_PAYLOAD_DIGEST,
  isAuthorisedWrite,
  parsePath,
  timestampFromUnixMs,
} from '@vudo/meadowcap'

// Alice owns a namespace and lets Bob write below /photos until tomorrow.
const [family, alice, bob] = [
  createNamespaceKey({ kind: 'owned' }),
  createUserKey(),
  createUserKey(),
]
const all = Capability.newRoot({ access: 'write', namespace: family, userKey: alice.publicKey })
const photos = Capability.grant(all, {
  signer: alice,
  to: bob.publicKey,
  path: parsePath('photos'),
  expiresAt: timestampFromUnixMs(Date.now() + 86_400_000),
})

const entry = createEntry({
  namespaceId: family.publicKey,
  subspaceId: bob.publicKey,
  path: parsePath('photos/beach'),
  timestamp: timestampFromUnixMs(Date.now()),
  payloadLength: 0n,
  payloadDigest: EMPTY_PAYLOAD_DIGEST,
})
console.log(isAuthorisedWrite(entry, authoriseEntry(entry, photos, bob)))
