/**
 * A session: what two peers have to say to each other, whichever connection carries
 * it. The pure core: no sockets, no timers, no clock, no randomness.
 *
 * A session begins with a handshake (`handshake.ts`) and is *attached* while a
 * connection carries it. When the connection breaks it is *detached* and waits
 * `resumeWindowMs` for another one on which the peer proves the same key and names
 * the same session; then every channel goes on where it was. Otherwise it *ends*,
 * once and for good.
 *
 * Invariants, held under any order of inputs:
 * - each channel delivers every message once and in order, or ends with an error;
 * - whatever bytes the peer sends, nothing throws, and every buffer has a bound;
 * - nothing of a database goes to a peer that has not proven to be a member.
 *
 * Frames are pulled with {@link SessionState.takeFrame} rather than returned as
 * effects, because only the driver knows when the connection takes more. Control
 * frames go first: the list of proofs, signs of life, resets, openings in the order
 * of their numbers, acknowledgements; then data as the scheduler says.
 */
import { ChannelState } from './channel-state.ts'
import { isNetworkError, NetworkError } from './errors.ts'
import {
  ACK_DELAY_MS,
  ACK_WITH_DATA_BYTES,
  FRAME_HEAD_BYTES,
  MAX_CHANNELS,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_PENDING_RESETS,
  URGENT_FRAME_PAYLOAD_BYTES,
} from './limits.ts'
import type { DatabaseKey, Membership, MembershipChange } from './membership.ts'
import { Heartbeat } from './heartbeat.ts'
import { Scheduler } from './scheduler.ts'
import {
  decodeFrame,
  encodeAck,
  encodeCode,
  encodeOpen,
  encodeProofs,
  encodeReset,
  encodeTime,
  frameKind,
  isCode,
  protocolError,
  type AckFrame,
  type ChannelPosition,
  type DataFrame,
  type EndFrame,
  type Frame,
  type OpenFrame,
  type PriorityNumber,
  type ResetFrame,
} from './wire.ts'

/** What can happen to a session. */
export type SessionInput =
  /** A connection carries it now; `positions` are the peer's when it goes on. */
  | { readonly type: 'attach'; readonly positions?: readonly ChannelPosition[] | undefined }
  /** The connection is gone. */
  | { readonly type: 'detach' }
  /** A message came in on the connection. */
  | { readonly type: 'frame'; readonly bytes: Uint8Array }
  /** {@link SessionState.wakeAtMs} has come. */
  | { readonly type: 'timer' }
  /** Open channel number {@link SessionState.nextChannel}. */
  | {
      readonly type: 'open'
      readonly protocol: string
      readonly priority: PriorityNumber
      readonly database: string | undefined
    }
  | { readonly type: 'send'; readonly channel: number; readonly message: Uint8Array }
  | { readonly type: 'end'; readonly channel: number }
  | { readonly type: 'reset'; readonly channel: number; readonly code: string }
  /** The application has read a message that had this cost. */
  | { readonly type: 'consume'; readonly channel: number; readonly cost: number }
  | { readonly type: 'join'; readonly database: DatabaseKey }
  | { readonly type: 'leave'; readonly databaseId: string }
  /** The peer's proofs came with its welcome. */
  | { readonly type: 'show'; readonly proofs: readonly Uint8Array[] }
  /** End the session for good and tell the peer why. */
  | { readonly type: 'close'; readonly error: NetworkError }

/** What the driver has to do about it, in order. */
export type SessionEffect =
  | {
      readonly type: 'message'
      readonly channel: number
      readonly bytes: Uint8Array
      readonly cost: number
    }
  /** The peer opened a channel. */
  | {
      readonly type: 'open'
      readonly channel: number
      readonly protocol: string
      readonly priority: PriorityNumber
      readonly database: string | undefined
    }
  /** The peer sends no more on the channel. */
  | { readonly type: 'end'; readonly channel: number }
  /** The channel is over; without an error, both ends ended it and everything arrived. */
  | {
      readonly type: 'closed'
      readonly channel: number
      readonly error?: NetworkError | undefined
    }
  /** The channel may take messages again. */
  | { readonly type: 'writable'; readonly channel: number }
  | { readonly type: 'shared'; readonly databaseId: string }
  | { readonly type: 'unshared'; readonly databaseId: string }
  /** The connection does not answer any more: close it. */
  | { readonly type: 'drop-path' }
  /** Over for good. Send what {@link SessionState.takeFrame} still gives, then close the connection. */
  | { readonly type: 'ended'; readonly error: NetworkError }

