/**
 * Noise handshakes with 25519, AESGCM and SHA256 (specification revision 34): a
 * `SymmetricState` (section 5.2) that absorbs everything both ends have seen, and a
 * `HandshakeState` (section 5.3) that runs the tokens of a pattern over it. Pure:
 * it reads and writes bytes, and knows nothing of identities, pipes or time.
 *
 * @see https://noiseprotocol.org/noise.html
 */
import { concatBytes } from '@vudo/wire'
import { createX25519KeyPair, hkdfSha256, importX25519PublicKey, sha256 } from '#crypto'
import { createCipherState, type CipherState } from './cipher-state.ts'
import { SecureChannelError } from './errors.ts'
import { MAX_NOISE_MESSAGE_BYTES, TAG_BYTES } from './limits.ts'
import { X25519_BYTES, type X25519KeyPair, type X25519PublicKey } from './primitives.ts'

/** What one token of a pattern does is told in section 5.3. */
export type NoiseToken = 'e' | 's' | 'ee' | 'es' | 'se'

/** The messages of a handshake, the initiator's first; no pre-messages. */
export interface NoisePattern {
  /** As in the protocol name. */
  readonly name: string
  readonly messages: readonly (readonly NoiseToken[])[]
}

/** Both ends prove their static key, the initiator's is hidden (section 7.5). */
export const patternXX: NoisePattern = {
  name: 'XX',
  messages: [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']],
}

/** What a handshake starts with. */
export interface NoiseInit {
  readonly pattern: NoisePattern
  readonly initiator: boolean
  /** Bytes that both ends have to agree on; not sent. */
  readonly prologue: Uint8Array
  readonly staticKey: X25519KeyPair
  /** For vectors only. A fresh one otherwise. */
  readonly ephemeralKey?: X25519KeyPair | undefined
}

/** The two directions after a handshake. */
export interface NoiseTransport {
  readonly send: CipherState
  readonly receive: CipherState
}

/** A payload and the hash that its sender had when making it. */
export interface NoiseMessage {
  readonly payload: Uint8Array
  readonly hashBeforePayload: Uint8Array
}

/** One run of a pattern. After an error it must be thrown away. */
export interface NoiseHandshake {
  /** How many messages are through. */
  readonly step: number
  readonly isDone: boolean
  readonly isOurTurn: boolean
  /** The hash of everything so far, 32 bytes; after the last message the channel binding (section 11.2). */
  readonly hash: Uint8Array
  /** The far end's static key as soon as it was read, 32 bytes. */
  readonly remoteStatic: Uint8Array | undefined
  /**
   * The next message.
   *
   * @param payload - Called after the tokens, when {@link hash} covers all that was sent before it.
   */
  write(payload: () => Uint8Array): Uint8Array
  /** @throws `SecureChannelError` whatever `message` holds. */
  read(message: Uint8Array): NoiseMessage
  /** The keys of both directions. Once, after the last message. */
  split(): NoiseTransport
}

/** Starts a handshake. */
export function createNoiseHandshake(init: NoiseInit): NoiseHandshake {
  return new HandshakeState(init)
}

class HandshakeState implements NoiseHandshake {
  readonly #pattern: NoisePattern
  readonly #isInitiator: boolean
  readonly #symmetric: SymmetricState
  readonly #static: X25519KeyPair
  #ephemeral: X25519KeyPair | undefined
  #remoteEphemeral: X25519PublicKey | undefined
  #remoteStatic: X25519PublicKey | undefined
  remoteStatic: Uint8Array | undefined
  step = 0

  constructor(init: NoiseInit) {
    this.#pattern = init.pattern
    this.#isInitiator = init.initiator
    this.#static = init.staticKey
    this.#ephemeral = init.ephemeralKey
    this.#symmetric = new SymmetricState(`Noise_${init.pattern.name}_25519_AESGCM_SHA256`)
    this.#symmetric.mixHash(init.prologue)
  }

  get hash(): Uint8Array {
    return this.#symmetric.hash
  }

  get isDone(): boolean {
    return this.step === this.#pattern.messages.length
  }

  get isOurTurn(): boolean {
    return !this.isDone && (this.step % 2 === 0) === this.#isInitiator
  }

  write(payload: () => Uint8Array): Uint8Array {
    if (!this.isOurTurn) throw stateError(`message ${this.step + 1} is not ours to write`)
    const parts = this.#tokens().map((token) => this.#writeToken(token))
    parts.push(this.#symmetric.encryptAndHash(payload()))
    this.step += 1
    return concatBytes(...parts)
  }

  #writeToken(token: NoiseToken): Uint8Array {
    if (token === 's') return this.#symmetric.encryptAndHash(this.#static.publicKey)
    if (token !== 'e') return this.#mixAgreement(token)
    this.#ephemeral ??= createX25519KeyPair()
    this.#symmetric.mixHash(this.#ephemeral.publicKey)
    return this.#ephemeral.publicKey
  }

  read(message: Uint8Array): NoiseMessage {
    if (this.isDone || this.isOurTurn) throw stateError('a message out of turn')
    if (message.length > MAX_NOISE_MESSAGE_BYTES) {
      throw new SecureChannelError(
        'ERR_CHANNEL_TOO_LARGE',
        `handshake message has ${message.length} bytes, expected at most ${MAX_NOISE_MESSAGE_BYTES}`,
      )
    }
    let rest = message
    for (const token of this.#tokens()) rest = this.#readToken(token, rest)
    const hashBeforePayload = this.hash
    const payload = this.#symmetric.decryptAndHash(rest)
    this.step += 1
    return { payload, hashBeforePayload }
  }

  /** Consumes what `token` has in the message and returns what is left of it. */
  #readToken(token: NoiseToken, message: Uint8Array): Uint8Array {
    if (token !== 'e' && token !== 's') {
      this.#mixAgreement(token)
      return message
    }
    const length = token === 's' && this.#symmetric.hasKey ? X25519_BYTES + TAG_BYTES : X25519_BYTES
    if (message.length < length) {
      throw new SecureChannelError(
        'ERR_CHANNEL_TRUNCATED',
        `handshake message has ${message.length} bytes left, expected ${length}`,
      )
    }
    const field = message.subarray(0, length)
    if (token === 'e') {
      // Imported once for all agreements: importing costs as much as agreeing.
      this.#remoteEphemeral = importX25519PublicKey(field)
      this.#symmetric.mixHash(field)
    } else {
      this.remoteStatic = this.#symmetric.decryptAndHash(field)
      this.#remoteStatic = importX25519PublicKey(this.remoteStatic)
    }
    return message.subarray(length)
  }

  /** `es` is initiator's ephemeral with responder's static key, `se` the reverse; each side has one private half. */
  #mixAgreement(token: 'ee' | 'es' | 'se'): Uint8Array {
    const ourLetter = token[this.#isInitiator ? 0 : 1]
    const theirLetter = token[this.#isInitiator ? 1 : 0]
    const ours = ourLetter === 'e' ? this.#ephemeral : this.#static
    const theirs = theirLetter === 'e' ? this.#remoteEphemeral : this.#remoteStatic
    if (!ours || !theirs) throw new TypeError(`pattern names ${token} before its keys are known`)
    this.#symmetric.mixKey(ours.agree(theirs))
    return nothing
  }

  #tokens(): readonly NoiseToken[] {
    return this.#pattern.messages[this.step] ?? []
  }

  split(): NoiseTransport {
    if (!this.isDone) throw stateError('the handshake is not complete')
    const [toResponder, toInitiator] = this.#symmetric.split()
    return this.#isInitiator
      ? { send: toResponder, receive: toInitiator }
      : { send: toInitiator, receive: toResponder }
  }
}

/** Section 5.2: the chaining key, the hash, and the key that the last agreement gave. */
class SymmetricState {
  hash: Uint8Array
  #chainingKey: Uint8Array
  #cipher: CipherState | undefined

  constructor(protocolName: string) {
    const name = new TextEncoder().encode(protocolName)
    // Up to 32 bytes are padded with zeros, longer names are hashed.
    const padding = new Uint8Array(Math.max(0, 32 - name.length))
    this.hash = name.length <= 32 ? concatBytes(name, padding) : sha256(name, nothing)
    this.#chainingKey = this.hash
  }

  get hasKey(): boolean {
    return this.#cipher !== undefined
  }

  mixHash(data: Uint8Array): void {
    this.hash = sha256(this.hash, data)
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = this.#derive(input)
    this.#chainingKey = chainingKey
    this.#cipher = createCipherState(key)
  }

  encryptAndHash(plain: Uint8Array): Uint8Array {
    const sealed = this.#cipher ? this.#cipher.encrypt(this.hash, [plain]) : plain
    this.mixHash(sealed)
    return sealed
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array {
    const plain = this.#cipher ? this.#cipher.decrypt(this.hash, sealed) : sealed
    this.mixHash(sealed)
    return plain
  }

  /** First the direction from the initiator, then the one to it. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(nothing)
    return [createCipherState(first), createCipherState(second)]
  }

  /** Section 4.3: RFC 5869 with the chaining key as salt and no info. */
  #derive(input: Uint8Array): [Uint8Array, Uint8Array] {
    const out = hkdfSha256(input, this.#chainingKey, 64)
    return [out.subarray(0, 32), out.subarray(32)]
  }
}

const nothing = new Uint8Array()

function stateError(message: string): SecureChannelError {
  return new SecureChannelError('ERR_CHANNEL_STATE', message)
}
