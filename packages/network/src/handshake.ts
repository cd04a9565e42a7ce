/**
 * How two ends agree on a session over a connection that has just been made: the
 * pure part. The dialer says hello, the acceptor welcomes or refuses, and the
 * session stands; one round trip.
 *
 * A hello that names a session of the same proven key, instance and id goes on with
 * it, or joins it where other connections carry it already. Without one, a new session
 * begins, and an older one with the same instance ends: that process has forgotten it.
 * Another instance under the same key is another process, and leaves it alone.
 *
 * When both ends dial for a new session at the same time, the dial of the smaller peer
 * id stands and the other is refused as a duplicate; it may join right after.
 */
import { sha256 } from '@vudo/identity'
import { bytesToHex, concatBytes, hexToBytes } from '@vudo/wire'
import type { PeerId } from '@vudo/transport'
import { isNetworkError, type NetworkError } from './errors.ts'
import {
  duplicate,
  forgottenSession,
  refusal,
  tooManyPaths,
  tooManySessions,
  tooManySessionsOfPeer,
  versionMismatch,
} from './handshake-errors.ts'
import { MAX_SESSIONS_PER_PEER, MIN_SESSION_VERSION, SESSION_VERSION } from './limits.ts'
import { Membership, type DatabaseKey } from './membership.ts'
import type { SessionEffect } from './session-io.ts'
import { SessionState } from './session-state.ts'
import { frameKind, type HelloFrame, type WelcomeFrame } from './frames.ts'
import { decodeFrame, encodeCode, encodeHello, encodeWelcome, protocolError } from './wire.ts'

const sessionTag = new TextEncoder().encode('vudo/session/1')

/** A session in the table: its core and who it is with. */
export interface SessionEntry {
  /** 64 hex characters: SHA-256 over both nonces and instances. */
  readonly id: string
  readonly peerId: PeerId
  /** The far process, 32 hex characters. */
  readonly instance: string
  readonly state: SessionState
}

/** A hello that waits for its answer. */
export interface PendingHello {
  readonly peerId: PeerId
  readonly nonce: Uint8Array
  readonly resumes: SessionEntry | undefined
}

/** What came of a handshake. */
export type HandshakeOutcome =
  | {
      readonly type: 'accepted'
      readonly session: SessionEntry
      readonly isNew: boolean
      /** True when other connections carry the session already. */
      readonly isFurther: boolean
      /** The number of this connection in the session. */
      readonly path: number
      /** What attaching it caused. */
      readonly effects: readonly SessionEffect[]
      /** The acceptor's answer, to be sent before anything else. */
      readonly reply?: Uint8Array | undefined
      /** An older session that the peer has forgotten; it has ended with these effects. */
      readonly ended?: {
        readonly session: SessionEntry
        readonly effects: readonly SessionEffect[]
      }
      /** The peer's signed record as it came, or nothing. Not verified. */
      readonly record: Uint8Array
    }
  | {
      readonly type: 'refused'
      readonly error: NetworkError
      /** The acceptor's answer, to be sent before the connection is closed. */
      readonly reply?: Uint8Array | undefined
    }

/** What all sessions of a node have in common. */
export interface HandshakesInit {
  readonly peerId: PeerId
  /** 16 random bytes, other ones in each process. */
  readonly instance: Uint8Array
  /** The largest message that each transport of this node takes. */
  readonly maxFrameBytes: number
  readonly maxSessions: number
  readonly heartbeatIntervalMs: number
  readonly resumeWindowMs: number
  readonly unsharedGraceMs: number
  /** The joined databases at this moment. */
  databases(): readonly DatabaseKey[]
  /** This node's signed record at this moment, or nothing. */
  record(): Uint8Array
}

/** The sessions of a node, and how new ones come about. */
export class Handshakes {
  readonly #init: HandshakesInit
  readonly #sessions = new Set<SessionEntry>()
  readonly #pending = new Set<PendingHello>()

  constructor(init: HandshakesInit) {
    this.#init = init
  }

  /** Every session that has not ended. */
  get sessions(): ReadonlySet<SessionEntry> {
    return this.#sessions
  }

