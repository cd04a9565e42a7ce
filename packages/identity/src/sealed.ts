/**
 * Sealed messages: to one peer, readable by nobody on the way, without a connection.
 *
 * A fresh X25519 key per message agrees with the recipient's sealing key; HKDF-SHA-256
 * derives one AES-256-GCM key and nonce, used once. With a sender, her signature
 * travels inside, so only the recipient learns who wrote. The format and what it does
 * not do (no forward secrecy before the recipient rotates, no replay protection) are
 * in `docs/wire-formats/sealed.md`.
 */
import { PEER_KEY_BYTES, type PeerId, type PeerRecord } from '@vudo/transport'
import {
  bytesEqual,
  bytesToHex,
  concatBytes,
  createByteReader,
  createByteWriter,
  isWireError,
} from '@vudo/wire'
import { aesGcmDecrypt, aesGcmEncrypt, createAgreementKey, hkdfSha256, sha256 } from '#crypto'
import { IdentityError, isIdentityError } from './errors.ts'
import type { NodeKey } from './keys.ts'
import { MAX_SEALED_PLAINTEXT_BYTES, SIGNATURE_BYTES } from './limits.ts'
import type { AesGcmInput, AgreementKey } from './primitives.ts'
import { verifySignature } from './signature.ts'

const version = 1
const keyIdBytes = 8
const headerBytes = 1 + keyIdBytes + PEER_KEY_BYTES
const tagBytes = 16
const senderBytes = PEER_KEY_BYTES + SIGNATURE_BYTES
const tag = 'vudo/sealed/1'
const info = new TextEncoder().encode(tag)
const none = new Uint8Array(0)

/** The first byte inside: whether a sender follows. */
const kind = { anonymous: 0, signed: 1 }

/** What {@link seal} takes. */
export interface SealOptions {
  /**
   * What the message belongs to, known to both ends and not sent: with another one it
   * does not open.
   *
   * @defaultValue empty
   */
  readonly context?: Uint8Array | undefined
  /**
   * Who signs, so that the recipient gets a proven `from`.
   *
   * @defaultValue nobody: the message is anonymous.
   */
  readonly sender?: NodeKey | undefined
}

/** A sealed message that was opened. */
export interface OpenedMessage {
  /** In a new buffer that belongs to the caller. */
  readonly plaintext: Uint8Array
  /** PROVEN by a signature for this recipient; `undefined` when the message is anonymous. */
  readonly from: PeerId | undefined
}

/**
 * Seals `plaintext` so that only `recipient` can open it.
 *
 * @param recipient - A verified peer record, or the 32 bytes of its `sealingKey`.
 * @param plaintext - 0 to 1,048,576 bytes; the caller keeps it.
 * @returns the sealed message in a new buffer: 58 bytes more than the plaintext, 154 with a sender.
 * @throws `RangeError` when the plaintext is too large or the key has not 32 bytes.
 * @throws `IdentityError` `ERR_AGREEMENT_INVALID` when the key is of small order.
 */
export function seal(
  recipient: PeerRecord | Uint8Array,
  plaintext: Uint8Array,
  options: SealOptions = {},
): Uint8Array {
  const to = recipient instanceof Uint8Array ? recipient : recipient.sealingKey
  return sealWith(createAgreementKey(), to, plaintext, options)
}

/** As {@link seal}, with the key that is to be fresh for each message; for vectors. */
export function sealWith(
  ephemeral: AgreementKey,
  recipient: Uint8Array,
  plaintext: Uint8Array,
  options: SealOptions,
): Uint8Array {
  if (recipient.length !== PEER_KEY_BYTES) {
    throw new RangeError(`sealing key has ${recipient.length} bytes, expected ${PEER_KEY_BYTES}`)
  }
  if (plaintext.length > MAX_SEALED_PLAINTEXT_BYTES) {
    const most = MAX_SEALED_PLAINTEXT_BYTES
    throw new RangeError(`message has ${plaintext.length} bytes, expected at most ${most}`)
  }
  const { context = none, sender } = options
  const header = createByteWriter(headerBytes)
    .u8(version)
    .bytes(sealingKeyId(recipient))
    .bytes(ephemeral.publicKey)
    .finish()
  const parties = concatBytes(ephemeral.publicKey, recipient)
  const inside = sender
    ? concatBytes(
        Uint8Array.of(kind.signed),
        sender.publicKey,
        sender.sign(tag, signedContent(parties, context, plaintext)),
        plaintext,
      )
    : concatBytes(Uint8Array.of(kind.anonymous), plaintext)
  const input = cipherInput(ephemeral.agree(recipient), parties, concatBytes(header, context))
  return concatBytes(header, aesGcmEncrypt(input, inside))
}

