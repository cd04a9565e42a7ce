import {
  areaIncludesEntry,
  areaTo3dRange,
  isMeadowcapError,
  type Area,
  type Entry,
} from '@vudo/meadowcap'
import { bytesEqual } from '@vudo/wire'
import { isWillowError, willowError, type WillowErrorCode } from '../errors.ts'
import { MAX_UNREAD_SYNC_BYTES, MAX_UNSENT_LIVE_BYTES, MAX_UNSENT_SYNC_BYTES } from '../limits.ts'
import type { ReceivedEntry } from '../reconcile/entry-stream.ts'
import type { ReconcileInput } from '../reconcile/reconcile-effects.ts'
import { createReconciliation, type Reconciler } from '../reconcile/reconciliation.ts'
import { MAX_ID_OFFSET } from '../reconcile/reconcile-wire.ts'
import type { HeldEntry } from '../store/store.ts'
import { LiveEntries, type LiveHost } from './live-entries.ts'
import { PayloadInbox, type InboxHost, type MeteredSettings } from './payload-inbox.ts'
import { PayloadOutbox, type OutboxHost } from './payload-outbox.ts'
import { Introduction, type IntroductionInit, type ReadableAreas } from './introduction.ts'
import type { SessionEffect, SessionEvent, SessionInput } from './session-effects.ts'
import { decodeSessionMessage, encodeSessionMessage, type SessionMessage } from './session-wire.ts'

/** What a session with one peer is made of. */
export interface SessionInit extends IntroductionInit {
  /** Payload bytes per second for this peer. */
  readonly bytesPerSecond?: number | undefined
  /** May be changed while the session lives, by the `metered` input. */
  readonly metered: MeteredSettings
}

type Outgoing = Exclude<SessionMessage, { readonly type: 'unknown' }>

/** A reconciliation of one area that is under way. */
interface Running {
  readonly reconciler: Reconciler
  /** Received and not inserted yet, in their order. */
  readonly received: ReceivedEntry[]
  isComplete: boolean
  isDone: boolean
  isPaused: boolean
  /** Of the insert that is under way. */
  inserting: number
}

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
export class WillowSession implements InboxHost, OutboxHost, LiveHost {
  readonly settings: MeteredSettings
  readonly bytesPerSecond: number | undefined
  readonly #init: SessionInit
  readonly #introduction: Introduction
  readonly #inbox: PayloadInbox
  readonly #outbox: PayloadOutbox
  readonly #live: LiveEntries
  #effects: SessionEffect[] = []
  #areas: readonly Area[] | undefined
  #round = 0
  #area = 0
  #running: Running | undefined
  #isPeerSynced = false
  /** Another round is due. */
  #isRoundDue = false
  #hasAsked = false
  #hasErasedMeanwhile = false
  #unsentBytes = 0
  #isEnded = false