  /** The sessions with `peerId`: one per process that holds its key. */
  with(peerId: PeerId): SessionEntry[] {
    return [...this.#sessions].filter((session) => session.peerId === peerId)
  }

  /** Forgets a session that has ended. */
  remove(session: SessionEntry): void {
    this.#sessions.delete(session)
  }

  /** Forgets a hello that will not be answered any more. */
  abandon(pending: PendingHello): void {
    this.#pending.delete(pending)
  }

  /**
   * The hello for a new connection to `peerId`. Every hello ends in {@link complete} or {@link abandon}.
   *
   * @param session - The one to go on with or to join; the one that waits longest for a connection when left out.
   */
  hello(
    peerId: PeerId,
    nonce: Uint8Array,
    session?: SessionEntry,
  ): { frame: Uint8Array; pending: PendingHello } {
    const { instance, maxFrameBytes } = this.#init
    const resumes = session ?? this.#sessionToJoin(peerId)
    const pending = { peerId, nonce, resumes }
    this.#pending.add(pending)
    const frame = encodeHello({
      minVersion: MIN_SESSION_VERSION,
      maxVersion: SESSION_VERSION,
      nonce,
      instance,
      maxFrameBytes,
      resume: resumes && {
        sessionId: hexToBytes(resumes.id),
        ...resumes.state.snapshot(),
      },
      record: this.#init.record(),
    })
    return { frame, pending }
  }

  /** With a peer of version 1 only a session without a connection can go on. */
  #sessionToJoin(peerId: PeerId): SessionEntry | undefined {
    const sessions = this.with(peerId)
    return (
      sessions.find(({ state }) => !state.isAttached) ??
      sessions.find(({ state }) => state.isShared)
    )
  }

  /**
   * Answers the first message on a connection that the peer dialled.
   *
   * @param peerId - Proven by the connection.
   * @param nonce - 32 fresh random bytes.
   */
  answer(peerId: PeerId, bytes: Uint8Array, nonce: Uint8Array, nowMs: number): HandshakeOutcome {
    try {
      const hello = decodeFrame(bytes)
      if (hello?.kind === 'foreign-hello') throw versionMismatch(hello.minVersion, hello.maxVersion)
      if (hello?.kind !== frameKind.hello) throw protocolError('the first frame is no hello')
      return this.#welcome(peerId, hello, nonce, nowMs)
    } catch (error) {
      if (!isNetworkError(error)) throw error
      const reply = encodeCode({ kind: frameKind.refused, code: error.code })
      return { type: 'refused', error, reply }
    }
  }

  /** Takes the answer to a hello of ours. */
  complete(pending: PendingHello, bytes: Uint8Array, nowMs: number): HandshakeOutcome {
    this.#pending.delete(pending)
    try {
      const answer = decodeFrame(bytes)
      if (answer?.kind === frameKind.refused) throw refusal(answer.code)
      if (answer?.kind !== frameKind.welcome) throw protocolError('the answer is no welcome')
      return this.#welcomed(pending, answer, nowMs)
    } catch (error) {
      if (!isNetworkError(error)) throw error
      return { type: 'refused', error }
    }
  }