/**
 * Opens a message with whichever of `keys` it names.
 *
 * @throws `IdentityError` `ERR_SEAL_INVALID`, with one text for every reason: which check
 *   failed is of use to an attacker only.
 */
export function openWith(
  keys: readonly AgreementKey[],
  sealed: Uint8Array,
  context: Uint8Array = none,
): OpenedMessage {
  const opened = sealed.length <= maxSealedBytes ? tryOpen(keys, sealed, context) : undefined
  if (opened) return opened
  throw new IdentityError('ERR_SEAL_INVALID', 'sealed message cannot be opened', {
    hint: 'Ask the sender to look up your current peer record and send it again.',
  })
}

const maxSealedBytes = headerBytes + tagBytes + 1 + senderBytes + MAX_SEALED_PLAINTEXT_BYTES

function tryOpen(
  keys: readonly AgreementKey[],
  sealed: Uint8Array,
  context: Uint8Array,
): OpenedMessage | undefined {
  try {
    const reader = createByteReader(sealed)
    const header = createByteReader(reader.bytes(headerBytes))
    if (header.u8() !== version) return undefined
    const keyId = header.bytes(keyIdBytes)
    const ephemeral = header.rest()
    const key = keys.find(({ publicKey }) => bytesEqual(sealingKeyId(publicKey), keyId))
    if (!key) return undefined
    const parties = concatBytes(ephemeral, key.publicKey)
    const associatedData = concatBytes(sealed.subarray(0, headerBytes), context)
    const input = cipherInput(key.agree(ephemeral), parties, associatedData)
    const inside = aesGcmDecrypt(input, reader.rest())
    return inside && openInside(inside, parties, context)
  } catch (error) {
    if (isWireError(error) || isIdentityError(error)) return undefined
    throw error
  }
}

function openInside(
  inside: Uint8Array,
  parties: Uint8Array,
  context: Uint8Array,
): OpenedMessage | undefined {
  const reader = createByteReader(inside)
  const found = reader.u8()
  if (found === kind.anonymous) return bounded(reader.rest(), undefined)
  if (found !== kind.signed) return undefined
  const publicKey = reader.bytes(PEER_KEY_BYTES)
  const signature = reader.bytes(SIGNATURE_BYTES)
  const plaintext = reader.rest()
  const signed = signedContent(parties, context, plaintext)
  if (!verifySignature(publicKey, tag, signed, signature)) return undefined
  return bounded(plaintext, bytesToHex(publicKey))
}

/** An anonymous message has room for more than the limit; it holds for both kinds. */
function bounded(plaintext: Uint8Array, from: PeerId | undefined): OpenedMessage | undefined {
  if (plaintext.length > MAX_SEALED_PLAINTEXT_BYTES) return undefined
  return { plaintext: plaintext.slice(), from }
}

/** Binds the signature to this message, this recipient and this purpose: it cannot be sealed anew to somebody else. */
function signedContent(
  parties: Uint8Array,
  context: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  return concatBytes(parties, sha256(context), sha256(plaintext))
}

function cipherInput(
  secret: Uint8Array,
  parties: Uint8Array,
  associatedData: Uint8Array,
): AesGcmInput {
  const derived = hkdfSha256(secret, { salt: parties, info, length: 44 })
  return { key: derived.subarray(0, 32), nonce: derived.subarray(32), associatedData }
}

/** Which of the recipient's keys a message is for: the first 8 bytes of the key's SHA-256. */
function sealingKeyId(publicKey: Uint8Array): Uint8Array {
  return sha256(publicKey).subarray(0, keyIdBytes)
}
