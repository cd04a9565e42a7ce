/**
 * A session: what two peers have to say to each other, whichever connections carry
 * it. The pure core: no sockets, no timers, no clock, no randomness.
 *
 * A session begins with a handshake (`handshake.ts`) and is *attached* while at least
 * one connection, a *path* (`path-table.ts`), carries it. Further ones join it and
 * leave it; what was under way on a path that is lost, or does not answer, goes over
 * another one. When the last one is gone the session is *detached* and waits
 * `resumeWindowMs` for another on which the peer proves the same key and names the
 * same session; then every channel goes on where it was. Otherwise it *ends*, once and
 * for good.
 *
 * Invariants, held under any order of inputs:
 * - each channel delivers every message once and in order, or ends with an error;
 * - whatever bytes the peer sends, nothing throws, and every buffer has a bound;
 * - nothing of a database goes to a peer that has not proven to be a member.
 *
 * Frames are pulled with {@link SessionState.takeFrame} rather than returned as
 * effects, because only the driver knows when a connection takes more. Signs of life
 * go first, then control frames: the list of proofs, resets, openings in the order of
 * their numbers; then acknowledgements, and data as the scheduler says.
 *
 * With a peer of version 1 a session has one path at a time: a further one takes over.
 */
import type { ChannelState } from './channel-state.ts'
import { ChannelTable } from './channel-table.ts'
import { isNetworkError, NetworkError } from './errors.ts'
import type { Membership, MembershipChange } from './membership.ts'
import type { PathState } from './path-state.ts'
import { ProofExchange } from './proof-exchange.ts'
import type { SessionEffect, SessionInput, SessionStateInit } from './session-io.ts'
import { SessionPaths } from './session-paths.ts'
import { frameKind, type Frame, type Snapshot } from './frames.ts'
import { decodeFrame, encodeCode, protocolError } from './wire.ts'

/** The core of one session. */
export class SessionState {
  readonly #init: SessionStateInit
  /** True when control frames travel in channel 0, and several paths may carry the session. */
  readonly #isOrdered: boolean
  readonly #membership: Membership
  readonly #channels: ChannelTable
  readonly #proofs: ProofExchange
  readonly #paths: SessionPaths
  #goodbye: string | undefined

  /** How many snapshots were taken, and the number of the last one that the peer sent. */
  #snapshots = 0
  #peerSnapshot = 0
  #hasEnded = false
  #effects: SessionEffect[] = []

