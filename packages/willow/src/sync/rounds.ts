import { areaTo3dRange, type Area, type Entry } from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { sizeOfEntry, type ReceivedEntry } from '../reconcile/entry-stream.ts'
import type { ReconcileInput, StoreAnswer } from '../reconcile/reconcile-effects.ts'
import { MAX_ID_OFFSET } from '../reconcile/reconcile-wire.ts'
import { createReconciliation, type Reconciler } from '../reconcile/reconciliation.ts'
import type { SessionEffect, SessionEvent } from './session-effects.ts'
import type { SessionMessage } from './session-wire.ts'

/** What rounds need to know of their session. */
export interface RoundsInit {
  readonly namespaceId: Uint8Array
  readonly isOpener: boolean
  readonly random: (length: number) => Uint8Array
}

/** What rounds need of their session. */
export interface RoundsHost {
  /** Whether the channel has as much as it should. */
  readonly isFull: boolean
  /** Whether it has so much that not even a wish should be added. */
  readonly isFullForLive: boolean
  /** Payloads were left out for want of room, and there is room now. */
  readonly hasLeftOutPayloads: boolean
  forgetLeftOut(): void
  /** The peer has all of an entry's payload. */
  offerPayload(entry: Entry): void
  effect(effect: SessionEffect): void
  emit(event: SessionEvent): void
  send(message: Exclude<SessionMessage, { readonly type: 'unknown' }>): void
}

/** A reconciliation of one area that is under way. */
interface Running {
  readonly reconciler: Reconciler
  /** Received and not inserted yet, in their order. */
  readonly received: ReceivedEntry[]
  /** What those count as. */
  receivedBytes: number
  isComplete: boolean
  isDone: boolean
  isPaused: boolean
  /** Of the insert that is under way. */
  inserting: number
}

/** The rounds of a session: each reconciles one shared area after the other, and tells what the peer has confirmed by that. */
export class Rounds {
  readonly #init: RoundsInit
  readonly #host: RoundsHost
  #areas: readonly Area[] = []
  #round = 0
  #area = 0
  #running: Running | undefined
  #isPeerSynced = false
  #isPeerComplete = false
  #hasAsked = false
  #hasErasedMeanwhile = false
  /** Another round is due. */
  isDue = false

  constructor(init: RoundsInit, host: RoundsHost) {
    this.#init = init
    this.#host = host
  }

  /** Bytes of memory of entries that came and wait for the store. */
  get unstoredBytes(): number {
    return this.#running?.receivedBytes ?? 0
  }

  /** Both ends know what they share. */
  begin(areas: readonly Area[]): void {
    this.#areas = areas
    this.isDue = this.#init.isOpener && areas.length > 0
  }