/** How a session begins. */
export interface SessionStateInit {
  /** True on the side that sent the hello. */
  readonly isDialer: boolean
  readonly membership: Membership
  /** The smaller of what both ends take, in bytes. */
  readonly maxFrameBytes: number
  readonly heartbeatIntervalMs: number
  readonly resumeWindowMs: number
  readonly unsharedGraceMs: number
  readonly nowMs: number
}

/** The core of one session. */
export class SessionState {
  readonly #init: SessionStateInit
  readonly #membership: Membership
  readonly #channels = new Map<number, ChannelState>()
  readonly #scheduler = new Scheduler<ChannelState>()
  /** Local channels whose opening is to be sent, lowest number first. */
  #opening: ChannelState[] = []
  #urgentAcks = new Set<ChannelState>()
  #resets = new Map<number, string>()
  #proofs: typeof frameKind.confirm | typeof frameKind.membership | undefined
  #pongMs: number | undefined
  #isPingDue = false
  #goodbye: string | undefined

  #nextLocal: number
  #highestRemote: number
  #isAwaitingConfirm: boolean
  #isAttached = false
  #hasEnded = false
  #criticalChannels = 0

  #heartbeat: Heartbeat
  #ackAtMs: number | undefined
  #detachedAtMs: number
  #unsharedAtMs: number | undefined
  #effects: SessionEffect[] = []

  constructor(init: SessionStateInit) {
    this.#init = init
    this.#membership = init.membership
    this.#nextLocal = init.isDialer ? 1 : 2
    this.#highestRemote = init.isDialer ? 0 : -1
    this.#isAwaitingConfirm = !init.isDialer
    this.#proofs = init.isDialer ? frameKind.confirm : undefined
    this.#heartbeat = new Heartbeat(init.heartbeatIntervalMs, init.nowMs)
    this.#detachedAtMs = init.nowMs
    this.#unsharedAtMs = init.membership.shared.size === 0 ? init.nowMs : undefined
  }

