import { createEd25519Key, sha256, type Ed25519Key } from '@vudo/identity'
import { concatBytes } from '@vudo/wire'
import { MAX_NAMESPACE_NAME_CHARACTERS } from '../limits.ts'
import { isCommunalNamespace, type McCapability } from './capability.ts'

/**
 * The key of a user of Willow, which is also the id of her subspace. Not a node's or
 * author's: what is signed here has no tag.
 *
 * @param seed - 32 bytes from a cryptographic generator; copied. Random when left out.
 * @throws `RangeError` when it has another length.
 */
export function createUserKey(seed?: Uint8Array): Ed25519Key {
  return createEd25519Key(seed)
}

/** What {@link createNamespaceKey} takes. */
export interface NamespaceKeyInit {
  /** Whether everybody has a subspace of her own in it, or the holder of the key decides about all. */
  readonly kind: McCapability['kind']
  /** 32 bytes of a key of that kind; copied. Random when left out. */
  readonly seed?: Uint8Array | undefined
}

/**
 * The key of a namespace. Keep that of an owned one: it makes every first capability.
 * That of a communal one signs nothing and can be forgotten.
 *
 * @throws `RangeError` when the seed has another length or is a key of the other kind.
 */
export function createNamespaceKey(init: NamespaceKeyInit): Ed25519Key {
  const { kind, seed } = init
  for (;;) {
    // The kind is the last bit of the public key: every second random key will do.
    const key = createEd25519Key(seed)
    if (isCommunalNamespace(key.publicKey) === (kind === 'communal')) return key
    if (seed !== undefined) throw new RangeError(`the seed makes no ${kind} namespace`)
  }
}

/**
 * The communal namespace that everybody gets who uses the same name, such as `myapp.v1`:
 * 32 bytes in a new buffer. Whoever knows the name knows the namespace.
 *
 * @throws `RangeError` when the name is empty or longer than 256 characters.
 * @throws `TypeError` when it has half a surrogate pair.
 */
export function deriveCommunalNamespace(name: string): Uint8Array {
  if (name.length === 0 || name.length > MAX_NAMESPACE_NAME_CHARACTERS) {
    const range = `1 to ${MAX_NAMESPACE_NAME_CHARACTERS}`
    throw new RangeError(`namespace name has ${name.length} characters, expected ${range}`)
  }
  if (!name.isWellFormed()) throw new TypeError('namespace name has half a surrogate pair')
  const text = new TextEncoder().encode(`vudo/namespace/1\0${name}\0`)
  for (let attempt = 0; ; attempt++) {
    // Each attempt succeeds with one half; 256 failures in a row do not happen.
    const seed = sha256(concatBytes(text, Uint8Array.of(attempt & 0xff)))
    const { publicKey } = createEd25519Key(seed)
    if (isCommunalNamespace(publicKey)) return publicKey
  }
}
