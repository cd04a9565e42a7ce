import { encodeEntry, entriesEqual, type Entry } from '@vudo/meadowcap'
import { bytesToHex } from '@vudo/wire'
import { willowError } from '../errors.ts'
import {
  MAX_PAYLOADS_RECEIVED,
  MAX_RETRIED_PAYLOADS,
  MAX_WANTED_PAYLOADS,
  PAYLOAD_MESSAGE_BYTES,
} from '../limits.ts'
import type { SessionEffect, SessionInput } from './session-effects.ts'
import type { SessionMessage } from './session-wire.ts'
import { WantQueue, type Want } from './want-queue.ts'

/** Which payloads a device takes unasked. */
export interface MeteredSettings {
  isMetered: boolean
  /** Bytes of a payload above which a metered device waits until somebody asks. */
  readonly deferAboveBytes: number
}

/** What the inbox needs of its session. */
export interface InboxHost {
  readonly settings: MeteredSettings
  /** Milliseconds without progress after which a transfer is given up. */
  readonly payloadStallMs: number
  effect(effect: SessionEffect): void
  send(message: Exclude<SessionMessage, { readonly type: 'unknown' }>): void
}

interface Transfer {
  readonly want: Want
  /** The next byte that is to come. */
  at: bigint
  /** The store takes it, and the peer was asked. */
  isOpen: boolean
  /** The last progress that counted: where, and until when there has to be more. */
  progress: { readonly at: bigint; readonly untilMs: number } | undefined
}

/** Payloads that the peer has and this end wants: a few at a time, the smallest first. */
export class PayloadInbox {
  readonly #host: InboxHost
  readonly #wants = new WantQueue()
  /** Codes of entries that wait, or are under way. */
  readonly #known = new Set<string>()
  readonly #transfers = new Map<number, Transfer>()
  /** Others are receiving these. */
  #busy: Want[] = []
  readonly #deferred = new Map<string, Entry>()
  /** Codes of entries that somebody waits for and that this peer did not go on sending. */
  readonly #stalledRequests = new Set<string>()
  #lastId = 0
  #hasTimer = false
  /** Some were left out for want of room: another round brings them again. */
  hasLeftOut = false

  constructor(host: InboxHost) {
    this.#host = host
  }

  get isIdle(): boolean {
    return this.#wants.size + this.#transfers.size === 0
  }

  /** The peer has all of an entry's payload. */
  offer(entry: Entry): void {
    const { isMetered, deferAboveBytes } = this.#host.settings
    if (entry.payloadLength === 0n) return
    if (this.#stalledRequests.size > 0 && this.#stalledRequests.has(keyOf(entry))) {
      return this.request(entry)
    }
    if (isMetered && entry.payloadLength > BigInt(deferAboveBytes)) return this.#defer(entry)
    this.#want({ entry, isRequested: false })
  }

  /** Somebody waits for it, whatever it costs. */
  request(entry: Entry): void {
    this.#deferred.delete(keyOf(entry))
    this.#stalledRequests.delete(keyOf(entry))
    this.#want({ entry, isRequested: true })
  }