  constructor(init: SessionInit) {
    this.#init = init
    this.settings = init.metered
    this.bytesPerSecond = init.bytesPerSecond
    this.#introduction = new Introduction(init, {
      send: (message) => this.send(message),
      verify: (capabilities) => this.effect({ type: 'verify', capabilities }),
    })
    this.#live = new LiveEntries(this)
    this.#inbox = new PayloadInbox(this)
    this.#outbox = new PayloadOutbox(this)
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

  /** Entries that came in a reconciliation and wait for the store. */
  get unstoredEntries(): number {
    return this.#running?.received.length ?? 0
  }

  get isFull(): boolean {
    return this.#unsentBytes > MAX_UNSENT_SYNC_BYTES
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

  #emit(event: SessionEvent): void {
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
        return this.#answered(input)
      case 'inserted':
        return this.#inserted(input)
      case 'changed':
        return this.#changed(input.held, input.isFromPeer)
      case 'missed':
        this.#isRoundDue = true
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
        return this.#outbox.timer()
    }
  }

  #goOn(nowMs: number): void {
    this.#pauseOrResume()
    if (this.#areas === undefined) return
    this.#nextArea()
    this.#askForRound()
    // Before they are stored there is nothing to which their payloads belong.
    if ((this.#running?.received.length ?? 0) === 0) this.#inbox.pump()
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
    this.#isRoundDue = this.#init.isOpener && areas.length > 0
    this.#emit({ type: 'ready', areas, granted, keys: this.#introduction.peerKeys })
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
        return this.#reconcileMessage(message)
      case 'synced':
        return this.#synced(message)
      case 'again':
        if (!this.#init.isOpener) throw fault('a wish that only the opener fulfils')
        this.#isRoundDue = true
        return
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

  // Reconciliation: one area after the other.

  #nextArea(): void {
    if (!this.#init.isOpener) return
    const running = this.#running
    if (running !== undefined) {
      if (!running.isDone || !this.#isPeerSynced) return
      this.#running = undefined
      this.#area += 1
      if (this.#area < this.#areas!.length) return this.#startArea()
      this.#emit({ type: 'reconciled', round: this.#round })
    }
    if (this.#inbox.hasLeftOut && this.#inbox.isIdle) {
      this.#inbox.hasLeftOut = false
      this.#isRoundDue = true
    }
    if (!this.#isRoundDue || this.#areas!.length === 0) return
    this.#isRoundDue = false
    this.#round += 1
    this.#area = 0
    this.#startArea()
  }

  /** The other end can only ask. */
  #askForRound(): void {
    if (this.#init.isOpener || this.#areas!.length === 0) return
    if (this.#inbox.hasLeftOut && this.#inbox.isIdle) {
      this.#inbox.hasLeftOut = false
      this.#isRoundDue = true
    }
    if (!this.#isRoundDue || this.#hasAsked || this.#unsentBytes > MAX_UNSENT_LIVE_BYTES) return
    this.#isRoundDue = false
    this.#hasAsked = true
    this.send({ type: 'again' })
  }

  #startArea(): void {
    this.#begin()
    this.#reconcile({ type: 'start' })
  }

  #begin(): void {
    const { namespaceId, isOpener, random } = this.#init
    const range = areaTo3dRange(this.#areas![this.#area]!)
    const idOffset = random(1)[0]! % (MAX_ID_OFFSET + 1)
    const reconciler = createReconciliation({
      namespaceId,
      range,
      isInitiator: isOpener,
      idOffset,
    })
    this.#isPeerSynced = false
    this.#hasErasedMeanwhile = false
    this.#running = {
      reconciler,
      received: [],
      isComplete: true,
      isDone: false,
      isPaused: false,
      inserting: 0,
    }
  }

  #reconcileMessage(message: SessionMessage & { readonly type: 'reconcile' }): void {
    const { round, area, bytes } = message
    if (!this.#init.isOpener && !this.#isCurrent(round, area)) this.#follow(round, area)
    if (!this.#isCurrent(round, area) || !this.#running) throw fault('a round that is not on')
    this.#reconcile({ type: 'message', bytes })
  }

  /** The opener goes on to the next area, or to another round. */
  #follow(round: number, area: number): void {
    const isNext = round === this.#round && area === this.#area + 1
    const isNewRound = round === this.#round + 1 && area === 0
    const isOver = this.#running === undefined || this.#running.isDone
    if (!isOver || !(isNext || isNewRound) || area >= this.#areas!.length) {
      throw fault('a round out of turn')
    }
    if (isNewRound) this.#hasAsked = false
    this.#round = round
    this.#area = area
    this.#begin()
  }

  #isCurrent(round: number, area: number): boolean {
    return round === this.#round && area === this.#area && this.#round > 0
  }

  #reconcile(input: ReconcileInput): void {
    const running = this.#running!
    for (const effect of running.reconciler.handle(input)) {
      if (effect.type === 'send') {
        const { bytes } = effect
        this.send({ type: 'reconcile', round: this.#round, area: this.#area, bytes })
      } else if (effect.type === 'request') {
        if (effect.request.type === 'insert') running.inserting = effect.request.entries.length
        this.effect({ type: 'reconcile', request: effect.request })
      } else if (effect.type === 'received') running.received.push(...effect.entries)
      else if (effect.type === 'fail') throw willowError(effect.code, effect.message)
      else this.#areaDone(running)
    }
  }

  #areaDone(running: Running): void {
    running.isDone = true
    const { isComplete } = running
    this.send({ type: 'synced', round: this.#round, area: this.#area, isComplete })
    this.#confirmArea()
    if (!this.#init.isOpener && this.#area + 1 === this.#areas!.length) {
      this.#emit({ type: 'reconciled', round: this.#round })
    }
  }

  #peerIsComplete = false

  #synced({ round, area, isComplete }: SessionMessage & { readonly type: 'synced' }): void {
    const isExpected = this.#isCurrent(round, area) && this.#running && !this.#isPeerSynced
    if (!isExpected) throw fault('the end of a round that is not on')
    this.#isPeerSynced = true
    this.#peerIsComplete = isComplete
    this.#confirmArea()
  }

  /** Both are through: the peer has what this end had, unless it rejected something, or something was erased meanwhile. */
  #confirmArea(): void {
    if (!this.#running?.isDone || !this.#isPeerSynced || !this.#peerIsComplete) return
    if (this.#hasErasedMeanwhile) {
      this.#isRoundDue = true
      return
    }
    this.#emit({ type: 'confirmed', area: this.#areas![this.#area]!, upTo: undefined })
  }

  #answered({ answer }: SessionInput & { readonly type: 'answer' }): void {
    const running = this.#running
    if (running === undefined) return
    if (answer.type === 'inserted') {
      if (answer.rejected > 0) running.isComplete = false
      for (const { entry, available } of running.received.splice(0, running.inserting)) {
        if (available === entry.payloadLength) this.#inbox.offer(entry)
      }
    }
    this.#reconcile({ type: 'answer', answer })
  }

  #pauseOrResume(): void {
    const running = this.#running
    if (running === undefined || running.isPaused === this.isFull) return
    running.isPaused = this.isFull
    this.#reconcile({ type: this.isFull ? 'pause' : 'resume' })
  }

  // Live entries.

  #changed(held: HeldEntry, isFromPeer: boolean): void {
    if (isFromPeer || !this.isShared(held.entry)) return
    if (held.entry.payloadLength === 0n && this.#running) this.#hasErasedMeanwhile = true
    if (this.#unsentBytes > MAX_UNSENT_LIVE_BYTES || !this.#live.write(held)) {
      this.#isRoundDue = true
    }
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
