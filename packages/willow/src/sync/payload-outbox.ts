import type { Entry } from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { MAX_PAYLOADS_SERVED } from '../limits.ts'
import type { SessionEffect, SessionInput } from './session-effects.ts'
import type { SessionMessage } from './session-wire.ts'

/** What the outbox needs of its session. */
export interface OutboxHost {
  /** Payload bytes per second for this peer; `undefined` for no limit. */
  readonly bytesPerSecond: number | undefined
  /** Whether the channel has as much as it should. */
  readonly isFull: boolean
  effect(effect: SessionEffect): void
  send(message: Exclude<SessionMessage, { readonly type: 'unknown' }>): void
}

interface Serving {
  readonly entry: Entry
  at: bigint
  isReading: boolean
  start: { readonly entry: Entry; readonly from: bigint } | undefined
}

/** Payloads that the peer asked for: read piece by piece, as the channel and the rate allow. */
export class PayloadOutbox {
  readonly #host: OutboxHost
  readonly #servings = new Map<number, Serving>()
  /** Bytes that may be sent now; below 0 it waits. */
  #tokens: number
  #sinceMs: number | undefined
  #hasTimer = false

  constructor(host: OutboxHost) {
    this.#host = host
    this.#tokens = host.bytesPerSecond ?? 0
  }

  /** Takes a request for what the peer may read. @throws `WillowError` `ERR_WILLOW_SYNC_LIMIT`. */
  serve(id: number, entry: Entry, from: bigint): void {
    if (this.#servings.size >= MAX_PAYLOADS_SERVED || this.#servings.has(id)) {
      const message = `the peer asked for more than ${MAX_PAYLOADS_SERVED} payloads at a time`
      throw willowError('ERR_WILLOW_SYNC_LIMIT', message)
    }
    this.#servings.set(id, { entry, at: from, isReading: false, start: { entry, from } })
  }

  cancel(id: number): void {
    if (this.#servings.delete(id)) this.#host.effect({ type: 'stop-reading', id })
  }

  /** Reads on, in turns, as far as there is room. */
  pump(nowMs: number): void {
    this.#refill(nowMs)
    for (const [id, serving] of this.#servings) {
      if (this.#host.isFull || serving.isReading) continue
      if (this.#host.bytesPerSecond !== undefined && this.#tokens < 0) return this.#wait()
      serving.isReading = true
      const { start } = serving
      serving.start = undefined
      this.#host.effect({ type: 'read-payload', id, start })
    }
  }

  chunk({ id, bytes }: SessionInput & { readonly type: 'chunk' }): void {
    const serving = this.#servings.get(id)
    if (serving === undefined) return
    serving.isReading = false
    if (bytes === undefined) return this.#end(id, serving)
    serving.at += BigInt(bytes.length)
    this.#tokens -= bytes.length
    this.#host.send({ type: 'payload', id, bytes })
    // With its last byte the peer may ask for the next payload: this one must not count any more.
    if (serving.at < serving.entry.payloadLength) return
    this.#end(id, serving)
    this.#host.effect({ type: 'stop-reading', id })
  }

  #end(id: number, { at, entry }: Serving): void {
    this.#servings.delete(id)
    this.#host.send({ type: 'payload-end', id, isWhole: at === entry.payloadLength })
  }

  /** The timer that was asked for. */
  timer(): void {
    this.#hasTimer = false
  }

  #refill(nowMs: number): void {
    const rate = this.#host.bytesPerSecond
    if (rate === undefined) return
    const elapsedMs = nowMs - (this.#sinceMs ?? nowMs)
    this.#sinceMs = nowMs
    this.#tokens = Math.min(rate, this.#tokens + (elapsedMs * rate) / 1_000)
  }

  #wait(): void {
    const rate = this.#host.bytesPerSecond ?? 1
    if (this.#hasTimer) return
    this.#hasTimer = true
    const inMs = Math.ceil((-this.#tokens * 1_000) / rate) + 1
    this.#host.effect({ type: 'set-timer', name: 'budget', inMs })
  }
}
