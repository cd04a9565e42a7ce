/**
 * The channels of a session: which there are, and what happens to them. What of them
 * goes next, `channel-turns.ts` says. Part of the pure core; throws only for breaches of
 * the peer.
 */
import { createTokenBucket, type TokenBucket } from '@vudo/swarm'
import { AckQueue, CreditQuestion } from './channel-acks.ts'
import { ControlQueue } from './channel-control.ts'
import {
  forgottenByPeer,
  leftDatabase,
  notProven,
  resetByPeer,
  tooManyChannels,
} from './channel-errors.ts'
import { ChannelNumbers } from './channel-numbers.ts'
import { ChannelState } from './channel-state.ts'
import { ChannelTurns } from './channel-turns.ts'
import type { NetworkError } from './errors.ts'
import { FramePool } from './frame-pool.ts'
import { FRAME_HEAD_BYTES, MAX_CHANNELS, OPENINGS_PER_SECOND } from './limits.ts'
import type { Membership } from './membership.ts'
import type { PathState } from './path-state.ts'
import type { PathTable } from './path-table.ts'
import type { SessionEffect, SessionInput } from './session-io.ts'
import {
  frameKind,
  type AckFrame,
  type ChannelPosition,
  type DataFrame,
  type EndFrame,
  type OpenFrame,
  type ResetFrame,
} from './frames.ts'
import { encodeOpen, isCode, protocolError } from './wire.ts'

/** What the channels need of their session. */
export interface ChannelTableInit {
  /** True on the side that sent the hello: its channels have odd numbers. */
  readonly isDialer: boolean
  /** True when control frames travel in channel 0: from version 2 on. */
  readonly isOrdered: boolean
  readonly membership: Membership
  readonly maxFrameBytes: number
  readonly paths: PathTable
  readonly nowMs: number
  /** Called before a new channel of the peer is judged: lists of proofs that wait count for it. */
  readonly onOpening: (nowMs: number) => void
  /** Takes a message of channel 0. */
  readonly onControl: (bytes: Uint8Array, nowMs: number) => void
  /** Takes what the driver has to be told. */
  readonly emit: (effect: SessionEffect) => void
}

/** Every channel that is not over. */
export class ChannelTable {
  readonly #init: ChannelTableInit
  readonly #channels = new Map<number, ChannelState>()
  readonly #control: ControlQueue
  readonly #acks = new AckQueue()
  readonly #question = new CreditQuestion()
  readonly #turns: ChannelTurns
  readonly #openings: TokenBucket
  readonly #numbers: ChannelNumbers
  #criticalChannels = 0

