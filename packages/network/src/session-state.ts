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
import { createTokenBucket, type TokenBucket } from '@vudo/swarm'
import type { ChannelState } from './channel-state.ts'
import { ChannelTable } from './channel-table.ts'
import { isNetworkError, NetworkError } from './errors.ts'
import { Heartbeat } from './heartbeat.ts'
import { MEMBERSHIP_LISTS_PER_SECOND } from './limits.ts'
import type { Membership, MembershipChange } from './membership.ts'
import type { SessionEffect, SessionInput, SessionStateInit } from './session-io.ts'
import {
  decodeFrame,
  encodeCode,
  encodeProofs,
  encodeTime,
  frameKind,
  protocolError,
  type Frame,
  type Snapshot,
} from './wire.ts'

/** The core of one session. */
export class SessionState {
  readonly #init: SessionStateInit
  readonly #membership: Membership
  readonly #channels: ChannelTable
  readonly #lists: TokenBucket
  /** The last list of proofs that the peer sent, while it waits to be compared. */
  #shown: { readonly proofs: readonly Uint8Array[]; readonly atMs: number } | undefined
  #proofs: typeof frameKind.confirm | typeof frameKind.membership | undefined
  #pongMs: number | undefined
  #isPingDue = false
  #goodbye: string | undefined

  #isAwaitingConfirm: boolean
  #isAttached = false
  /** How many snapshots were taken, and the number of the last one that the peer sent. */
  #snapshots = 0
  #peerSnapshot = 0
  #hasEnded = false

  #heartbeat: Heartbeat
  #detachedAtMs: number
  #unsharedAtMs: number | undefined
  #effects: SessionEffect[] = []

