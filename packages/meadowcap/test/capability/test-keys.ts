import { createEd25519Key, type Ed25519Key } from '@vudo/identity'
import { example, fromHex } from '../examples.ts'

interface JsonKey {
  readonly seed: string
  readonly pk: string
}

interface JsonKeys {
  readonly communalNamespace: JsonKey
  readonly ownedNamespace: JsonKey
  readonly otherOwnedNamespace: JsonKey
  readonly users: Readonly<Record<'alfie' | 'betty' | 'gemma' | 'dalton', JsonKey>>
}

const json = example('keys') as JsonKeys

function keyOf({ seed }: JsonKey): Ed25519Key {
  return createEd25519Key(fromHex(seed))
}

/** The keys of the examples, whose seeds are public. */
export const keys = {
  communal: keyOf(json.communalNamespace),
  owned: keyOf(json.ownedNamespace),
  otherOwned: keyOf(json.otherOwnedNamespace),
  alfie: keyOf(json.users.alfie),
  betty: keyOf(json.users.betty),
  gemma: keyOf(json.users.gemma),
  dalton: keyOf(json.users.dalton),
}

/** The key with this public key, in hex. */
export function keyWith(publicKey: string): Ed25519Key {
  const found = Object.values(keys).find(
    (key) => Buffer.from(key.publicKey).toString('hex') === publicKey,
  )
  if (found === undefined) throw new Error(`the examples have no key ${publicKey}`)
  return found
}