  #welcome(peerId: PeerId, hello: HelloFrame, nonce: Uint8Array, nowMs: number): HandshakeOutcome {
    const instance = bytesToHex(hello.instance)
    const present = this.with(peerId).find((session) => session.instance === instance)
    const isNamed = hello.resume !== undefined && present?.id === bytesToHex(hello.resume.sessionId)
    if (present !== undefined && isNamed && present.state.isShared) {
      return this.#goOn(present, hello, nonce, nowMs)
    }
    const isMine = this.#init.peerId < peerId
    const isDialling = [...this.#pending].some((pending) => pending.peerId === peerId)
    if (isMine && isDialling) throw duplicate()
    if (present !== undefined && isNamed) return this.#goOn(present, hello, nonce, nowMs)
    if (present?.state.isAttached) throw duplicate()
    const ended = present && this.#forget(present, nowMs)
    this.#assertRoom(peerId)
    const version = Math.min(SESSION_VERSION, hello.maxVersion)
    const session = this.#create(
      { peerId, instance, version, maxFrameBytes: hello.maxFrameBytes, nowMs },
      {
        isDialer: false,
        dialerNonce: hello.nonce,
        acceptorNonce: nonce,
      },
    )
    const reply = this.#encodeWelcome(nonce, version, session.membership)
    const effects = session.entry.state.handle({ type: 'attach' }, nowMs)
    return accepted(session.entry, { isNew: true, effects, reply, ended, record: hello.record })
  }

  #goOn(
    session: SessionEntry,
    hello: HelloFrame,
    nonce: Uint8Array,
    nowMs: number,
  ): HandshakeOutcome {
    const from = hello.resume
    const { state } = session
    if (from === undefined || state.isOutdated(from)) throw duplicate()
    assertRoomForPath(state)
    const isFurther = state.isShared && state.isAttached
    const reply = this.#encodeWelcome(nonce, state.isShared ? 2 : 1, state)
    const effects = state.handle({ type: 'attach', from }, nowMs)
    return accepted(session, { isNew: false, isFurther, effects, reply, record: hello.record })
  }

  #welcomed(pending: PendingHello, welcome: WelcomeFrame, nowMs: number): HandshakeOutcome {
    const { peerId, resumes } = pending
    const instance = bytesToHex(welcome.instance)
    const { record } = welcome
    if (welcome.resumed !== undefined) {
      if (resumes === undefined || resumes.instance !== instance || resumes.state.hasEnded) {
        throw protocolError('a session goes on that was not asked for')
      }
      const from = welcome.resumed
      const { state } = resumes
      if (state.isOutdated(from)) throw duplicate()
      assertRoomForPath(state)
      const isFurther = state.isShared && state.isAttached
      const effects = state.handle({ type: 'attach', from }, nowMs)
      return accepted(resumes, { isNew: false, isFurther, effects, record })
    }
    const present = this.with(peerId).find((session) => session.instance === instance)
    const ended = present && this.#forget(present, nowMs)
    this.#assertRoom(peerId)
    const { maxFrameBytes, version } = welcome
    const { entry } = this.#create(
      { peerId, instance, version, maxFrameBytes, nowMs },
      {
        isDialer: true,
        dialerNonce: pending.nonce,
        acceptorNonce: welcome.nonce,
      },
    )
    const effects = [
      ...entry.state.handle({ type: 'attach' }, nowMs),
      ...entry.state.handle({ type: 'show', proofs: welcome.proofs }, nowMs),
    ]
    return accepted(entry, { isNew: true, effects, ended, record })
  }

  #create(
    far: {
      peerId: PeerId
      instance: string
      version: number
      maxFrameBytes: number
      nowMs: number
    },
    roles: { isDialer: boolean; dialerNonce: Uint8Array; acceptorNonce: Uint8Array },
  ): { entry: SessionEntry; membership: Membership } {
    const settings = this.#init
    const own = settings.instance
    const theirs = hexToBytes(far.instance)
    const [dialer, acceptor] = roles.isDialer ? [own, theirs] : [theirs, own]
    // Copied: they may be views of a frame.
    const dialerNonce = roles.dialerNonce.slice()
    const acceptorNonce = roles.acceptorNonce.slice()
    const membership = new Membership(
      {
        isDialer: roles.isDialer,
        dialerNonce,
        acceptorNonce,
        self: hexToBytes(settings.peerId),
        peer: hexToBytes(far.peerId),
      },
      settings.databases(),
    )
    const id = sha256(
      concatBytes(sessionTag, Uint8Array.of(0), dialerNonce, dialer, acceptorNonce, acceptor),
    )
    const state = new SessionState({
      version: far.version,
      isDialer: roles.isDialer,
      isSmaller: settings.peerId < far.peerId,
      membership,
      maxFrameBytes: Math.min(settings.maxFrameBytes, far.maxFrameBytes),
      heartbeatIntervalMs: settings.heartbeatIntervalMs,
      resumeWindowMs: settings.resumeWindowMs,
      unsharedGraceMs: settings.unsharedGraceMs,
      nowMs: far.nowMs,
    })
    const entry = { id: bytesToHex(id), peerId: far.peerId, instance: far.instance, state }
    this.#sessions.add(entry)
    return { entry, membership }
  }

  #encodeWelcome(nonce: Uint8Array, version: number, about: Membership | SessionState): Uint8Array {
    const isNew = about instanceof Membership
    return encodeWelcome({
      version,
      nonce,
      instance: this.#init.instance,
      maxFrameBytes: this.#init.maxFrameBytes,
      resumed: isNew ? undefined : about.snapshot(),
      proofs: isNew ? about.ownProofs() : [],
      record: this.#init.record(),
    })
  }

  #forget(
    session: SessionEntry,
    nowMs: number,
  ): { session: SessionEntry; effects: readonly SessionEffect[] } {
    this.#sessions.delete(session)
    const close = { type: 'close', error: forgottenSession() } as const
    return { session, effects: session.state.handle(close, nowMs) }
  }

  #assertRoom(peerId: PeerId): void {
    const { maxSessions } = this.#init
    if (this.#sessions.size >= maxSessions) throw tooManySessions(maxSessions)
    if (this.with(peerId).length >= MAX_SESSIONS_PER_PEER) throw tooManySessionsOfPeer()
  }
}

function accepted(
  session: SessionEntry,
  rest: {
    isNew: boolean
    isFurther?: boolean
    effects: readonly SessionEffect[]
    record: Uint8Array
    reply?: Uint8Array
    ended?: { session: SessionEntry; effects: readonly SessionEffect[] } | undefined
  },
): HandshakeOutcome {
  const { ended, isFurther = false, ...others } = rest
  const path = session.state.lastPath
  const past = ended === undefined ? {} : { ended }
  return { type: 'accepted', session, path, isFurther, ...others, ...past }
}

function assertRoomForPath(state: SessionState): void {
  if (!state.hasRoom) throw tooManyPaths()
}
