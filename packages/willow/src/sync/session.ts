import { areaIncludesEntry, isMeadowcapError, type Area, type Entry } from '@vudo/meadowcap'
import { bytesEqual } from '@vudo/wire'
import { isWillowError, willowError, type WillowErrorCode } from '../errors.ts'
import {
  DEFAULT_PAYLOAD_STALL_MS,
  MAX_UNREAD_SYNC_BYTES,
  MAX_UNSENT_LIVE_BYTES,
  MAX_UNSENT_SYNC_BYTES,
} from '../limits.ts'
import type { HeldEntry } from '../store/store.ts'
import { LiveEntries, type LiveHost } from './live-entries.ts'
import { PayloadInbox, type InboxHost, type MeteredSettings } from './payload-inbox.ts'
import { PayloadOutbox, type OutboxHost } from './payload-outbox.ts'
import { Introduction, type IntroductionInit, type ReadableAreas } from './introduction.ts'
import { Rounds, type RoundsHost } from './rounds.ts'
import type { SessionEffect, SessionEvent, SessionInput } from './session-effects.ts'
import { decodeSessionMessage, encodeSessionMessage, type SessionMessage } from './session-wire.ts'

/** What a session with one peer is made of. */
export interface SessionInit extends IntroductionInit {
  /** Payload bytes per second for this peer. */
  readonly bytesPerSecond?: number | undefined
  /**
   * Milliseconds without progress after which a payload is no longer expected of this peer.
   *
   * @defaultValue 120,000
   */
  readonly payloadStallMs?: number | undefined
  /** May be changed while the session lives, by the `metered` input. */
  readonly metered: MeteredSettings
}

type Outgoing = Exclude<SessionMessage, { readonly type: 'unknown' }>

/**
 * Speaks `/vudo/willow/1` with one peer about one namespace, as a state machine: it waits for
 * nothing, reads no clock and has no store; see docs/wire-formats/willow-sync.md.
 *
 * 1. `hello`: the namespace and a challenge. `rights`: keys, proven against the peer's
 *    challenge, and read capabilities. `accepted`: which of the peer's count.
 * 2. Both know the shared areas now: what the peer may read cut with what this end may read.
 *    Nothing outside of them ever leaves: no entry, no fingerprint, no payload.
 * 3. The opener reconciles one area after the other; each end says when it has stored all that
 *    came (`synced`). Who misses news asks for another round (`again`).
 * 4. New entries are forwarded (`live`); erasures among them are confirmed (`stored`).
 * 5. Payloads are asked for (`want`), small ones first, and come in pieces.
 */
export class WillowSession implements InboxHost, OutboxHost, LiveHost, RoundsHost {
  readonly settings: MeteredSettings
  readonly bytesPerSecond: number | undefined
  readonly payloadStallMs: number
  readonly #init: SessionInit
  readonly #introduction: Introduction
  readonly #inbox: PayloadInbox
  readonly #outbox: PayloadOutbox
  readonly #live: LiveEntries
  readonly #rounds: Rounds
  #effects: SessionEffect[] = []
  #areas: readonly Area[] | undefined
  #unsentBytes = 0
  #isEnded = false

