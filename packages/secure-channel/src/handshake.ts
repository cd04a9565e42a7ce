/**
 * The handshake of a secure channel: Noise XX, in which both ends sign their Noise
 * static key *and the transcript* with their Ed25519 key.
 *
 * | message | tokens | payload | bytes |
 * | --- | --- | --- | --- |
 * | 1, initiator | e | none | 32 |
 * | 2, responder | e, ee, s, es | identity | 192 |
 * | 3, initiator | s, se | identity | 160 |
 *
 * Noise proves that the far end holds the static key; the signature says whose key
 * it is. It covers the hash of the transcript too, so it is worth nothing in another
 * session: a stolen static key with an old signature cannot play the peer. Its tag
 * names the role, so it cannot be turned round.
 *
 * Pure: bytes in, bytes out. The driver in `secure-link.ts` owns the pipe and the time.
 */
import { verifySignature, type NodeKey } from '@vudo/identity'
import { TransportError, type PeerId } from '@vudo/transport'
import { bytesToHex, concatBytes } from '@vudo/wire'
import type { CipherState } from './cipher-state.ts'
import { SecureChannelError } from './errors.ts'
import { HANDSHAKE_MESSAGE_BYTES, IDENTITY_BYTES } from './limits.ts'
import { createNoiseHandshake, patternXX, type NoiseHandshake } from './noise.ts'
import type { X25519KeyPair } from './primitives.ts'

/** Names protocol and version, at the beginning of every signed and hashed text. */
export const CHANNEL_PROTOCOL = 'vudo/secure-channel/1'

/** What a handshake starts with. */
export interface HandshakeInit {
  /** This node. */
  readonly key: NodeKey
  readonly initiator: boolean
  /** Who is meant to be there. */
  readonly expected?: PeerId | undefined
  /** What both ends agreed on before, see `SecureOptions.binding`. */
  readonly binding?: Uint8Array | undefined
  /** This node's Noise static key. */
  readonly staticKey: X25519KeyPair
}

/** What a complete handshake gives. */
export interface HandshakeResult {
  /** PROVEN. */
  readonly peerId: PeerId
  readonly send: CipherState
  readonly receive: CipherState
  /** Names this session, 32 bytes. Not a secret: sign it or salt with it, never derive a key from it. */
  readonly hash: Uint8Array
}

/** One handshake. After an error it must be thrown away, and the pipe with it. */
export interface Handshake {
  readonly isDone: boolean
  /** True when {@link write} is next, false when {@link read} is. */
  readonly isOurTurn: boolean
  /**
   * The next message.
   *
   * @throws `SecureChannelError` `ERR_CHANNEL_KEY` when the far end's last message named a
   *   key of small order: it is used here for the first time.
   */
  write(): Uint8Array
  /**
   * Takes the far end's next message. The initiator learns from the second one who is
   * there, before it has shown its own key.
   *
   * @throws `TransportError` `ERR_PEER_SELF` or `ERR_PEER_MISMATCH`.
   * @throws `SecureChannelError` for anything else that is wrong.
   */
  read(message: Uint8Array): void
  /** The keys and the peer. Once, when {@link isDone}. */
  finish(): HandshakeResult
}

/** Starts a handshake. */
export function createHandshake(init: HandshakeInit): Handshake {
  return new XXHandshake(init)
}

type Role = 'initiator' | 'responder'

class XXHandshake implements Handshake {
  readonly #init: HandshakeInit
  readonly #noise: NoiseHandshake
  readonly #ownRole: Role
  readonly #peerRole: Role
  #peerId: PeerId | undefined

  constructor(init: HandshakeInit) {
    this.#init = init
    this.#ownRole = init.initiator ? 'initiator' : 'responder'
    this.#peerRole = init.initiator ? 'responder' : 'initiator'
    this.#noise = createNoiseHandshake({
      pattern: patternXX,
      initiator: init.initiator,
      prologue: prologueOf(init.binding),
      staticKey: init.staticKey,
    })
  }

  get isDone(): boolean {
    return this.#noise.isDone
  }

  get isOurTurn(): boolean {
    return this.#noise.isOurTurn
  }

  write(): Uint8Array {
    // Message 1 is neither encrypted nor authenticated, so nothing is in it.
    const isFirst = this.#noise.step === 0
    return this.#noise.write(() => (isFirst ? nothing : this.#ownIdentity()))
  }

  #ownIdentity(): Uint8Array {
    const { key, staticKey } = this.#init
    const signed = concatBytes(staticKey.publicKey, this.#noise.hash)
    return concatBytes(key.publicKey, key.sign(identityTag(this.#ownRole), signed))
  }

  read(message: Uint8Array): void {
    const { step } = this.#noise
    assertLength(message, step)
    const { payload, hashBeforePayload } = this.#noise.read(message)
    if (step > 0) this.#peerId = this.#proven(payload, hashBeforePayload)
  }

  /** The order matters: first whether the key is proven, then whether it is one we want. */
  #proven(payload: Uint8Array, hash: Uint8Array): PeerId {
    const publicKey = payload.subarray(0, 32)
    const signed = concatBytes(this.#noise.remoteStatic ?? nothing, hash)
    const isValid =
      payload.length === IDENTITY_BYTES &&
      verifySignature(publicKey, identityTag(this.#peerRole), signed, payload.subarray(32))
    if (!isValid) {
      throw new SecureChannelError(
        'ERR_CHANNEL_IDENTITY',
        'the peer does not hold the key it claims',
      )
    }
    const peerId = bytesToHex(publicKey)
    assertWanted(peerId, this.#init)
    return peerId
  }

  finish(): HandshakeResult {
    const { hash } = this.#noise
    const { send, receive } = this.#noise.split()
    if (this.#peerId === undefined) throw new TypeError('a complete handshake has a proven peer')
    return { peerId: this.#peerId, send, receive, hash }
  }
}

const nothing = new Uint8Array()

/** The bytes that both ends must agree on. The tag has a fixed length, so no two bindings spell the same bytes. */
function prologueOf(binding: Uint8Array = nothing): Uint8Array {
  return concatBytes(new TextEncoder().encode(`${CHANNEL_PROTOCOL}\0`), binding)
}

function identityTag(role: Role): string {
  return `${CHANNEL_PROTOCOL}/identity/${role}`
}

/** Before any key is touched: a stranger's wrong message costs nothing. */
function assertLength(message: Uint8Array, step: number): void {
  const expected = HANDSHAKE_MESSAGE_BYTES[step]
  if (expected === undefined || message.length === expected) return
  throw new SecureChannelError(
    message.length < expected ? 'ERR_CHANNEL_TRUNCATED' : 'ERR_CHANNEL_TOO_LARGE',
    `handshake message ${step + 1} has ${message.length} bytes, expected ${expected}`,
  )
}

function assertWanted(peerId: PeerId, { key, expected }: HandshakeInit): void {
  if (peerId === key.peerId) {
    throw new TransportError('ERR_PEER_SELF', 'the far end holds our own key', {
      hint: 'Give every device its own key file; a copied one makes two devices one peer.',
    })
  }
  if (expected !== undefined && peerId !== expected) {
    throw new TransportError(
      'ERR_PEER_MISMATCH',
      `the far end proved the key ${peerId}, expected ${expected}`,
      { hint: 'The address may be an old one: look the peer up again.' },
    )
  }
}
