import { TransportError, type LinkMessage, type Pipe } from '@vudo/transport'
import { MAX_QUEUED_BYTES, MAX_QUEUED_SENDS } from './limits.ts'
import { giveRecord } from './record-buffers.ts'
import type { RecordSealer } from './records.ts'

/**
 * The sending half of a link: messages wait here while the pipe is busy, and those
 * that wait together travel packed. One record is sealed and sent at a time, so
 * records leave in the order of their counters.
 */
export interface Outbox {
  /**
   * Adds a message; settles when the pipe wants more.
   *
   * @param message - Not changed by anybody until the promise settles.
   */
  send(message: LinkMessage, signal?: AbortSignal): Promise<void>
  /** Refuses further messages with `error`, sends those that wait, then the goodbye. Once. */
  finish(error: Error): Promise<void>
  /** Rejects what waits with `error`; a goodbye may still follow. */
  drop(error: Error): void
  /** Rejects everything with `error`, now and later. */
  stop(error: Error): void
}

/**
 * Starts an outbox.
 *
 * @param onFailure - Called when the pipe fails, or sealing does.
 */
export function createOutbox(
  sealer: RecordSealer,
  pipe: Pipe,
  onFailure: (error: unknown) => void,
): Outbox {
  return new QueueingOutbox(sealer, pipe, onFailure)
}

interface Waiting extends LinkMessage {
  bytes: Uint8Array
  isSettled: boolean
  settle(error?: unknown): void
}

class QueueingOutbox implements Outbox {
  readonly #sealer: RecordSealer
  readonly #pipe: Pipe
  readonly #onFailure: (error: unknown) => void
  /** Not sealed yet, or in part: then it is the first, and `#offset` says how far. */
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #offset = 0
  /** Sealed completely, and the pipe has not taken it. */
  #underway: Waiting[] = []
  #isRunning = false
  #refusal: { readonly error: Error } | undefined
  #isStopped = false
  #goodbye: ReturnType<typeof createGoodbye> | undefined

  constructor(sealer: RecordSealer, pipe: Pipe, onFailure: (error: unknown) => void) {
    this.#sealer = sealer
    this.#pipe = pipe
    this.#onFailure = onFailure
  }

  async send(message: LinkMessage, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#refusal) throw this.#refusal.error
    this.#assertRoom(message.bytes.length)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = (): void => this.#abandon(entry, signal)
    const entry: Waiting = {
      ...message,
      isSettled: false,
      settle(...error: [unknown?]) {
        entry.isSettled = true
        signal?.removeEventListener('abort', onAbort)
        if (error.length > 0) reject(error[0])
        else resolve()
      },
    }
    signal?.addEventListener('abort', onAbort)
    this.#waiting.push(entry)
    this.#waitingBytes += entry.bytes.length
    this.#start()
    await promise
  }

  #assertRoom(bytes: number): void {
    const isFull =
      this.#waiting.length >= MAX_QUEUED_SENDS || this.#waitingBytes + bytes > MAX_QUEUED_BYTES
    if (!isFull) return
    throw new TransportError(
      'ERR_LIMIT',
      `${this.#waiting.length} messages of ${this.#waitingBytes} bytes wait to be sent, expected at most ${MAX_QUEUED_SENDS} of ${MAX_QUEUED_BYTES}`,
      { hint: 'Wait for each send to settle before the next: that is the back-pressure.' },
    )
  }

  /** What has begun goes on, or the far end could not read what follows; its buffer goes back to the caller. */
  #abandon(entry: Waiting, signal: AbortSignal | undefined): void {
    const at = this.#waiting.indexOf(entry)
    if (at === 0 && this.#offset > 0) entry.bytes = entry.bytes.slice()
    else if (at >= 0) this.#remove(at, 1)
    entry.settle(signal?.reason)
  }

  finish(error: Error): Promise<void> {
    this.#refusal ??= { error }
    const goodbye = (this.#goodbye ??= createGoodbye())
    if (this.#isStopped) goodbye.reject(error)
    else this.#start()
    return goodbye.promise
  }

  drop(error: Error): void {
    this.#refusal ??= { error }
    this.#offset = 0
    for (const entry of this.#remove(0, this.#waiting.length)) settleOnce(entry, error)
  }

  stop(error: Error): void {
    this.#isStopped = true
    this.drop(error)
    for (const entry of this.#underway) settleOnce(entry, error)
    this.#underway = []
    this.#goodbye?.reject(error)
  }

  #start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run()
  }

  async #run(): Promise<void> {
    // What the caller sends in this turn of the loop waits together, and is packed.
    await Promise.resolve()
    try {
      while (this.#waiting.length > 0 && !this.#isStopped) await this.#sendRecord()
      if (this.#goodbye && !this.#isStopped) {
        await this.#pipe.send(this.#sealer.sealClose())
        this.#goodbye.resolve()
        return
      }
    } catch (error) {
      this.#goodbye?.reject(error)
      this.#onFailure(error)
    }
    this.#isRunning = false
  }

  async #sendRecord(): Promise<void> {
    const { record, completed, offset } = this.#sealer.seal(this.#waiting, this.#offset)
    this.#offset = offset
    this.#underway = this.#remove(0, completed)
    await this.#pipe.send(record)
    giveRecord(record)
    for (const entry of this.#underway) settleOnce(entry)
    this.#underway = []
  }

  #remove(at: number, count: number): Waiting[] {
    const removed = this.#waiting.splice(at, count)
    for (const { bytes } of removed) this.#waitingBytes -= bytes.length
    return removed
  }
}

function createGoodbye(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>()
}

function settleOnce(entry: Waiting, ...error: [Error?]): void {
  if (!entry.isSettled) entry.settle(...error)
}
