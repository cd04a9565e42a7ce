import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { Capability, createNamespaceKey, createUserKey, parsePath } from '@vudo/meadowcap'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import { capabilityFromText, capabilityToText } from '../../src/facade/capability-text.ts'
import { namespaceSecret } from '../../src/facade/sharing.ts'

interface Vectors {
  readonly capability: Record<
    'userSeed' | 'receiverSeed' | 'namespaceSeed' | 'path' | 'expiresAt' | 'text',
    string
  >
  readonly namespaceSecret: Record<'secret' | 'namespace' | 'result', string>
}

const file = new URL('../vectors/willow-facade.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

it('writes and reads the text of a capability', () => {
  const { userSeed, receiverSeed, namespaceSeed, path, expiresAt, text } = vectors.capability
  const user = createUserKey(hexToBytes(userSeed))
  const namespace = createNamespaceKey({ kind: 'owned', seed: hexToBytes(namespaceSeed) })
  const root = Capability.newRoot({ access: 'write', namespace, userKey: user.publicKey })
  const granted = Capability.grant(root, {
    signer: user,
    to: createUserKey(hexToBytes(receiverSeed)).publicKey,
    path: parsePath(path),
    expiresAt: BigInt(expiresAt),
  })
  expect(capabilityToText(granted)).toBe(text)
  expect(Capability.id(capabilityFromText(text))).toBe(Capability.id(granted))
})

it('derives the secret of a namespace', () => {
  const { secret, namespace, result } = vectors.namespaceSecret
  expect(bytesToHex(namespaceSecret(hexToBytes(secret), hexToBytes(namespace)))).toBe(result)
})
