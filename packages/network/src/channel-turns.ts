/**
 * What of the channels goes next over a path: on the best one control frames first; then
 * acknowledgements where the peer was heard last; then data, as the scheduler says and as
 * far as the path carries it. Part of the pure core.
 */
import type { AckQueue, CreditQuestion } from './channel-acks.ts'
import type { ControlQueue } from './channel-control.ts'
import type { ChannelState } from './channel-state.ts'
import type { PriorityNumber } from './frames.ts'
import { ACK_WITH_DATA_BYTES } from './limits.ts'
import type { PathState } from './path-state.ts'
import type { PathTable } from './path-table.ts'
import { Scheduler } from './scheduler.ts'
import { encodeAck, encodeAsk } from './wire.ts'

/** What the turns need of the table of channels. */
export interface ChannelTurnsInit {
  /** True when control frames travel in channel 0: from version 2 on. */
  readonly isOrdered: boolean
  readonly paths: PathTable
  readonly control: ControlQueue
  readonly acks: AckQueue
  readonly question: CreditQuestion
  /** Every channel that is not over. */
  readonly channels: ReadonlyMap<number, ChannelState>
  /** True while a channel is open for which a person waits. */
  readonly isUrgent: () => boolean
  /** Told when a channel has said what it had to acknowledge: that may have been all that kept it. */
  readonly onReported: (channel: ChannelState) => void
  /** Told when a channel takes messages again. */
  readonly onWritable: (channel: ChannelState) => void
}

/** Whose turn it is. One per session, whichever paths it has. */
export class ChannelTurns {
  readonly #init: ChannelTurnsInit
  readonly #scheduler = new Scheduler<ChannelState>()

  constructor(init: ChannelTurnsInit) {
    this.#init = init
  }

  /** A channel may have something to send. */
  wake(channel: ChannelState): void {
    // The opening goes out on its own, in the order of the numbers; data waits for it. So does channel 0.
    if (channel.id !== 0 && !channel.isOpenPending) this.#scheduler.wake(channel)
  }

  /** Channels that waited for a path or for the answer to their opening are looked at again. */
  unhold(): void {
    for (const channel of this.#init.channels.values()) {
      if (!channel.isHeld) continue
      channel.isHeld = false
      this.wake(channel)
    }
  }

  /** The next frame for `path`, which has sent the one before. */
  takeFrame(path: PathState, nowMs: number): Uint8Array | undefined {
    const { acks } = this.#init
    const { best, bulk } = this.#init.paths
    const isBest = path === best
    const control = isBest ? this.#takeControl(path, nowMs) : undefined
    if (control !== undefined) return control
    if (path === (acks.path?.isUsable === true ? acks.path : best)) {
      const channel = acks.take()
      if (channel !== undefined) return this.#ack(channel)
    }
    if (!isBest && path !== bulk) return undefined
    return this.#takeData(path, { least: isBest ? 0 : 2, most: path === bulk ? 3 : 1 }, nowMs)
  }

  #takeControl(path: PathState, nowMs: number): Uint8Array | undefined {
    const { control, question } = this.#init
    if (question.take()) return encodeAsk()
    const { channel } = control
    if (channel !== undefined) {
      control.feed(channel, (opened) => this.#scheduler.wake(opened))
      return channel.isReady ? channel.takeFrame(path, true, nowMs) : undefined
    }
    return control.takeFrame((opening) => {
      const frame = opening.takeFrame(path, this.#init.isUrgent(), nowMs)
      this.#scheduler.wake(opening)
      return frame
    })
  }

  #ack(channel: ChannelState): Uint8Array {
    const frame = encodeAck(channel.report())
    this.#init.onReported(channel)
    return frame
  }

  #takeData(path: PathState, classes: Classes, nowMs: number): Uint8Array | undefined {
    const channel = this.#nextFor(path, classes, nowMs)
    if (channel === undefined) return undefined
    if (channel.unreportedBytes >= ACK_WITH_DATA_BYTES) {
      this.#scheduler.wake(channel)
      return this.#ack(channel)
    }
    const wasWritable = channel.isWritable
    const frame = channel.takeFrame(path, this.#init.isUrgent(), nowMs)
    this.#scheduler.charge(channel, frame?.length ?? 0)
    if (!wasWritable && channel.isWritable) this.#init.onWritable(channel)
    return frame
  }

  /** The channel whose turn it is, as far as the path has room. */
  #nextFor(path: PathState, { least, most }: Classes, nowMs: number): ChannelState | undefined {
    const { isOrdered, question, channels } = this.#init
    for (;;) {
      const channel = this.#scheduler.next(least, most)
      if (channel === undefined) {
        if (isOrdered) question.note(channels.values(), nowMs)
        return undefined
      }
      if (this.#mustWait(channel, path)) {
        channel.isHeld = true
        continue
      }
      // What a person waits for does not queue, and what is sent again may hold up everything after it.
      const isFree = channel.priority === 0 || channel.isNextRepeated
      if (isFree || path.hasRoom(channel.nextFrameBytes, this.#init.isUrgent())) return channel
      this.#scheduler.putBack(channel)
      return undefined
    }
  }

  /** Data may follow its opening at once only where it cannot overtake it. */
  #mustWait(channel: ChannelState, path: PathState): boolean {
    const { channel: control } = this.#init.control
    if (control === undefined || !channel.isLocal || channel.isOpenAcknowledged) return false
    return !control.isAllOn(path)
  }
}

/** Priorities that a path carries. */
interface Classes {
  readonly least: PriorityNumber
  readonly most: PriorityNumber
}
