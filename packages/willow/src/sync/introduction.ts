import type { Area, McCapability, Signer } from '@vudo/meadowcap'
import type { PeerId } from '@vudo/transport'
import { bytesEqual } from '@vudo/wire'
import { willowError } from '../errors.ts'
import { MAX_PROVEN_KEYS, SYNC_NONCE_BYTES } from '../limits.ts'
import { isKeyProven, letsRead, proveKeys, readableAreas, sharedAreas } from './rights.ts'
import { fitting, type SessionMessage } from './session-wire.ts'

/** What two ends tell each other before anything else. */
export interface IntroductionInit {
  /** 32 bytes. */
  readonly namespaceId: Uint8Array
  /** This node. */
  readonly peerId: PeerId
  /** Who is at the other end, proven by the connection. */
  readonly remotePeerId: PeerId
  /** Of two ends the one that opened the channel: it begins each reconciliation. */
  readonly isOpener: boolean
  /** Read capabilities of this user, shown to the peer. */
  readonly capabilities: readonly McCapability[]
  /** Keys that they are granted to, at most `MAX_PROVEN_KEYS`. */
  readonly signers: readonly Signer[]
  /** What every peer of the channel may read without a capability. */
  readonly openArea?: Area | undefined
  /** Random bytes of a cryptographic generator. */
  readonly random: (length: number) => Uint8Array
}

/** What two ends let each other read. */
export interface ReadableAreas {
  /** What both may read. */
  readonly areas: readonly Area[]
  /** What the peer may read here, whatever it says itself. */
  readonly granted: readonly Area[]
}

/** How an introduction has things done. */
export interface IntroductionHost {
  send(message: Outgoing): void
  /** Finds out which of them are valid, and not revoked here; answered by `verified`. */
  verify(capabilities: readonly McCapability[]): void
}

type Outgoing = Exclude<SessionMessage, { readonly type: 'unknown' }>

/** Finds out what both ends may read: `hello`, `rights`, `accepted`, once each and in this order. */
export class Introduction {
  /** Keys that the peer has proven besides its own. */
  peerKeys: readonly Uint8Array[] = []
  readonly #init: IntroductionInit
  readonly #host: IntroductionHost
  readonly #nonce: Uint8Array
  readonly #shown: readonly McCapability[]
  #peerNonce: Uint8Array | undefined
  /** What the peer may read by what it showed. */
  #peerCapabilities: readonly McCapability[] | undefined
  /** Shown capabilities whose signatures are being checked, and whether each could let the peer read. */
  #verifying:
    | readonly { readonly capability: McCapability; readonly mayRead: boolean }[]
    | undefined
  /** The peer was faster with its checks. */
  #accepted: (SessionMessage & { readonly type: 'accepted' }) | undefined
  #isOver = false

  constructor(init: IntroductionInit, host: IntroductionHost) {
    this.#init = init
    this.#host = host
    this.#nonce = init.random(SYNC_NONCE_BYTES)
    this.#shown = fitting(init.capabilities)
  }

  /** Names the namespace and challenges the peer. */
  begin(): void {
    this.#host.send({ type: 'hello', namespaceId: this.#init.namespaceId, nonce: this.#nonce })
  }

  /** Proves this end's keys against the peer's challenge, and shows what it may read. */
  hello({ namespaceId, nonce }: SessionMessage & { readonly type: 'hello' }): void {
    if (this.#peerNonce !== undefined) throw fault('a second hello')
    if (!bytesEqual(namespaceId, this.#init.namespaceId)) throw fault('another namespace')
    // With our own challenge a peer could hand our own proofs back.
    if (bytesEqual(nonce, this.#nonce)) throw fault('our own challenge')
    this.#peerNonce = nonce
    const { peerId: prover, remotePeerId: verifier, signers } = this.#init
    const context = { namespaceId, prover, verifier, nonce }
    const proofs = proveKeys(signers.slice(0, MAX_PROVEN_KEYS), context)
    this.#host.send({ type: 'rights', proofs, capabilities: this.#shown })
  }

  /** Checks what the peer shows, as far as it costs little. */
  rights(message: SessionMessage & { readonly type: 'rights' }): void {
    if (this.#peerNonce === undefined || this.#verifying) throw fault('rights out of turn')
    const { namespaceId, peerId, remotePeerId } = this.#init
    const proof = { namespaceId, prover: remotePeerId, verifier: peerId, nonce: this.#nonce }
    if (!message.proofs.every((one) => isKeyProven(one, proof))) throw fault('a key it has not got')
    this.peerKeys = message.proofs.map(({ key }) => key)
    const context = { ...proof, keys: this.peerKeys }
    this.#verifying = message.capabilities.map((capability) => ({
      capability,
      mayRead: letsRead(capability, context),
    }))
    // A peer that has shown no right must not keep this thread busy with signatures.
    this.#host.verify(
      this.#verifying.filter(({ mayRead }) => mayRead).map(({ capability }) => capability),
    )
  }

  /** Says what counts of what the peer shows: whether each that was to be verified is valid. */
  verified(answers: readonly boolean[]): ReadableAreas | undefined {
    const shown = this.#verifying ?? []
    const bits = new Uint8Array(Math.ceil(shown.length / 8))
    const left = answers.values()
    const good = shown.filter(({ mayRead }, at) => {
      const isGood = mayRead && left.next().value === true
      if (isGood) bits[at >> 3] = bits[at >> 3]! | (0x80 >> (at & 7))
      return isGood
    })
    this.#peerCapabilities = good.map(({ capability }) => capability)
    this.#host.send({ type: 'accepted', bits, open: this.#init.openArea })
    return this.#accepted && this.#finish(this.#accepted)
  }

  /** Works out what may be read; `undefined` while this end still checks what the peer shows. */
  accepted(message: SessionMessage & { readonly type: 'accepted' }): ReadableAreas | undefined {
    if (!this.#verifying || this.#isOver) throw fault('an acceptance out of turn')
    this.#isOver = true
    this.#accepted = message
    return this.#peerCapabilities && this.#finish(message)
  }

  #finish({ bits, open }: SessionMessage & { readonly type: 'accepted' }): ReadableAreas {
    if (bits.length !== Math.ceil(this.#shown.length / 8)) throw fault('bits of other capabilities')
    const accepted = this.#shown.filter((_, at) => (bits[at >> 3]! & (0x80 >> (at & 7))) !== 0)
    const mine = readableAreas(accepted, open)
    const theirs = readableAreas(this.#peerCapabilities ?? [], this.#init.openArea)
    const areas = this.#init.isOpener ? sharedAreas(mine, theirs) : sharedAreas(theirs, mine)
    return { areas, granted: theirs }
  }
}

function fault(what: string): Error {
  return willowError('ERR_WILLOW_SYNC_PROTOCOL', `the peer sent ${what}`)
}