  constructor(init: SessionStateInit) {
    this.#init = init
    this.#membership = init.membership
    this.#channels = new ChannelTable({
      isDialer: init.isDialer,
      membership: init.membership,
      maxFrameBytes: init.maxFrameBytes,
      nowMs: init.nowMs,
      onOpening: (nowMs) => this.#compareShown(nowMs),
      emit: (effect) => this.#effects.push(effect),
    })
    this.#lists = createTokenBucket(MEMBERSHIP_LISTS_PER_SECOND, init.nowMs)
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
    return this.#channels.nextLocal
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
    const listed = this.#shown?.atMs ?? Infinity
    return Math.min(life, unshared, listed, this.#channels.ackAtMs ?? Infinity)
  }

  /** Where every channel stands, for a hello or a welcome. */
  snapshot(): Snapshot {
    this.#snapshots += 1
    return { number: this.#snapshots, positions: this.#channels.positions() }
  }

  /** True when the peer has said since where it stands: `snapshot` is from an older connection. */
  isOutdated(snapshot: Snapshot): boolean {
    return snapshot.number <= this.#peerSnapshot
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

  /**
   * The next frame for the connection, or nothing at present. After the end, the goodbye.
   * Its memory may be used again once it was acknowledged and the next one is taken, so
   * that is asked for when the connection has sent this one.
   */
  takeFrame(nowMs: number): Uint8Array | undefined {
    if (this.#goodbye !== undefined) {
      const code = this.#goodbye
      this.#goodbye = undefined
      return encodeCode({ kind: frameKind.goodbye, code })
    }
    if (!this.#isAttached || this.#hasEnded) return undefined
    return this.#takeControl(nowMs) ?? this.#channels.takeFrame()
  }

  #apply(input: SessionInput, nowMs: number): void {
    switch (input.type) {
      case 'frame':
        return this.#onFrame(input.bytes, nowMs)
      case 'send':
        return this.#channels.send(input.channel, input.message)
      case 'consume':
        return this.#channels.consume(input.channel, input.cost, nowMs)
      case 'timer':
        return this.#onTimer(nowMs)
      case 'open':
        return this.#channels.open(input)
      case 'end':
        return this.#channels.end(input.channel)
      case 'reset':
        return this.#channels.reset(input.channel, input.code)
      case 'join':
        return this.#changeMembership(this.#membership.join(input.database), nowMs, true)
      case 'leave':
        return this.#changeMembership(this.#membership.leave(input.databaseId), nowMs, true)
      case 'show':
        return this.#changeMembership(this.#membership.show(input.proofs), nowMs, false)
      case 'attach':
        return this.#attach(input.from, nowMs)
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
    return undefined
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
        return this.#channels.onData(frame, nowMs)
      case frameKind.ack:
        return this.#channels.onAck(frame)
      case frameKind.open:
        return this.#channels.onOpen(frame, nowMs)
      case frameKind.reset:
        return this.#channels.onReset(frame)
      case frameKind.confirm:
        if (!this.#isAwaitingConfirm) throw protocolError('confirmation out of place')
        this.#isAwaitingConfirm = false
        return this.#changeMembership(this.#membership.show(frame.proofs), nowMs, false)
      case frameKind.membership:
        return this.#onShown(frame.proofs, nowMs)
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

  #onGoodbye(code: string): void {
    const isOurs = code === 'ERR_NO_SHARED_DATABASE' || code === 'ERR_SESSION_RESET'
    const error = new NetworkError(
      isOurs ? code : 'ERR_SESSION_CLOSED',
      `the peer ended the session: ${code}`,
      { peerCode: code },
    )
    this.#end(error, false)
  }

  /** Each list replaces the one before, so of a flood of them only the last one is compared. */
  #onShown(proofs: readonly Uint8Array[], nowMs: number): void {
    this.#shown = { proofs, atMs: this.#shown?.atMs ?? nowMs + 1_000 / MEMBERSHIP_LISTS_PER_SECOND }
    if (this.#lists.take(nowMs)) this.#compareShown(nowMs)
  }

  #compareShown(nowMs: number): void {
    if (this.#shown === undefined) return
    const change = this.#membership.show(this.#shown.proofs)
    this.#shown = undefined
    this.#changeMembership(change, nowMs, false)
  }

  #changeMembership(change: MembershipChange, nowMs: number, isOwn: boolean): void {
    if (isOwn && this.#proofs !== frameKind.confirm) this.#proofs = frameKind.membership
    for (const databaseId of change.unshared) {
      this.#channels.expel(databaseId)
      this.#effects.push({ type: 'unshared', databaseId })
    }
    for (const databaseId of change.shared) this.#effects.push({ type: 'shared', databaseId })
    if (this.shared.size > 0) this.#unsharedAtMs = undefined
    else this.#unsharedAtMs ??= nowMs
  }

  // --- time ---

  #onTimer(nowMs: number): void {
    this.#channels.onTimer(nowMs)
    if (this.#shown !== undefined && nowMs >= this.#shown.atMs) this.#compareShown(nowMs)
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
    const verdict = this.#heartbeat.check(this.#channels.isAwaitingAck, nowMs)
    if (verdict === 'lost') this.#effects.push({ type: 'drop-path' })
    if (verdict === 'ping') this.#ping(nowMs)
  }

  #ping(nowMs: number): void {
    this.#isPingDue = true
    this.#heartbeat.asked(nowMs)
  }

  // --- connections ---

  #attach(from: Snapshot | undefined, nowMs: number): void {
    this.#isAttached = true
    this.#heartbeat = new Heartbeat(this.#init.heartbeatIntervalMs, nowMs)
    this.#ping(nowMs)
    if (from === undefined) return
    this.#peerSnapshot = from.number
    // If the confirmation was lost with its connection: the list of proofs follows anyway.
    this.#isAwaitingConfirm = false
    this.#proofs = frameKind.membership
    this.#channels.goOn(new Map(from.positions.map((position) => [position.channel, position])))
  }

  #detach(nowMs: number): void {
    if (!this.#isAttached) return
    this.#isAttached = false
    this.#detachedAtMs = nowMs
    this.#channels.detach()
    // Whoever comes back shows all proofs first.
    this.#shown = undefined
    this.#pongMs = undefined
    this.#isPingDue = false
  }

  #end(error: NetworkError, isToldToPeer = true): void {
    this.#hasEnded = true
    if (isToldToPeer && this.#isAttached) this.#goodbye = error.code
    this.#channels.clear()
    this.#effects.push({ type: 'ended', error })
  }
}

const noEffects: readonly SessionEffect[] = []