  constructor(init: SessionStateInit) {
    this.#init = init
    this.#membership = init.membership
    this.#isOrdered = init.version > 1
    this.#paths = new SessionPaths({
      isSmaller: init.isSmaller,
      isShared: this.#isOrdered,
      intervalMs: init.heartbeatIntervalMs,
      resumeWindowMs: init.resumeWindowMs,
      nowMs: init.nowMs,
      recall: (path) => this.#channels.recall(path),
      onDetached: () => {
        this.#channels.detach()
        this.#proofs.detach()
      },
      emit: (effect) => this.#effects.push(effect),
    })
    this.#channels = new ChannelTable({
      isDialer: init.isDialer,
      isOrdered: this.#isOrdered,
      membership: init.membership,
      maxFrameBytes: init.maxFrameBytes,
      paths: this.#paths.table,
      nowMs: init.nowMs,
      onOpening: (nowMs) => this.#proofs.compare(nowMs),
      onControl: (bytes, nowMs) => this.#onControl(bytes, nowMs),
      emit: (effect) => this.#effects.push(effect),
    })
    this.#proofs = new ProofExchange({
      isDialer: init.isDialer,
      isOrdered: this.#isOrdered,
      membership: init.membership,
      unsharedGraceMs: init.unsharedGraceMs,
      nowMs: init.nowMs,
      send: (frame) => this.#channels.show(frame),
      onChange: (change) => this.#changeShared(change),
    })
  }

  get isAttached(): boolean {
    return this.#paths.isAttached
  }

  /** True when one more connection may join. */
  get hasRoom(): boolean {
    return this.#paths.hasRoom
  }

  /** True when several connections may carry it at a time. */
  get isShared(): boolean {
    return this.#isOrdered
  }

  /** The number of the connection that was attached last. */
  get lastPath(): number {
    return this.#paths.table.lastId
  }

  /** A connection that carries it, for questions about it. */
  path(id: number): PathState | undefined {
    return this.#paths.table.get(id)
  }

  /** The number of the path that carries what is urgent. */
  get bestPath(): number | undefined {
    return this.#paths.table.best?.id
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Ids of the databases that both ends have proven to have. */
  get shared(): ReadonlySet<string> {
    return this.#membership.shared
  }

  /** The last measured round trip of the best path in milliseconds. */
  get rttMs(): number | undefined {
    return this.#paths.table.best?.meter.rttMs
  }

  /** The number of the channel that the next `open` makes. */
  get nextChannel(): number {
    return this.#channels.nextLocal
  }

  /** A channel that is not over, for questions about it. */
  channel(id: number): ChannelState | undefined {
    return this.#channels.get(id)
  }

  /** When to call with `timer` at the latest, on the clock of `nowMs`; `undefined` when there is nothing to wait for. */
  get wakeAtMs(): number | undefined {
    if (this.#hasEnded) return undefined
    const atMs = Math.min(this.#paths.wakeAtMs, this.#proofs.wakeAtMs, this.#channels.wakeAtMs)
    return atMs === Infinity ? undefined : atMs
  }

  /** Where every channel stands, for a hello or a welcome. */
  snapshot(): Snapshot {
    this.#snapshots += 1
    return { number: this.#snapshots, positions: this.#channels.positions() }
  }

  /**
   * True when the peer has said since where it stands: `snapshot` is from an older
   * connection. Where several carry the session that does not matter.
   */
  isOutdated(snapshot: Snapshot): boolean {
    return !this.#isOrdered && snapshot.number <= this.#peerSnapshot
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
   * The next frame for a connection, or nothing at present. Its memory may be used again
   * once it was acknowledged and the next one is taken, so that is asked for when the
   * connection has sent this one.
   */
  takeFrame(id: number, nowMs: number): Uint8Array | undefined {
    const path = this.#paths.table.get(id)
    if (path === undefined || this.#hasEnded) return undefined
    path.settle()
    return (
      this.#proofs.takeConfirm() ?? path.takeSign(nowMs) ?? this.#channels.takeFrame(path, nowMs)
    )
  }

  /** After the end: what to tell the peer, on every connection; nothing when it knows. */
  takeGoodbye(): Uint8Array | undefined {
    if (this.#goodbye === undefined) return undefined
    return encodeCode({ kind: frameKind.goodbye, code: this.#goodbye })
  }

  #apply(input: SessionInput, nowMs: number): void {
    switch (input.type) {
      case 'frame':
        return this.#onFrame(input.path, input.bytes, nowMs)
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
        return this.#proofs.join(input.database, nowMs)
      case 'leave':
        return this.#proofs.leave(input.databaseId, nowMs)
      case 'show':
        return this.#proofs.welcome(input.proofs, nowMs)
      case 'attach':
        return this.#attach(input.from, nowMs)
      case 'describe':
        return this.#paths.describe(input.path, input.info, nowMs)
      case 'detach':
        return this.#paths.remove(input.path, nowMs)
      case 'retire':
        return this.#paths.retire(input.path, nowMs)
      case 'doubt':
        return this.#paths.doubtAll(nowMs)
      case 'close':
        return this.#end(input.error)
    }
  }

  // --- frames in ---

  #onFrame(id: number, bytes: Uint8Array, nowMs: number): void {
    const path = this.#paths.table.get(id)
    if (path === undefined) return
    path.heard(nowMs)
    const frame = decodeFrame(bytes)
    if (frame === undefined) return
    if (this.#proofs.isAwaitingConfirm && frame.kind !== frameKind.confirm) this.#assertEarly(frame)
    this.#dispatch(frame, path, nowMs)
  }

  /** A message of channel 0. */
  #onControl(bytes: Uint8Array, nowMs: number): void {
    const frame = decodeFrame(bytes)
    if (frame === undefined) return
    if (frame.kind === frameKind.open) return this.#channels.onOpen(frame, nowMs)
    if (frame.kind === frameKind.reset) return this.#channels.onReset(frame)
    if (frame.kind === frameKind.membership) return this.#proofs.receive(frame.proofs, nowMs)
    throw protocolError(`frame of kind ${frame.kind} in channel 0`)
  }

  /** Before the dialer has confirmed, only what ends or keeps alive the session may come. */
  #assertEarly(frame: Frame): void {
    if (frame.kind === frameKind.goodbye) return
    throw protocolError('the first frame of a new session is not its confirmation')
  }

  #dispatch(frame: Frame, path: PathState, nowMs: number): void {
    switch (frame.kind) {
      case frameKind.data:
      case frameKind.dataAsking:
      case frameKind.end:
        return this.#channels.onData(frame, path, nowMs)
      case frameKind.ack:
        path.progressed(nowMs)
        return this.#channels.onAck(frame, nowMs)
      case frameKind.ask:
        return this.#channels.onAsk(path)
      case frameKind.open:
        return this.#channels.onOpen(frame, nowMs)
      case frameKind.reset:
        return this.#channels.onReset(frame)
      case frameKind.confirm:
        return this.#proofs.confirm(frame.proofs, nowMs)
      case frameKind.membership:
        return this.#proofs.receive(frame.proofs, nowMs)
      case frameKind.ping:
        return path.asked(frame.timestampMs)
      case frameKind.pong:
        return this.#paths.answered(path, frame.timestampMs / 1_000, nowMs)
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

  #changeShared(change: MembershipChange): void {
    for (const databaseId of change.unshared) {
      this.#channels.expel(databaseId)
      this.#effects.push({ type: 'unshared', databaseId })
    }
    for (const databaseId of change.shared) this.#effects.push({ type: 'shared', databaseId })
  }

  // --- time ---

  #onTimer(nowMs: number): void {
    this.#channels.onTimer(nowMs)
    this.#proofs.onTimer(nowMs)
    const { unsharedGraceMs, resumeWindowMs } = this.#init
    if (this.#proofs.isUnsharedTooLong(nowMs)) {
      return this.#end(
        new NetworkError(
          'ERR_NO_SHARED_DATABASE',
          `no database was shared within ${unsharedGraceMs} ms`,
          { hint: 'join the same database on both sides, with the same secret' },
        ),
      )
    }
    if (this.isAttached) return this.#paths.check(nowMs)
    if (this.#paths.hasTimedOut(nowMs)) {
      this.#end(
        new NetworkError('ERR_SESSION_TIMEOUT', `the peer did not return in ${resumeWindowMs} ms`),
      )
    }
  }

  // --- connections ---

  #attach(from: Snapshot | undefined, nowMs: number): void {
    this.#paths.add(nowMs)
    if (from !== undefined) {
      this.#peerSnapshot = from.number
      const positions = new Map(from.positions.map((position) => [position.channel, position]))
      this.#channels.goOn(positions, nowMs)
      this.#proofs.goOn()
    }
    this.#paths.reconsider(nowMs)
  }

  #end(error: NetworkError, isToldToPeer = true): void {
    this.#hasEnded = true
    if (isToldToPeer && this.isAttached) this.#goodbye = error.code
    this.#channels.clear()
    this.#effects.push({ type: 'ended', error })
  }
}

const noEffects: readonly SessionEffect[] = []
