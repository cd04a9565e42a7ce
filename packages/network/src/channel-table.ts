/**
 * The channels of a session: which there are, what they have to send, and what of
 * it goes next. Part of the pure core; throws only for breaches of the peer.
 */
import { createTokenBucket, type TokenBucket } from '@vudo/swarm'
import { ChannelState } from './channel-state.ts'
import { NetworkError } from './errors.ts'
import { FramePool } from './frame-pool.ts'
import {
  ACK_DELAY_MS,
  ACK_WITH_DATA_BYTES,
  FRAME_HEAD_BYTES,
  MAX_CHANNELS,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_PENDING_RESETS,
  OPENINGS_PER_SECOND,
  URGENT_FRAME_PAYLOAD_BYTES,
} from './limits.ts'
import type { Membership } from './membership.ts'
import { Scheduler } from './scheduler.ts'
import type { SessionEffect, SessionInput } from './session-io.ts'
import {
  encodeAck,
  encodeOpen,
  encodeReset,
  isCode,
  protocolError,
  type AckFrame,
  type ChannelPosition,
  type DataFrame,
  type EndFrame,
  type OpenFrame,
  type ResetFrame,
} from './wire.ts'

/** What the channels need of their session. */
export interface ChannelTableInit {
  /** True on the side that sent the hello: its channels have odd numbers. */
  readonly isDialer: boolean
  readonly membership: Membership
  readonly maxFrameBytes: number
  readonly nowMs: number
  /** Called before a new channel of the peer is judged: lists of proofs that wait count for it. */
  readonly onOpening: (nowMs: number) => void
  /** Takes what the driver has to be told. */
  readonly emit: (effect: SessionEffect) => void
}

/** Every channel that is not over. */
export class ChannelTable {
  readonly #init: ChannelTableInit
  readonly #channels = new Map<number, ChannelState>()
  readonly #scheduler = new Scheduler<ChannelState>()
  /** Local channels whose opening is to be sent, lowest number first. */
  #opening: ChannelState[] = []
  /** Whose frame the connection is sending. */
  #lender: ChannelState | undefined
  /** Channels whose acknowledgement waits for no company; each once. */
  #urgentAcks: ChannelState[] = []
  readonly #resets = new Map<number, string>()
  readonly #openings: TokenBucket
  #nextLocal: number
  #highestRemote: number
  #criticalChannels = 0
  #ackAtMs: number | undefined

  constructor(init: ChannelTableInit) {
    this.#init = init
    this.#nextLocal = init.isDialer ? 1 : 2
    this.#highestRemote = init.isDialer ? 0 : -1
    this.#openings = createTokenBucket(OPENINGS_PER_SECOND, init.nowMs)
  }

  /** The number of the channel that is opened next. */
  get nextLocal(): number {
    return this.#nextLocal
  }

  /** When acknowledgements that waited for company are due. */
  get ackAtMs(): number | undefined {
    return this.#ackAtMs
  }

  /** True while something was sent and is not acknowledged. */
  get isAwaitingAck(): boolean {
    return [...this.#channels.values()].some((channel) => channel.isAwaitingAck)
  }

  /** A channel that is not over. */
  get(id: number): ChannelState | undefined {
    return this.#channels.get(id)
  }

  /** Where every channel stands. */
  positions(): ChannelPosition[] {
    return [...this.#channels.values()]
      .filter((channel) => channel.isKnownToPeer)
      .map((channel) => channel.report())
  }

  /** The next frame of any channel. To be asked for when the connection has sent the one before. */
  takeFrame(): Uint8Array | undefined {
    this.#lender?.settle()
    this.#lender = undefined
    if (this.#resets.size > 0) return this.#takeReset()
    return this.#takeOpening() ?? this.#takeAck() ?? this.#takeData()
  }

  #takeReset(): Uint8Array | undefined {
    for (const [channel, code] of this.#resets) {
      this.#resets.delete(channel)
      return encodeReset({ channel, code })
    }
    return undefined
  }

  #takeOpening(): Uint8Array | undefined {
    const channel = this.#opening.shift()
    if (channel === undefined) return undefined
    const frame = this.#take(channel)
    this.#scheduler.wake(channel)
    return frame
  }

  #takeAck(): Uint8Array | undefined {
    while (this.#urgentAcks.length > 0) {
      const channel = this.#urgentAcks.shift()
      if (channel === undefined) break
      channel.isAckQueued = false
      if (channel.isAckDue || channel.isAckUrgent) return this.#ack(channel)
    }
    return undefined
  }