  constructor(init: ChannelTableInit) {
    this.#init = init
    this.#numbers = new ChannelNumbers(init.isDialer)
    this.#openings = createTokenBucket(OPENINGS_PER_SECOND, init.nowMs)
    this.#control = new ControlQueue(init.isOrdered, pool)
    if (this.#control.channel !== undefined) this.#channels.set(0, this.#control.channel)
    this.#turns = new ChannelTurns({
      isOrdered: init.isOrdered,
      paths: init.paths,
      control: this.#control,
      acks: this.#acks,
      question: this.#question,
      channels: this.#channels,
      isUrgent: () => this.#isUrgent,
      onReported: (channel) => this.#forgetWhenDone(channel),
      onWritable: ({ id }) => init.emit({ type: 'writable', channel: id }),
    })
  }

  /** The number of the channel that is opened next. */
  get nextLocal(): number {
    return this.#numbers.nextLocal
  }

  /** When {@link onTimer} has something to do. */
  get wakeAtMs(): number {
    return Math.min(this.#acks.atMs ?? Infinity, this.#question.atMs ?? Infinity)
  }

  /** A channel that is not over. */
  get(id: number): ChannelState | undefined {
    return this.#channels.get(id)
  }

  /** Where every channel stands. */
  positions(): ChannelPosition[] {
    return [...this.#channels.values()]
      .filter((channel) => channel.isKnownToPeer)
      .map((channel) => channel.position)
  }

  /** The next frame for `path`, which has sent the one before. */
  takeFrame(path: PathState, nowMs: number): Uint8Array | undefined {
    return this.#turns.takeFrame(path, nowMs)
  }

  get #isUrgent(): boolean {
    return this.#criticalChannels > 0
  }

  /** Shows a list of proofs, before anything else. */
  show(proofs: Uint8Array): void {
    this.#control.show(proofs)
  }

  /** Data, or the end of a direction. */
  onData(frame: DataFrame | EndFrame, path: PathState, nowMs: number): void {
    const channel = this.#find(frame.channel)
    this.#acks.path = path
    if (channel === undefined) return
    if (channel === this.#control.channel) return this.#onControl(channel, frame, nowMs)
    const hadEnded = channel.hasRemoteEnded
    for (const { bytes, cost } of channel.receive(frame)) {
      this.#init.emit({ type: 'message', channel: channel.id, bytes, cost })
    }
    if (channel.hasRemoteEnded && !hadEnded) {
      this.#init.emit({ type: 'end', channel: channel.id })
    }
    this.#acks.schedule(channel, nowMs)
  }

  #onControl(channel: ChannelState, frame: DataFrame | EndFrame, nowMs: number): void {
    if (frame.kind === frameKind.end) throw protocolError('the end of channel 0')
    for (const { bytes, cost } of channel.receive(frame)) {
      channel.consume(cost)
      this.#init.onControl(bytes, nowMs)
    }
    this.#acks.schedule(channel, nowMs)
  }

  /** The peer says how far it is. */
  onAck(frame: AckFrame, nowMs: number): void {
    const channel = this.#channels.get(frame.channel)
    // The channel may be over on this side already; a number that never was is a lie.
    if (channel === undefined) return this.#numbers.assertKnown(frame.channel)
    const isNews = channel.acknowledge(frame, nowMs)
    if (isNews) this.#question.answered()
    if (channel === this.#control.channel || channel.isHeld) this.#turns.unhold()
    this.#turns.wake(channel)
    this.#forgetWhenDone(channel)
  }

  /** The peer asks where this end stands. */
  onAsk(path: PathState): void {
    this.#acks.path = path
    this.#acks.reportAll(this.#channels.values())
  }

  /** The peer opens a channel. */
  onOpen(frame: OpenFrame, nowMs: number): void {
    const { channel: id, protocol, priority, proof } = frame
    if (this.#numbers.isLocal(id)) throw protocolError(`channel ${id} has our numbers`)
    const present = this.#channels.get(id)
    if (present !== undefined) {
      // Sent again: our acknowledgement was lost with its connection.
      present.isAckUrgent = true
      this.#acks.queue(present)
      return
    }
    if (!this.#numbers.isNewRemote(id)) return this.#control.answer(id, 'ERR_CHANNEL_CLOSED')
    this.#numbers.takeRemote(id)
    if (!this.#openings.take(nowMs)) return this.#control.answer(id, 'ERR_LIMIT')
    this.#init.onOpening(nowMs)
    const database = proof.length === 0 ? undefined : this.#init.membership.databaseOf(proof)
    const isMember =
      proof.length === 0 ? this.#init.membership.shared.size > 0 : database !== undefined
    if (!isMember) return this.#control.answer(id, 'ERR_NOT_MEMBER')
    if (this.#count(false) >= MAX_CHANNELS) return this.#control.answer(id, 'ERR_LIMIT')
    // Whoever takes the channel may reset it, and the answers of a peer that does not read pile up.
    this.#control.assertRoom()
    const channel = new ChannelState({ id, protocol, priority, database, pool })
    this.#add(channel)
    channel.isAckUrgent = true
    this.#acks.queue(channel)
    this.#init.emit({ type: 'open', channel: id, protocol, priority, database })
  }

  /** The peer ends a channel early. */
  onReset({ channel: id, code }: ResetFrame): void {
    if (id === 0) throw protocolError('a reset of channel 0')
    const channel = this.#channels.get(id)
    if (channel === undefined) return this.#numbers.assertKnown(id)
    // The last acknowledgement was lost with its path, and for the peer all is done.
    if (code === 'ERR_CHANNEL_CLOSED' && channel.hasEnded && channel.hasRemoteEnded) {
      return this.#closeForgotten(channel)
    }
    this.#drop(channel, resetByPeer(channel, code))
  }

  /** Opens a channel, or says at once that it is closed. */
  open(input: SessionInput & { readonly type: 'open' }): void {
    const { protocol, priority, database } = input
    const id = this.#numbers.takeLocal()
    const refusal = this.#refusalToOpen(database)
    if (refusal !== undefined) {
      this.#init.emit({ type: 'closed', channel: id, error: refusal })
      return
    }
    const proof =
      database === undefined ? noBytes : (this.#init.membership.ownProof(database) ?? noBytes)
    const open = encodeOpen({ channel: id, protocol, priority, proof })
    const channel = new ChannelState({ id, protocol, priority, database, open, pool })
    this.#add(channel)
    this.#control.open(channel)
  }

  #refusalToOpen(database: string | undefined): NetworkError | undefined {
    const isMember =
      database === undefined
        ? this.#init.membership.shared.size > 0
        : this.#init.membership.shared.has(database)
    if (!isMember) return notProven()
    return this.#count(true) < MAX_CHANNELS ? undefined : tooManyChannels()
  }

  /** Queues a message. */
  send(id: number, message: Uint8Array): void {
    const channel = this.#channels.get(id)
    if (channel === undefined || channel.hasEnded) return
    const { paths, maxFrameBytes } = this.#init
    const most = Math.min(paths.payloadBytes(this.#isUrgent), maxFrameBytes - FRAME_HEAD_BYTES)
    channel.send(message, most)
    this.#turns.wake(channel)
  }

  /** The application has read a message. */
  consume(id: number, cost: number, nowMs: number): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    channel.consume(cost)
    this.#acks.schedule(channel, nowMs)
  }

  /** Ends this direction of a channel. */
  end(id: number): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    channel.end()
    this.#turns.wake(channel)
  }

  /** Ends a channel early; the driver knows. */
  reset(id: number, code: string): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    this.#drop(channel, undefined)
    if (channel.isKnownToPeer) this.#control.reset(id, isCode(code) ? code : 'ERR_CHANNEL_RESET')
  }

  /** A database is not shared any more: its channels end. */
  expel(databaseId: string): void {
    for (const channel of this.#channels.values()) {
      if (channel.database === databaseId) this.#expel(channel)
    }
  }

  /** What is under way on `path` goes over another one; what was acknowledged on it is said again. */
  recall(path: PathState): void {
    for (const channel of this.#channels.values()) {
      if (channel.recall(path)) this.#turns.wake(channel)
    }
    path.release()
    if (this.#control.channel === undefined) this.#control.reopen(this.#channels.values())
    this.#turns.unhold()
    this.#acks.reportAll(this.#channels.values())
  }

  /** No path is left; what is owed is said when there is one again. */
  detach(): void {
    this.#acks.detach()
    this.#question.answered()
  }

  /** The session is over; the driver ends the channels. */
  clear(): void {
    for (const channel of this.#channels.values()) channel.abandon()
    this.#channels.clear()
    this.#control.clear()
    this.#acks.clear()
    this.#question.answered()
  }

  #expel(channel: ChannelState): void {
    this.#drop(channel, leftDatabase())
    this.#control.reset(channel.id, 'ERR_NOT_MEMBER')
  }

  onTimer(nowMs: number): void {
    this.#question.onTimer(nowMs)
    this.#acks.onTimer(this.#channels.values(), nowMs)
  }

  /**
   * Another connection carries the session, and the peer has said where it stands. With
   * channel 0 nothing is forgotten; else what the peer does not name it has reset.
   */
  goOn(positions: ReadonlyMap<number, ChannelPosition>, nowMs: number): void {
    for (const channel of this.#channels.values()) {
      const position = positions.get(channel.id)
      if (position !== undefined) channel.acknowledge(position, nowMs)
      if (position === undefined && this.#isForgotten(channel)) {
        this.#closeForgotten(channel)
        continue
      }
      this.#turns.wake(channel)
      this.#forgetWhenDone(channel)
    }
    this.#turns.unhold()
    this.#acks.reportAll(this.#channels.values())
    if (!this.#init.isOrdered) this.#goOnInOrder(positions)
  }

  #isForgotten(channel: ChannelState): boolean {
    return !this.#init.isOrdered && !(channel.isLocal && !channel.isOpenAcknowledged)
  }

  #goOnInOrder(positions: ReadonlyMap<number, ChannelPosition>): void {
    this.#control.reopen(this.#channels.values())
    for (const id of positions.keys()) {
      if (this.#channels.has(id)) continue
      // The peer's opening was lost with the connection and comes again.
      if (this.#numbers.isNewRemote(id)) continue
      this.#numbers.assertKnown(id)
      this.#control.answer(id, 'ERR_CHANNEL_CLOSED')
    }
  }

  /** The peer has forgotten the channel: it was complete for the peer, or was reset. */
  #closeForgotten(channel: ChannelState): void {
    const isComplete = channel.hasEnded && channel.hasRemoteEnded
    const error = isComplete ? undefined : forgottenByPeer(channel)
    this.#drop(channel, error, true)
  }

  #add(channel: ChannelState): void {
    this.#channels.set(channel.id, channel)
    if (channel.priority === 0) this.#criticalChannels += 1
  }

  #remove(channel: ChannelState): void {
    if (!this.#channels.delete(channel.id)) return
    if (channel.priority === 0) this.#criticalChannels -= 1
    this.#acks.forget(channel)
    this.#control.forget(channel)
  }

  /** Ends a channel early; with an error the driver is told, without one it knows. */
  #drop(
    channel: ChannelState,
    error: NetworkError | undefined,
    isTold = error !== undefined,
  ): void {
    channel.abandon()
    this.#remove(channel)
    if (isTold) this.#init.emit({ type: 'closed', channel: channel.id, error })
  }

  #forgetWhenDone(channel: ChannelState): void {
    if (!channel.isDone || !this.#channels.has(channel.id)) return
    this.#remove(channel)
    this.#init.emit({ type: 'closed', channel: channel.id })
  }

  /** The channel of a data frame; one that is over is answered with a reset. */
  #find(id: number): ChannelState | undefined {
    const channel = this.#channels.get(id)
    if (channel !== undefined) return channel
    this.#numbers.assertKnown(id)
    this.#control.answer(id, 'ERR_CHANNEL_CLOSED')
    return undefined
  }

  #count(isLocal: boolean): number {
    const isCounted = (channel: ChannelState): boolean =>
      channel.id !== 0 && channel.isLocal === isLocal
    return [...this.#channels.values()].filter(isCounted).length
  }
}

const noBytes = new Uint8Array(0)
const pool = new FramePool()
