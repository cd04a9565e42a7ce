/**
 * Values of which only the newest matters: a cursor, a position, a level. Over a channel,
 * at most one value is on its way: the reader confirms each with an empty message when it is
 * ready for another, and the writer then sends what is newest, however much was set meanwhile.
 * A slow reader makes values rarer, and not older: each was the newest a round trip before
 * the reader got it, or later.
 */
import type { PeerId } from '@vudo/transport'
import type { Channel, EndReason } from './channel.ts'
import { isNetworkError } from './errors.ts'
import { MAX_CHANNEL_MESSAGE_BYTES } from './limits.ts'

/** The writer's end. */
export interface LatestWriter {
  /**
   * Sends a value, or puts it in the place of one that has not been sent.
   *
   * @param value - 0 to 262,144 bytes. Copied. Ignored when the channel is over.
   * @throws `RangeError` for more bytes.
   */
  set(value: Uint8Array): void
  /** Values that gave way to newer ones, since the beginning. */
  readonly replaced: number
  /** Ends it after the newest value. Idempotent. */
  close(): Promise<void>
  /** Settles, never rejects, when it is over. */
  readonly closed: Promise<EndReason>
}

/** The reader's end: iterating gives the newest value whenever the reader is ready for one. */
export interface LatestReader extends AsyncIterable<Uint8Array> {
  /** Who sends: proven. */
  readonly peerId: PeerId
  readonly protocol: string
  /** The database that it is for. */
  readonly database: string | undefined
  /** Ends it. Idempotent. */
  close(): void
}

const confirmation = new Uint8Array()

/** Writes newest values to a channel, which belongs to the writer from now on. */
export function latestWriter(channel: Channel): LatestWriter {
  const writer = new Writer(channel)
  // Owned: it never rejects, and it ends with the channel.
  void writer.run()
  return writer
}

/** Reads newest values from a channel, which belongs to the reader from now on. */
export function latestReader(channel: Channel): LatestReader {
  const state: ReaderState = { isOwing: false }
  return {
    peerId: channel.session.peerId,
    protocol: channel.protocol,
    database: channel.database,
    close: () => channel.reset('ERR_CHANNEL_CLOSED'),
    [Symbol.asyncIterator]: () => newest(channel, state),
  }
}

/** A value was taken and is not confirmed, perhaps since an earlier loop. */
interface ReaderState {
  isOwing: boolean
}

async function* newest(channel: Channel, state: ReaderState): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    // Not before the reader asks for another: what was sent while it works would wait here and grow old.
    if (state.isOwing) {
      state.isOwing = false
      await channel.send(confirmation)
    }
    const value = await channel.receive()
    if (value === undefined) break
    state.isOwing = true
    yield value
  }
  await channel.close()
}

class Writer implements LatestWriter {
  readonly #channel: Channel
  #next: Uint8Array | undefined
  #replaced = 0
  #isClosing = false
  #wake: (() => void) | undefined

  constructor(channel: Channel) {
    this.#channel = channel
  }

  get replaced(): number {
    return this.#replaced
  }

  get closed(): Promise<EndReason> {
    return this.#channel.closed
  }

  set(value: Uint8Array): void {
    if (value.length > MAX_CHANNEL_MESSAGE_BYTES) {
      throw new RangeError(
        `value has ${value.length} bytes, at most ${MAX_CHANNEL_MESSAGE_BYTES} are allowed`,
      )
    }
    if (this.#isClosing) return
    if (this.#next !== undefined) this.#replaced += 1
    this.#next = value.slice()
    this.#wake?.()
  }

  async close(): Promise<void> {
    this.#finish()
    await this.#channel.closed
  }

  /** One value after the other, each after the one before was confirmed. */
  async run(): Promise<void> {
    // The channel may end while nothing is set.
    void this.#channel.closed.then(() => this.#finish())
    try {
      for (let value = await this.#take(); value !== undefined; value = await this.#take()) {
        await this.#channel.send(value)
        if ((await this.#channel.receive()) === undefined) break
      }
      await this.#channel.close()
    } catch (error) {
      // The channel has ended: `closed` says why.
      if (!isNetworkError(error)) throw error
    }
  }

  #finish(): void {
    this.#isClosing = true
    this.#wake?.()
  }

  /** The newest value; `undefined` when there will be none any more. */
  async #take(): Promise<Uint8Array | undefined> {
    while (this.#next === undefined && !this.#isClosing) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
      this.#wake = undefined
    }
    const value = this.#next
    this.#next = undefined
    return value
  }
}