  get isAttached(): boolean {
    return this.#isAttached
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Ids of the databases that both ends have proven to have. */
  get shared(): ReadonlySet<string> {
    return this.#membership.shared
  }

  /** The last measured round trip in milliseconds. */
  get rttMs(): number | undefined {
    return this.#heartbeat.rttMs
  }

  /** The number of the channel that the next `open` makes. */
  get nextChannel(): number {
    return this.#nextLocal
  }

  /** A channel that is not over, for questions about it. */
  channel(id: number): ChannelState | undefined {
    return this.#channels.get(id)
  }

  /** When to call with `timer` at the latest, on the clock of `nowMs`; `undefined` once ended. */
  get wakeAtMs(): number | undefined {
    if (this.#hasEnded) return undefined
    const { resumeWindowMs, unsharedGraceMs } = this.#init
    const life = this.#isAttached ? this.#heartbeat.wakeAtMs : this.#detachedAtMs + resumeWindowMs
    const unshared = (this.#unsharedAtMs ?? Infinity) + unsharedGraceMs
    return Math.min(life, unshared, this.#ackAtMs ?? Infinity)
  }

  /** Where every channel stands, for a hello or a welcome. */
  positions(): ChannelPosition[] {
    return [...this.#channels.values()]
      .filter((channel) => channel.isKnownToPeer)
      .map((channel) => channel.report())
  }

  /** Never waits and never throws for a fault of the peer. `nowMs` never goes back. */
  handle(input: SessionInput, nowMs: number): readonly SessionEffect[] {
    if (this.#hasEnded) return noEffects
    try {
      this.#apply(input, nowMs)
    } catch (error) {
      if (!isNetworkError(error)) throw error
      this.#end(error)
    }
    return this.takeEffects()
  }

  /** What came of taking frames: channels that are complete, or take messages again. */
  takeEffects(): readonly SessionEffect[] {
    if (this.#effects.length === 0) return noEffects
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** The next frame for the connection, or nothing at present. After the end, the goodbye. */
  takeFrame(nowMs: number): Uint8Array | undefined {
    if (this.#goodbye !== undefined) {
      const code = this.#goodbye
      this.#goodbye = undefined
      return encodeCode({ kind: frameKind.goodbye, code })
    }
    if (!this.#isAttached || this.#hasEnded) return undefined
    return this.#takeControl(nowMs) ?? this.#takeAck() ?? this.#takeData()
  }

  #apply(input: SessionInput, nowMs: number): void {
    switch (input.type) {
      case 'frame':
        return this.#onFrame(input.bytes, nowMs)
      case 'send':
        return this.#send(input.channel, input.message)
      case 'consume':
        return this.#consume(input.channel, input.cost, nowMs)
      case 'timer':
        return this.#onTimer(nowMs)
      case 'open':
        return this.#open(input)
      case 'end':
        return this.#endChannel(input.channel)
      case 'reset':
        return this.#reset(input.channel, input.code)
      case 'join':
        return this.#changeMembership(this.#membership.join(input.database), nowMs, true)
      case 'leave':
        return this.#changeMembership(this.#membership.leave(input.databaseId), nowMs, true)
      case 'show':
        return this.#changeMembership(this.#membership.show(input.proofs), nowMs, false)
      case 'attach':
        return this.#attach(input.positions, nowMs)
      case 'detach':
        return this.#detach(nowMs)
      case 'close':
        return this.#end(input.error)
    }
  }

  // --- frames out ---

  #takeControl(nowMs: number): Uint8Array | undefined {
    if (this.#proofs !== undefined) {
      const kind = this.#proofs
      this.#proofs = undefined
      return encodeProofs({ kind, proofs: this.#membership.ownProofs() })
    }
    if (this.#pongMs !== undefined) {
      const timestampMs = this.#pongMs
      this.#pongMs = undefined
      return encodeTime({ kind: frameKind.pong, timestampMs })
    }
    if (this.#isPingDue) {
      this.#isPingDue = false
      return encodeTime({ kind: frameKind.ping, timestampMs: Math.floor(nowMs) })
    }
    for (const [channel, code] of this.#resets) {
      this.#resets.delete(channel)
      return encodeReset({ channel, code })
    }
    return this.#takeOpening()
  }

  #takeOpening(): Uint8Array | undefined {
    const channel = this.#opening.shift()
    if (channel === undefined) return undefined
    const frame = channel.takeFrame()
    this.#scheduler.wake(channel)
    return frame
  }

  #takeAck(): Uint8Array | undefined {
    for (const channel of this.#urgentAcks) {
      this.#urgentAcks.delete(channel)
      if (!channel.isAckDue && !channel.isAckUrgent) continue
      return this.#ack(channel)
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
    const frame = channel.takeFrame()
    this.#scheduler.charge(channel, frame?.length ?? 0)
    if (!wasWritable && channel.isWritable) {
      this.#effects.push({ type: 'writable', channel: channel.id })
    }
    return frame
  }

  // --- frames in ---

  #onFrame(bytes: Uint8Array, nowMs: number): void {
    if (!this.#isAttached) return
    this.#heartbeat.heard(nowMs)
    const frame = decodeFrame(bytes)
    if (frame === undefined) return
    if (this.#isAwaitingConfirm && frame.kind !== frameKind.confirm) this.#assertEarly(frame)
    this.#dispatch(frame, nowMs)
  }

  /** Before the dialer has confirmed, only what ends or keeps alive the session may come. */
  #assertEarly(frame: Frame): void {
    if (frame.kind === frameKind.goodbye) return
    throw protocolError('the first frame of a new session is not its confirmation')
  }

  #dispatch(frame: Frame, nowMs: number): void {
    switch (frame.kind) {
      case frameKind.data:
      case frameKind.end:
        return this.#onData(frame, nowMs)
      case frameKind.ack:
        return this.#onAck(frame)
      case frameKind.open:
        return this.#onOpen(frame)
      case frameKind.reset:
        return this.#onReset(frame)
      case frameKind.confirm:
        if (!this.#isAwaitingConfirm) throw protocolError('confirmation out of place')
        this.#isAwaitingConfirm = false
        return this.#changeMembership(this.#membership.show(frame.proofs), nowMs, false)
      case frameKind.membership:
        return this.#changeMembership(this.#membership.show(frame.proofs), nowMs, false)
      case frameKind.ping:
        this.#pongMs = frame.timestampMs
        return
      case frameKind.pong:
        return this.#heartbeat.answered(frame.timestampMs, nowMs)
      case frameKind.goodbye:
        return this.#onGoodbye(frame.code)
      default:
        throw protocolError(`frame of kind ${frame.kind} within a session`)
    }
  }

  #onData(frame: DataFrame | EndFrame, nowMs: number): void {
    const channel = this.#find(frame.channel)
    if (channel === undefined) return
    const hadEnded = channel.hasRemoteEnded
    for (const { bytes, cost } of channel.receive(frame)) {
      this.#effects.push({ type: 'message', channel: channel.id, bytes, cost })
    }
    if (channel.hasRemoteEnded && !hadEnded) {
      this.#effects.push({ type: 'end', channel: channel.id })
    }
    this.#scheduleAck(channel, nowMs)
  }

  #onAck(frame: AckFrame): void {
    const channel = this.#channels.get(frame.channel)
    // The channel may be over on this side already; a number that never was is a lie.
    if (channel === undefined) return this.#assertKnown(frame.channel)
    channel.acknowledge(frame)
    this.#wake(channel)
    this.#forgetWhenDone(channel)
  }

  #onOpen(frame: OpenFrame): void {
    const { channel: id, protocol, priority, proof } = frame
    if (this.#isLocal(id)) throw protocolError(`channel ${id} has our numbers`)
    const present = this.#channels.get(id)
    if (present !== undefined) {
      // Sent again: our acknowledgement was lost with its connection.
      present.isAckUrgent = true
      this.#urgentAcks.add(present)
      return
    }
    if (id <= this.#highestRemote) return this.#queueReset(id, 'ERR_CHANNEL_CLOSED')
    this.#highestRemote = id
    const database = proof.length === 0 ? undefined : this.#membership.databaseOf(proof)
    const isMember = proof.length === 0 ? this.shared.size > 0 : database !== undefined
    if (!isMember) return this.#queueReset(id, 'ERR_NOT_MEMBER')
    if (this.#count(false) >= MAX_CHANNELS) return this.#queueReset(id, 'ERR_LIMIT')
    const channel = new ChannelState({ id, protocol, priority, database })
    this.#add(channel)
    channel.isAckUrgent = true
    this.#urgentAcks.add(channel)
    this.#effects.push({ type: 'open', channel: id, protocol, priority, database })
  }

  #onReset({ channel: id, code }: ResetFrame): void {
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

  #onGoodbye(code: string): void {
    const isOurs = code === 'ERR_NO_SHARED_DATABASE' || code === 'ERR_SESSION_RESET'
    const error = new NetworkError(
      isOurs ? code : 'ERR_SESSION_CLOSED',
      `the peer ended the session: ${code}`,
      { peerCode: code },
    )
    this.#end(error, false)
  }

  // --- commands ---

  #open(input: SessionInput & { type: 'open' }): void {
    const { protocol, priority, database } = input
    const id = this.#nextLocal
    this.#nextLocal += 2
    const refusal = this.#refusalToOpen(database)
    if (refusal !== undefined) {
      this.#effects.push({ type: 'closed', channel: id, error: refusal })
      return
    }
    const proof =
      database === undefined ? noBytes : (this.#membership.ownProof(database) ?? noBytes)
    const open = encodeOpen({ channel: id, protocol, priority, proof })
    const channel = new ChannelState({ id, protocol, priority, database, open })
    this.#add(channel)
    this.#opening.push(channel)
  }

  #refusalToOpen(database: string | undefined): NetworkError | undefined {
    const isMember = database === undefined ? this.shared.size > 0 : this.shared.has(database)
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

  #send(id: number, message: Uint8Array): void {
    const channel = this.#channels.get(id)
    if (channel === undefined || channel.hasEnded) return
    const most = Math.min(
      this.#criticalChannels > 0 ? URGENT_FRAME_PAYLOAD_BYTES : MAX_FRAME_PAYLOAD_BYTES,
      this.#init.maxFrameBytes - FRAME_HEAD_BYTES,
    )
    channel.send(message, most)
    this.#wake(channel)
  }

  #consume(id: number, cost: number, nowMs: number): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    channel.consume(cost)
    this.#scheduleAck(channel, nowMs)
  }

  #endChannel(id: number): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    channel.end()
    this.#wake(channel)
  }

  #reset(id: number, code: string): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    this.#drop(channel, undefined)
    if (channel.isKnownToPeer) this.#resets.set(id, isCode(code) ? code : 'ERR_CHANNEL_RESET')
  }

  #changeMembership(change: MembershipChange, nowMs: number, isOwn: boolean): void {
    if (isOwn && this.#proofs !== frameKind.confirm) this.#proofs = frameKind.membership
    for (const databaseId of change.unshared) {
      for (const channel of this.#channels.values()) {
        if (channel.database === databaseId) this.#expel(channel)
      }
      this.#effects.push({ type: 'unshared', databaseId })
    }
    for (const databaseId of change.shared) this.#effects.push({ type: 'shared', databaseId })
    if (this.shared.size > 0) this.#unsharedAtMs = undefined
    else this.#unsharedAtMs ??= nowMs
  }

  #expel(channel: ChannelState): void {
    this.#drop(
      channel,
      new NetworkError('ERR_NOT_MEMBER', 'the database of the channel was left by one end'),
    )
    this.#resets.set(channel.id, 'ERR_NOT_MEMBER')
  }

  // --- time ---

  #onTimer(nowMs: number): void {
    if (this.#ackAtMs !== undefined && nowMs >= this.#ackAtMs) this.#flushAcks()
    const { unsharedGraceMs, resumeWindowMs } = this.#init
    if (this.#unsharedAtMs !== undefined && nowMs >= this.#unsharedAtMs + unsharedGraceMs) {
      return this.#end(
        new NetworkError(
          'ERR_NO_SHARED_DATABASE',
          `no database was shared within ${unsharedGraceMs} ms`,
          { hint: 'join the same database on both sides, with the same secret' },
        ),
      )
    }
    if (this.#isAttached) return this.#checkLife(nowMs)
    if (nowMs >= this.#detachedAtMs + resumeWindowMs) {
      this.#end(
        new NetworkError('ERR_SESSION_TIMEOUT', `the peer did not return in ${resumeWindowMs} ms`),
      )
    }
  }

