/**
 * What a session says about itself and its channels: lists of proofs, resets, openings.
 * With a peer of version 2 these travel as messages of channel 0, so that they arrive
 * once and in order whichever path carries them; with one of version 1 they are frames
 * of their own.
 *
 * Channel 0 has no opening and no end. Part of the pure core.
 */
import { ChannelState } from './channel-state.ts'
import type { FramePool } from './frame-pool.ts'
import { CONTROL_QUEUE_BYTES, MAX_PENDING_RESETS, MIN_FRAME_BYTES } from './limits.ts'
import { encodeReset, protocolError } from './wire.ts'

/** What has to be said, in the order in which it has to be. */
export class ControlQueue {
  /** Channel 0; `undefined` with a peer of version 1. */
  readonly channel: ChannelState | undefined
  #proofs: Uint8Array | undefined
  readonly #resets = new Map<number, string>()
  /** Local channels whose opening is to be sent, lowest number first. */
  #openings: ChannelState[] = []

  constructor(isOrdered: boolean, pool: FramePool) {
    this.channel = isOrdered
      ? new ChannelState({
          id: 0,
          protocol: '',
          priority: 0,
          database: undefined,
          isControl: true,
          pool,
        })
      : undefined
  }

  /** Shows a list of proofs; it replaces one that was not sent yet. */
  show(proofs: Uint8Array): void {
    this.#proofs = proofs
  }

  open(channel: ChannelState): void {
    this.#openings.push(channel)
  }

  /** Resets a channel; one that is reset already keeps its code. */
  reset(id: number, code: string): void {
    if (!this.#resets.has(id)) this.#resets.set(id, code)
  }

  /** Answers what the peer did with a reset; a peer that causes too many does not read its answers. */
  answer(id: number, code: string): void {
    if (this.#resets.has(id)) return
    this.assertRoom()
    this.#resets.set(id, code)
  }

  /** @throws when the answers of a peer that does not read pile up. */
  assertRoom(): void {
    if (this.#resets.size < MAX_PENDING_RESETS) return
    throw protocolError(`the peer does not read the answers to ${MAX_PENDING_RESETS} channels`)
  }

  /** The channel is over: it is not opened any more. */
  forget(channel: ChannelState): void {
    this.#openings = this.#openings.filter((other) => other !== channel)
  }

  /** Openings are said again, in the order of the numbers: the connection that took them is gone. */
  reopen(channels: Iterable<ChannelState>): void {
    this.#openings = [...channels].filter((channel) => channel.isOpenPending)
  }

  clear(): void {
    this.#proofs = undefined
    this.#resets.clear()
    this.#openings = []
  }

  /**
   * What goes next as a frame of its own, with a peer of version 1.
   *
   * @param takeOpening - Takes the opening of a channel as its first frame.
   */
  takeFrame(
    takeOpening: (channel: ChannelState) => Uint8Array | undefined,
  ): Uint8Array | undefined {
    const said = this.#takeProofs() ?? this.#takeReset()
    if (said !== undefined) return said
    const channel = this.#openings.shift()
    return channel && takeOpening(channel)
  }

  /**
   * Puts what is to be said into channel 0, as much as may be under way at a time.
   *
   * @param onOpening - Told each channel whose opening is on its way.
   */
  feed(control: ChannelState, onOpening: (channel: ChannelState) => void): void {
    while (control.unacknowledgedBytes < CONTROL_QUEUE_BYTES) {
      const said = this.#takeProofs() ?? this.#takeReset() ?? this.#takeOpening(onOpening)
      if (said === undefined) return
      control.send(said, MIN_FRAME_BYTES)
    }
  }

  #takeProofs(): Uint8Array | undefined {
    const proofs = this.#proofs
    this.#proofs = undefined
    return proofs
  }

  #takeReset(): Uint8Array | undefined {
    for (const [channel, code] of this.#resets) {
      this.#resets.delete(channel)
      return encodeReset({ channel, code })
    }
    return undefined
  }

  #takeOpening(onOpening: (channel: ChannelState) => void): Uint8Array | undefined {
    const channel = this.#openings.shift()
    const opening = channel?.takeOpening()
    if (channel !== undefined) onOpening(channel)
    return opening
  }
}