  /** What was put off is wanted now. */
  releaseDeferred(): void {
    const entries = [...this.#deferred.values()]
    this.#deferred.clear()
    for (const entry of entries) this.#want({ entry, isRequested: false })
  }

  /** What others were receiving may be free again. */
  retry(): void {
    for (const want of this.#busy.splice(0, MAX_RETRIED_PAYLOADS)) this.#want(want)
  }

  /** What comes of it has no place any more. */
  removed(entry: Entry): void {
    if (this.#stalledRequests.size > 0) this.#stalledRequests.delete(keyOf(entry))
    for (const [id, transfer] of this.#transfers) {
      if (!entriesEqual(transfer.want.entry, entry)) continue
      if (transfer.isOpen) this.#host.send({ type: 'cancel', id })
      this.#close(id, transfer)
    }
  }

  /** Begins what there is room for. */
  pump(): void {
    while (this.#transfers.size < MAX_PAYLOADS_RECEIVED) {
      const want = this.#wants.pop()
      if (want === undefined) return
      this.#lastId += 1
      this.#transfers.set(this.#lastId, { want, at: 0n, isOpen: false, progress: undefined })
      this.#host.effect({ type: 'open-payload', id: this.#lastId, entry: want.entry })
    }
  }

  /** The timer that was asked for. */
  timer(): void {
    this.#hasTimer = false
  }

  /**
   * Gives up transfers that do not go on: they keep others from giving the payload. A few bytes
   * now and then are no progress. Another round brings them again, after the others were asked.
   */
  watch(nowMs: number): void {
    let firstMs = Infinity
    for (const [id, transfer] of this.#transfers) {
      if (!isAwaited(transfer)) continue
      const { at, progress } = transfer
      const isProgress = !progress || at - progress.at >= BigInt(PAYLOAD_MESSAGE_BYTES)
      const untilMs = isProgress ? nowMs + this.#host.payloadStallMs : progress.untilMs
      if (isProgress) transfer.progress = { at, untilMs }
      if (untilMs <= nowMs) this.#stalled(id, transfer)
      else firstMs = Math.min(firstMs, untilMs)
    }
    if (this.#hasTimer || firstMs === Infinity) return
    this.#hasTimer = true
    this.#host.effect({ type: 'set-timer', name: 'progress', inMs: Math.ceil(firstMs - nowMs) })
  }

  #stalled(id: number, transfer: Transfer): void {
    const { entry, isRequested } = transfer.want
    const isRemembered = isRequested && this.#stalledRequests.size < MAX_WANTED_PAYLOADS
    if (isRemembered) this.#stalledRequests.add(keyOf(entry))
    this.#host.send({ type: 'cancel', id })
    this.hasLeftOut = true
    this.#failed(id, transfer)
  }

  opened({ id, from }: SessionInput & { readonly type: 'opened' }): void {
    const transfer = this.#transfers.get(id)
    if (transfer === undefined) {
      // It was over before it had begun.
      this.#host.effect({ type: 'close-payload', id })
      return
    }
    const { want } = transfer
    if (from === undefined || from === 'busy') {
      this.#finish(id, transfer)
      if (from !== 'busy') return
      if (this.#busy.length < MAX_WANTED_PAYLOADS) this.#busy.push(want)
      else this.hasLeftOut = true
      return
    }
    if (from === want.entry.payloadLength) return this.#close(id, transfer)
    transfer.at = from
    transfer.isOpen = true
    this.#host.send({ type: 'want', id, entry: want.entry, from })
  }

  /** Bytes came. @throws `WillowError` when nobody asked for them. */
  received(id: number, bytes: Uint8Array): void {
    const transfer = this.#transfers.get(id)
    // An answer may cross a cancellation.
    if (transfer === undefined && id <= this.#lastId) return
    if (transfer?.isOpen !== true || bytes.length === 0) throw fault('bytes nobody asked for')
    transfer.at += BigInt(bytes.length)
    if (transfer.at > transfer.want.entry.payloadLength)
      throw fault('more bytes than a payload has')
    this.#host.effect({ type: 'write-payload', id, bytes })
  }

  written({ id, outcome }: SessionInput & { readonly type: 'written' }): void {
    const transfer = this.#transfers.get(id)
    if (transfer === undefined || outcome === 'stored') return
    const { entry } = transfer.want
    if (outcome !== 'complete') {
      this.#host.send({ type: 'cancel', id })
      const event = { type: 'payload-failed', entry, isForged: outcome === 'forged' } as const
      this.#host.effect({ type: 'event', event })
    }
    this.#close(id, transfer)
  }

  /** The peer sends no more. */
  ended(id: number, isWhole: boolean): void {
    const transfer = this.#transfers.get(id)
    if (transfer === undefined) return
    // What is whole ends with the write of its last byte.
    if (isWhole && transfer.at === transfer.want.entry.payloadLength) return
    this.#failed(id, transfer)
  }

  #failed(id: number, transfer: Transfer): void {
    const { entry } = transfer.want
    const event = { type: 'payload-failed', entry, isForged: false } as const
    this.#host.effect({ type: 'event', event })
    this.#close(id, transfer)
  }

  #want(want: Want): void {
    const key = keyOf(want.entry)
    if (this.#known.has(key) && !want.isRequested) return
    if (this.#wants.size >= MAX_WANTED_PAYLOADS && !want.isRequested) {
      this.hasLeftOut = true
      return
    }
    this.#known.add(key)
    this.#wants.push(want)
  }

  #defer(entry: Entry): void {
    const key = keyOf(entry)
    if (this.#deferred.has(key)) return
    // Those left out come again with the next round.
    if (this.#deferred.size >= MAX_WANTED_PAYLOADS) return
    this.#deferred.set(key, entry)
    this.#host.effect({ type: 'event', event: { type: 'deferred', entry } })
  }

  #close(id: number, transfer: Transfer): void {
    this.#finish(id, transfer)
    this.#host.effect({ type: 'close-payload', id })
  }

  #finish(id: number, { want }: Transfer): void {
    this.#transfers.delete(id)
    this.#known.delete(keyOf(want.entry))
  }
}

/** Whether more of it is to come from the peer: the last bytes may wait for the store. */
function isAwaited({ isOpen, at, want }: Transfer): boolean {
  return isOpen && at < want.entry.payloadLength
}

function keyOf(entry: Entry): string {
  return bytesToHex(encodeEntry(entry))
}

function fault(what: string): Error {
  return willowError('ERR_WILLOW_SYNC_PROTOCOL', `the peer sent ${what}`)
}