  #checkLife(nowMs: number): void {
    const isOwed = [...this.#channels.values()].some((channel) => channel.isAwaitingAck)
    const verdict = this.#heartbeat.check(isOwed, nowMs)
    if (verdict === 'lost') this.#effects.push({ type: 'drop-path' })
    if (verdict === 'ping') this.#ping(nowMs)
  }

  #ping(nowMs: number): void {
    this.#isPingDue = true
    this.#heartbeat.asked(nowMs)
  }

  #flushAcks(): void {
    this.#ackAtMs = undefined
    for (const channel of this.#channels.values()) {
      if (channel.isAckDue) this.#urgentAcks.add(channel)
    }
  }

  #scheduleAck(channel: ChannelState, nowMs: number): void {
    if (channel.isAckUrgent) this.#urgentAcks.add(channel)
    else if (channel.isAckDue) this.#ackAtMs ??= nowMs + ACK_DELAY_MS
  }

  // --- connections ---

  #attach(positions: readonly ChannelPosition[] | undefined, nowMs: number): void {
    this.#isAttached = true
    this.#heartbeat = new Heartbeat(this.#init.heartbeatIntervalMs, nowMs)
    this.#ping(nowMs)
    if (positions === undefined) return
    // If the confirmation was lost with its connection: the list of proofs follows anyway.
    this.#isAwaitingConfirm = false
    this.#proofs = frameKind.membership
    this.#goOn(new Map(positions.map((position) => [position.channel, position])))
  }

  /** Brings every channel to where the peer is. */
  #goOn(positions: ReadonlyMap<number, ChannelPosition>): void {
    this.#opening = []
    for (const channel of this.#channels.values()) {
      const position = positions.get(channel.id)
      if (position !== undefined) channel.acknowledge(position)
      channel.resend()
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

  #detach(nowMs: number): void {
    if (!this.#isAttached) return
    this.#isAttached = false
    this.#detachedAtMs = nowMs
    this.#ackAtMs = undefined
    this.#urgentAcks.clear()
    this.#pongMs = undefined
    this.#isPingDue = false
  }

  #end(error: NetworkError, isToldToPeer = true): void {
    this.#hasEnded = true
    if (isToldToPeer && this.#isAttached) this.#goodbye = error.code
    this.#channels.clear()
    this.#opening = []
    this.#urgentAcks.clear()
    this.#resets.clear()
    this.#effects.push({ type: 'ended', error })
  }

  // --- channels ---

  #add(channel: ChannelState): void {
    this.#channels.set(channel.id, channel)
    if (channel.priority === 0) this.#criticalChannels += 1
  }

  #remove(channel: ChannelState): void {
    if (!this.#channels.delete(channel.id)) return
    if (channel.priority === 0) this.#criticalChannels -= 1
    this.#urgentAcks.delete(channel)
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
    if (isTold) this.#effects.push({ type: 'closed', channel: channel.id, error })
  }

  #forgetWhenDone(channel: ChannelState): void {
    if (!channel.isDone || !this.#channels.has(channel.id)) return
    this.#remove(channel)
    this.#effects.push({ type: 'closed', channel: channel.id })
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
    if (this.#resets.size >= MAX_PENDING_RESETS) throw protocolError('too many stray frames')
    this.#resets.set(id, code)
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

const noEffects: readonly SessionEffect[] = []
const noBytes = new Uint8Array(0)