  /** Does what is due. */
  goOn(): void {
    this.#pauseOrResume()
    if (this.#areas.length === 0) return
    if (this.#init.isOpener) this.#nextArea()
    else this.#askForRound()
  }

  /** The peer asks for another round. @throws `WillowError` when it is not this end's to begin one. */
  again(): void {
    if (!this.#init.isOpener) throw fault('a wish that only the opener fulfils')
    this.isDue = true
  }

  /** Something was erased here. */
  erased(): void {
    if (this.#running) this.#hasErasedMeanwhile = true
  }

  /** @throws `WillowError` when no such round is on, or the reconciliation fails. */
  message({ round, area, bytes }: SessionMessage & { readonly type: 'reconcile' }): void {
    if (!this.#init.isOpener && !this.#isCurrent(round, area)) this.#follow(round, area)
    if (!this.#isCurrent(round, area) || !this.#running) throw fault('a round that is not on')
    this.#reconcile({ type: 'message', bytes })
  }

  /** The peer has stored all that came. @throws `WillowError` when no such round is on. */
  synced({ round, area, isComplete }: SessionMessage & { readonly type: 'synced' }): void {
    const isExpected = this.#isCurrent(round, area) && this.#running && !this.#isPeerSynced
    if (!isExpected) throw fault('the end of a round that is not on')
    this.#isPeerSynced = true
    this.#isPeerComplete = isComplete
    this.#confirmArea()
  }

  /** The store answers. Throws as {@link Rounds.message}. */
  answered(answer: StoreAnswer): void {
    const running = this.#running
    if (running === undefined) return
    if (answer.type === 'inserted') {
      if (answer.rejected > 0) running.isComplete = false
      for (const received of running.received.splice(0, running.inserting)) {
        const { entry, available } = received
        running.receivedBytes -= sizeOfEntry(received)
        if (available === entry.payloadLength) this.#host.offerPayload(entry)
      }
    }
    this.#reconcile({ type: 'answer', answer })
  }

  #nextArea(): void {
    const running = this.#running
    if (running !== undefined) {
      if (!running.isDone || !this.#isPeerSynced) return
      this.#running = undefined
      this.#area += 1
      if (this.#area < this.#areas.length) return this.#startArea()
      this.#host.emit({ type: 'reconciled', round: this.#round })
    }
    this.#takeLeftOut()
    if (!this.isDue) return
    this.isDue = false
    this.#round += 1
    this.#area = 0
    this.#startArea()
  }

  /** The other end can only ask. */
  #askForRound(): void {
    this.#takeLeftOut()
    if (!this.isDue || this.#hasAsked || this.#host.isFullForLive) return
    this.isDue = false
    this.#hasAsked = true
    this.#host.send({ type: 'again' })
  }

  #takeLeftOut(): void {
    if (!this.#host.hasLeftOutPayloads) return
    this.#host.forgetLeftOut()
    this.isDue = true
  }

  #startArea(): void {
    this.#begin()
    this.#reconcile({ type: 'start' })
  }

  #begin(): void {
    const { namespaceId, isOpener, random } = this.#init
    const range = areaTo3dRange(this.#areas[this.#area]!)
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
      receivedBytes: 0,
      isComplete: true,
      isDone: false,
      isPaused: false,
      inserting: 0,
    }
  }

  /** The opener goes on to the next area, or to another round. */
  #follow(round: number, area: number): void {
    const isNext = round === this.#round && area === this.#area + 1
    const isNewRound = round === this.#round + 1 && area === 0
    const isOver = this.#running === undefined || this.#running.isDone
    if (!isOver || !(isNext || isNewRound) || area >= this.#areas.length) {
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
        this.#host.send({ type: 'reconcile', round: this.#round, area: this.#area, bytes })
      } else if (effect.type === 'request') {
        if (effect.request.type === 'insert') running.inserting = effect.request.entries.length
        this.#host.effect({ type: 'reconcile', request: effect.request })
      } else if (effect.type === 'received') take(running, effect.entries)
      else if (effect.type === 'fail') throw willowError(effect.code, effect.message)
      else this.#areaDone(running)
    }
  }

  #areaDone(running: Running): void {
    running.isDone = true
    const { isComplete } = running
    this.#host.send({ type: 'synced', round: this.#round, area: this.#area, isComplete })
    this.#confirmArea()
    if (!this.#init.isOpener && this.#area + 1 === this.#areas.length) {
      this.#host.emit({ type: 'reconciled', round: this.#round })
    }
  }

  /** Both are through: the peer has what this end had, unless it rejected something, or something was erased meanwhile. */
  #confirmArea(): void {
    if (!this.#running?.isDone || !this.#isPeerSynced || !this.#isPeerComplete) return
    if (this.#hasErasedMeanwhile) {
      this.isDue = true
      return
    }
    this.#host.emit({ type: 'confirmed', area: this.#areas[this.#area]!, upTo: undefined })
  }

  #pauseOrResume(): void {
    const running = this.#running
    const { isFull } = this.#host
    if (running === undefined || running.isPaused === isFull) return
    running.isPaused = isFull
    this.#reconcile({ type: isFull ? 'pause' : 'resume' })
  }
}

function take(running: Running, entries: readonly ReceivedEntry[]): void {
  running.received.push(...entries)
  running.receivedBytes += entries.reduce((sum, entry) => sum + sizeOfEntry(entry), 0)
}

function fault(what: string): Error {
  return willowError('ERR_WILLOW_SYNC_PROTOCOL', `the peer sent ${what}`)
}