  constructor(init: SessionInit) {
    this.#init = init
    this.settings = init.metered
    this.bytesPerSecond = init.bytesPerSecond
    this.payloadStallMs = init.payloadStallMs ?? DEFAULT_PAYLOAD_STALL_MS
    this.#introduction = new Introduction(init, {
      send: (message) => this.send(message),
      verify: (capabilities) => this.effect({ type: 'verify', capabilities }),
    })
    this.#live = new LiveEntries(this)
    this.#inbox = new PayloadInbox(this)
    this.#outbox = new PayloadOutbox(this)
    this.#rounds = new Rounds(init, this)
  }

  /** Takes what happened; says what is to be done, in order. `nowMs` is monotonic. Never throws for a peer's fault. */
  handle(input: SessionInput, nowMs: number): readonly SessionEffect[] {
    if (this.#isEnded) return []
    try {
      this.#take(input)
      this.#goOn(nowMs)
    } catch (error) {
      this.#fail(error)
    }
    return this.#effects.splice(0)
  }

  /** What both ends may read; `undefined` before they have shown it. */
  get areas(): readonly Area[] | undefined {
    return this.#areas
  }

  /** Bytes of memory of entries that came in a reconciliation and wait for the store. */
  get unstoredBytes(): number {
    return this.#rounds.unstoredBytes
  }

  get isFull(): boolean {
    return this.#unsentBytes > MAX_UNSENT_SYNC_BYTES
  }

  get isFullForLive(): boolean {
    return this.#unsentBytes > MAX_UNSENT_LIVE_BYTES
  }

  get hasLeftOutPayloads(): boolean {
    return this.#inbox.hasLeftOut && this.#inbox.isIdle
  }

  /** They come again with the round that begins. */
  forgetLeftOut(): void {
    this.#inbox.hasLeftOut = false
  }

  offerPayload(entry: Entry): void {
    this.#inbox.offer(entry)
  }

  effect(effect: SessionEffect): void {
    this.#effects.push(effect)
  }

  send(message: Outgoing): void {
    const bytes = encodeSessionMessage(message)
    this.#unsentBytes += bytes.length
    if (this.#unsentBytes > MAX_UNREAD_SYNC_BYTES) {
      throw willowError('ERR_WILLOW_SYNC_LIMIT', 'the peer does not take what it asks for')
    }
    this.effect({ type: 'send', bytes })
  }

  emit(event: SessionEvent): void {
    this.effect({ type: 'event', event })
  }

  #fail(error: unknown): void {
    if (!isWillowError(error) && !isMeadowcapError(error)) throw error
    this.#end(isWillowError(error) ? error.code : 'ERR_WILLOW_SYNC_PROTOCOL', error.message)
  }

  #end(code: WillowErrorCode, message: string): void {
    this.#isEnded = true
    this.effect({ type: 'fail', code, message })
  }

  #take(input: SessionInput): void {
    switch (input.type) {
      case 'start':
        return this.#introduction.begin()
      case 'verified':
        return this.#ready(this.#introduction.verified(input.answers))
      case 'message':
        return this.#message(decodeSessionMessage(input.bytes))
      case 'sent':
        this.#unsentBytes = Math.max(0, this.#unsentBytes - input.bytes)
        return
      case 'answer':
        return this.#rounds.answered(input.answer)
      case 'inserted':
        return this.#inserted(input)
      case 'changed':
        return this.#changed(input.held, input.isFromPeer)
      case 'missed':
        this.#rounds.isDue = true
        return
      default:
        return this.#payloadInput(input)
    }
  }

  #payloadInput(
    input: Extract<
      SessionInput,
      {
        readonly type:
          | 'opened'
          | 'written'
          | 'chunk'
          | 'request-payload'
          | 'metered'
          | 'removed'
          | 'retry'
          | 'timer'
      }
    >,
  ): void {
    switch (input.type) {
      case 'opened':
        return this.#inbox.opened(input)
      case 'written':
        return this.#inbox.written(input)
      case 'chunk':
        return this.#outbox.chunk(input)
      case 'request-payload':
        if (this.isShared(input.entry)) this.#inbox.request(input.entry)
        return
      case 'metered':
        this.settings.isMetered = input.isMetered
        if (!input.isMetered) this.#inbox.releaseDeferred()
        return
      case 'removed':
        return this.#inbox.removed(input.entry)
      case 'retry':
        return this.#inbox.retry()
      case 'timer':
        return input.name === 'budget' ? this.#outbox.timer() : this.#inbox.timer()
    }
  }

  #goOn(nowMs: number): void {
    if (this.#areas === undefined) return
    this.#rounds.goOn()
    this.#inbox.watch(nowMs)
    // Before they are stored there is nothing to which their payloads belong.
    if (this.#rounds.unstoredBytes === 0) this.#inbox.pump()
    this.#outbox.pump(nowMs)
  }

  // Who may read what.

  #message(message: SessionMessage): void {
    switch (message.type) {
      case 'hello':
        return this.#introduction.hello(message)
      case 'rights':
        return this.#introduction.rights(message)
      case 'accepted':
        return this.#ready(this.#introduction.accepted(message))
      case 'unknown':
        return
      default:
        if (this.#areas === undefined) throw fault(`${message.type} before the rights`)
        return this.#dispatch(message)
    }
  }

  /** Both know what the other may read. */
  #ready(readable: ReadableAreas | undefined): void {
    if (readable === undefined) return
    const { areas, granted } = readable
    this.#areas = areas
    this.#rounds.begin(areas)
    this.emit({ type: 'ready', areas, granted, keys: this.#introduction.peerKeys })
  }

  /** Tells whether both may read an entry. */
  isShared(entry: Entry): boolean {
    const isHere = bytesEqual(entry.namespaceId, this.#init.namespaceId)
    return isHere && (this.#areas ?? []).some((area) => areaIncludesEntry(area, entry))
  }

  #dispatch(
    message: Exclude<
      SessionMessage,
      { readonly type: 'hello' | 'rights' | 'accepted' | 'unknown' }
    >,
  ): void {
    switch (message.type) {
      case 'reconcile':
        return this.#rounds.message(message)
      case 'synced':
        return this.#rounds.synced(message)
      case 'again':
        return this.#rounds.again()
      case 'live':
        return this.#live.read(message.bytes)
      case 'stored':
        return this.#live.stored(message)
      case 'want':
        return this.#want(message)
      case 'payload':
        return this.#inbox.received(message.id, message.bytes)
      case 'payload-end':
        return this.#inbox.ended(message.id, message.isWhole)
      case 'cancel':
        return this.#outbox.cancel(message.id)
    }
  }

  // Live entries.

  #changed(held: HeldEntry, isFromPeer: boolean): void {
    if (isFromPeer || !this.isShared(held.entry)) return
    if (held.entry.payloadLength === 0n) this.#rounds.erased()
    if (this.isFullForLive || !this.#live.write(held)) this.#rounds.isDue = true
  }

  #inserted(input: SessionInput & { readonly type: 'inserted' }): void {
    for (const entry of this.#live.inserted(input)) this.#inbox.offer(entry)
  }

  // Payloads.

  #want({ id, entry, from }: SessionMessage & { readonly type: 'want' }): void {
    if (!this.isShared(entry)) throw fault('a wish for what it may not read')
    if (from > entry.payloadLength) throw fault('a wish behind the end of a payload')
    this.#outbox.serve(id, entry, from)
  }
}

function fault(what: string): Error {
  return willowError('ERR_WILLOW_SYNC_PROTOCOL', `the peer sent ${what}`)
}