  #ack(channel: ChannelState): Uint8Array {
    const frame = encodeAck(channel.report())
    this.#forgetWhenDone(channel)
    return frame
  }

  #takeData(): Uint8Array | undefined {
    const channel = this.#scheduler.next()
    if (channel === undefined) return undefined
    if (channel.unreportedBytes >= ACK_WITH_DATA_BYTES) {
      this.#scheduler.wake(channel)
      return this.#ack(channel)
    }
    const wasWritable = channel.isWritable
    const frame = this.#take(channel)
    this.#scheduler.charge(channel, frame?.length ?? 0)
    if (!wasWritable && channel.isWritable) {
      this.#init.emit({ type: 'writable', channel: channel.id })
    }
    return frame
  }

  #take(channel: ChannelState): Uint8Array | undefined {
    this.#lender = channel
    return channel.takeFrame()
  }

  /** Data, or the end of a direction. */
  onData(frame: DataFrame | EndFrame, nowMs: number): void {
    const channel = this.#find(frame.channel)
    if (channel === undefined) return
    const hadEnded = channel.hasRemoteEnded
    for (const { bytes, cost } of channel.receive(frame)) {
      this.#init.emit({ type: 'message', channel: channel.id, bytes, cost })
    }
    if (channel.hasRemoteEnded && !hadEnded) {
      this.#init.emit({ type: 'end', channel: channel.id })
    }
    this.#scheduleAck(channel, nowMs)
  }

  /** The peer says how far it is. */
  onAck(frame: AckFrame): void {
    const channel = this.#channels.get(frame.channel)
    // The channel may be over on this side already; a number that never was is a lie.
    if (channel === undefined) return this.#assertKnown(frame.channel)
    channel.acknowledge(frame)
    this.#wake(channel)
    this.#forgetWhenDone(channel)
  }

  /** The peer opens a channel. */
  onOpen(frame: OpenFrame, nowMs: number): void {
    const { channel: id, protocol, priority, proof } = frame
    if (this.#isLocal(id)) throw protocolError(`channel ${id} has our numbers`)
    const present = this.#channels.get(id)
    if (present !== undefined) {
      // Sent again: our acknowledgement was lost with its connection.
      present.isAckUrgent = true
      this.#queueAck(present)
      return
    }
    if (id <= this.#highestRemote) return this.#queueReset(id, 'ERR_CHANNEL_CLOSED')
    this.#highestRemote = id
    if (!this.#openings.take(nowMs)) return this.#queueReset(id, 'ERR_LIMIT')
    this.#init.onOpening(nowMs)
    const database = proof.length === 0 ? undefined : this.#init.membership.databaseOf(proof)
    const isMember =
      proof.length === 0 ? this.#init.membership.shared.size > 0 : database !== undefined
    if (!isMember) return this.#queueReset(id, 'ERR_NOT_MEMBER')
    if (this.#count(false) >= MAX_CHANNELS) return this.#queueReset(id, 'ERR_LIMIT')
    // Whoever takes the channel may reset it, and the answers of a peer that does not read pile up.
    this.#assertRoomForResets()
    const channel = new ChannelState({ id, protocol, priority, database, pool })
    this.#add(channel)
    channel.isAckUrgent = true
    this.#queueAck(channel)
    this.#init.emit({ type: 'open', channel: id, protocol, priority, database })
  }

  /** The peer ends a channel early. */
  onReset({ channel: id, code }: ResetFrame): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return this.#assertKnown(id)
    const isRefusal = channel.isLocal && !channel.isOpenAcknowledged
    this.#drop(
      channel,
      new NetworkError(
        isRefusal ? 'ERR_CHANNEL_REFUSED' : 'ERR_CHANNEL_RESET',
        `the peer ${isRefusal ? 'refused' : 'reset'} channel "${channel.protocol}": ${code}`,
        { peerCode: code },
      ),
    )
  }

  /** Opens a channel, or says at once that it is closed. */
  open(input: SessionInput & { readonly type: 'open' }): void {
    const { protocol, priority, database } = input
    const id = this.#nextLocal
    this.#nextLocal += 2
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
    this.#opening.push(channel)
  }

  #refusalToOpen(database: string | undefined): NetworkError | undefined {
    const isMember =
      database === undefined
        ? this.#init.membership.shared.size > 0
        : this.#init.membership.shared.has(database)
    if (!isMember) {
      return new NetworkError('ERR_NOT_MEMBER', 'the peer has not proven to have the database', {
        hint: 'open channels after the event database:shared',
      })
    }
    if (this.#count(true) < MAX_CHANNELS) return undefined
    return new NetworkError('ERR_LIMIT', `${MAX_CHANNELS} channels are open, no more are allowed`, {
      hint: 'close channels that are not needed',
    })
  }

  /** Queues a message. */
  send(id: number, message: Uint8Array): void {
    const channel = this.#channels.get(id)
    if (channel === undefined || channel.hasEnded) return
    const most = Math.min(
      this.#criticalChannels > 0 ? URGENT_FRAME_PAYLOAD_BYTES : MAX_FRAME_PAYLOAD_BYTES,
      this.#init.maxFrameBytes - FRAME_HEAD_BYTES,
    )
    channel.send(message, most)
    this.#wake(channel)
  }

  /** The application has read a message. */
  consume(id: number, cost: number, nowMs: number): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    channel.consume(cost)
    this.#scheduleAck(channel, nowMs)
  }

  /** Ends this direction of a channel. */
  end(id: number): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    channel.end()
    this.#wake(channel)
  }

  /** Ends a channel early; the driver knows. */
  reset(id: number, code: string): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    this.#drop(channel, undefined)
    if (channel.isKnownToPeer) this.#resets.set(id, isCode(code) ? code : 'ERR_CHANNEL_RESET')
  }

  /** A database is not shared any more: its channels end. */
  expel(databaseId: string): void {
    for (const channel of this.#channels.values()) {
      if (channel.database === databaseId) this.#expel(channel)
    }
  }

  /** The connection is gone; what it owed, the positions will say. */
  detach(): void {
    this.#ackAtMs = undefined
    for (const channel of this.#urgentAcks) channel.isAckQueued = false
    this.#urgentAcks = []
  }

  /** The session is over; the driver ends the channels. */
  clear(): void {
    for (const channel of this.#channels.values()) channel.abandon()
    this.#channels.clear()
    this.#opening = []
    this.#resets.clear()
    this.detach()
  }

  #expel(channel: ChannelState): void {
    this.#drop(
      channel,
      new NetworkError('ERR_NOT_MEMBER', 'the database of the channel was left by one end'),
    )
    this.#resets.set(channel.id, 'ERR_NOT_MEMBER')
  }

  /** Acknowledgements that waited for company go out alone. */
  onTimer(nowMs: number): void {
    if (this.#ackAtMs === undefined || nowMs < this.#ackAtMs) return
    this.#ackAtMs = undefined
    for (const channel of this.#channels.values()) {
      if (channel.isAckDue) this.#queueAck(channel)
    }
  }

  #scheduleAck(channel: ChannelState, nowMs: number): void {
    if (channel.isAckUrgent) this.#queueAck(channel)
    else if (channel.isAckDue) this.#ackAtMs ??= nowMs + ACK_DELAY_MS
  }

  #queueAck(channel: ChannelState): void {
    if (channel.isAckQueued) return
    channel.isAckQueued = true
    this.#urgentAcks.push(channel)
  }

  /** Brings every channel to where the peer is. */
  goOn(positions: ReadonlyMap<number, ChannelPosition>): void {
    this.#opening = []
    for (const channel of this.#channels.values()) {
      const position = positions.get(channel.id)
      channel.goOn(position)
      if (position === undefined && !(channel.isLocal && !channel.isOpenAcknowledged)) {
        this.#closeForgotten(channel)
        continue
      }
      if (channel.isOpenPending) this.#opening.push(channel)
      else this.#scheduler.wake(channel)
      this.#forgetWhenDone(channel)
    }
    for (const id of positions.keys()) {
      if (this.#channels.has(id)) continue
      // The peer's opening was lost with the connection and comes again.
      if (!this.#isLocal(id) && id > this.#highestRemote) continue
      this.#assertKnown(id)
      this.#queueReset(id, 'ERR_CHANNEL_CLOSED')
    }
  }

  /** The peer has forgotten the channel: it was complete for the peer, or was reset. */
  #closeForgotten(channel: ChannelState): void {
    const isComplete = channel.hasEnded && channel.hasRemoteEnded
    const error = isComplete
      ? undefined
      : new NetworkError('ERR_CHANNEL_RESET', `the peer reset channel "${channel.protocol}"`)
    this.#drop(channel, error, true)
  }

  #add(channel: ChannelState): void {
    this.#channels.set(channel.id, channel)
    if (channel.priority === 0) this.#criticalChannels += 1
  }

  #remove(channel: ChannelState): void {
    if (!this.#channels.delete(channel.id)) return
    if (channel.priority === 0) this.#criticalChannels -= 1
    this.#urgentAcks = this.#urgentAcks.filter((other) => other !== channel)
    this.#opening = this.#opening.filter((other) => other !== channel)
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

  #wake(channel: ChannelState): void {
    // The opening goes out on its own, in the order of the numbers; data waits for it.
    if (!channel.isOpenPending) this.#scheduler.wake(channel)
  }

  /** The channel of a data frame; one that is over is answered with a reset. */
  #find(id: number): ChannelState | undefined {
    const channel = this.#channels.get(id)
    if (channel !== undefined) return channel
    this.#assertKnown(id)
    this.#queueReset(id, 'ERR_CHANNEL_CLOSED')
    return undefined
  }

  #queueReset(id: number, code: string): void {
    if (this.#resets.has(id)) return
    this.#assertRoomForResets()
    this.#resets.set(id, code)
  }

  #assertRoomForResets(): void {
    if (this.#resets.size < MAX_PENDING_RESETS) return
    throw protocolError(`the peer does not read the answers to ${MAX_PENDING_RESETS} channels`)
  }

  /** @throws when no channel ever had this number. */
  #assertKnown(id: number): void {
    if (this.#isLocal(id) ? id < this.#nextLocal : id <= this.#highestRemote) return
    throw protocolError(`channel ${id} was never opened`)
  }

  #isLocal(id: number): boolean {
    return (id % 2 === 1) === this.#init.isDialer
  }

  #count(isLocal: boolean): number {
    let count = 0
    for (const channel of this.#channels.values()) if (channel.isLocal === isLocal) count += 1
    return count
  }
}

const noBytes = new Uint8Array(0)
const pool = new FramePool()
