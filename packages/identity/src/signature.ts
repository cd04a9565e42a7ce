/**
 * Signatures with domain separation: what is signed is the tag as ASCII, a zero
 * byte, and the message. A signature made for one purpose is worth nothing for
 * another, because no tag is the beginning of another and none holds a zero byte.
 */
import { isPeerId, PEER_KEY_BYTES } from '@vudo/transport'
import { concatBytes, hexToBytes } from '@vudo/wire'
import { ed25519Verify } from '#crypto'
import { MAX_TAG_CHARACTERS } from './limits.ts'

/** Every tag that the project signs under. None is the beginning of another. */
export const signatureTags = [
  'vudo/secure-channel/1/identity/initiator',
  'vudo/secure-channel/1/identity/responder',
  'vudo/peer-record/1',
  'vudo/sealed/1',
  'vudo/author-node/1',
  'vudo/tree-signature/1',
  'vudo/session-membership/1',
  'vudo/relay-challenge/1',
  'vudo/message/1',
] as const

/**
 * Tells whether the holder of `publicKey` signed `message` under `tag`. Never throws
 * for what a peer may have sent: a wrong length, a malformed id, an impossible key
 * and a key of small order are `false`.
 *
 * @param publicKey - 32 bytes, or their lower-case hex (a peer id or author id).
 * @param signature - 64 bytes.
 * @throws `RangeError` when the tag, which is the caller's, is malformed.
 */
export function verifySignature(
  publicKey: Uint8Array | string,
  tag: string,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const signed = signedBytes(tag, message)
  if (!(signature instanceof Uint8Array)) return false
  const key = rawKey(publicKey)
  return key !== undefined && ed25519Verify(key, signed, signature)
}

function rawKey(publicKey: unknown): Uint8Array | undefined {
  if (isPeerId(publicKey)) return hexToBytes(publicKey)
  const isKey = publicKey instanceof Uint8Array && publicKey.length === PEER_KEY_BYTES
  return isKey ? publicKey : undefined
}

/**
 * What is signed for `message` under `tag`.
 *
 * @throws `RangeError` unless the tag is 1 to 64 printable ASCII characters.
 */
export function signedBytes(tag: string, message: Uint8Array): Uint8Array {
  if (!/^[\x21-\x7e]+$/.test(tag) || tag.length > MAX_TAG_CHARACTERS) {
    throw new RangeError(`tag is not 1 to ${MAX_TAG_CHARACTERS} printable ASCII characters`)
  }
  return concatBytes(new TextEncoder().encode(tag), Uint8Array.of(0), message)
}
