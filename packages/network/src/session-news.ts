/** What the sessions of a network tell: passed on to whom it concerns, and to whoever listens to its events. */
import type { EventHub } from '@vudo/events'
import type { PeerId } from '@vudo/transport'
import type { Admission } from './admission.ts'
import type { ChannelHandlers } from './channel-handlers.ts'
import type { Channel, EndReason } from './channel.ts'
import type { Dialler } from './dialler.ts'
import type { NetworkError } from './errors.ts'
import type { Handshakes } from './handshake.ts'
import { GOODBYE_PAUSE_MS, REDIAL_FIRST_MS } from './limits.ts'
import type { NetworkEvents } from './network.ts'
import type { SessionDirectory } from './session-directory.ts'
import type { SessionDriver, SessionListener } from './session-driver.ts'
import type { Session, SessionPath } from './session.ts'
import type { Strangers } from './strangers.ts'

/** Whom the news concern. */
export interface SessionNewsInit {
  readonly events: EventHub<NetworkEvents>
  readonly handlers: ChannelHandlers
  readonly directory: SessionDirectory
  readonly handshakes: Handshakes
  readonly strangers: Strangers
  readonly admission: Admission
  readonly dialler: Dialler<SessionDriver>
  /** Monotonic, in milliseconds. */
  readonly now: () => number
}

/** One per network. */
export class SessionNews implements SessionListener {
  readonly #init: SessionNewsInit
  readonly #events: EventHub<NetworkEvents>
  /** Peers of which it was told that they are connected. */
  readonly #connected = new Set<PeerId>()

  constructor(init: SessionNewsInit) {
    this.#init = init
    this.#events = init.events
  }

  /** A session has a connection, the first one or again. */
  attached(session: SessionDriver, isNew: boolean): void {
    const { peerId, path } = session
    this.#events.publish(isNew ? 'session:started' : 'session:resumed', { session })
    if (this.#connected.has(peerId) || path === undefined) return
    this.#connected.add(peerId)
    this.#events.publish('peer:connected', { peerId, path })
  }

  /** No session came about. */
  refused(peerId: PeerId | undefined, { code, message }: NetworkError): void {
    this.#events.publish('peer:refused', { peerId, code, message })
  }

  onChannel(channel: Channel): boolean {
    return this.#init.handlers.take(channel)
  }

  onShared(session: SessionDriver, databaseId: string): void {
    for (const connection of session.connections) this.#init.strangers.remove(connection)
    this.#init.dialler.proven(session.peerId)
    this.#events.publish('database:shared', { session, databaseId })
  }

  onUnshared(session: Session, databaseId: string): void {
    this.#events.publish('database:unshared', { session, databaseId })
  }

  onPathAdded(session: Session, path: SessionPath): void {
    this.#events.publish('path:added', { session, path })
  }

  onPathRemoved(session: Session, path: SessionPath): void {
    this.#init.dialler.measured(session.peerId, path)
    this.#events.publish('path:removed', { session, path })
  }

  onPathChanged(session: Session, path: SessionPath): void {
    this.#events.publish('path:changed', { session, path })
  }

  /** The connections stand and nobody answers on them: a further one may be alive. */
  onSilent(session: Session): void {
    this.#events.publish('session:silent', { session })
    this.#init.dialler.interrupted(session.peerId)
  }

  onInterrupted(session: Session): void {
    this.#events.publish('session:interrupted', { session })
    this.#noteDisconnected(session.peerId, 'interrupted')
    this.#init.dialler.interrupted(session.peerId)
  }

  onEnded(session: SessionDriver, { error }: EndReason): void {
    const { directory, handshakes, admission, dialler, now } = this.#init
    const entry = directory.remove(session)
    if (entry !== undefined) handshakes.remove(entry)
    const { peerId } = session
    this.#events.publish('session:ended', { session, error })
    if (error?.code === 'ERR_SESSION_PROTOCOL') admission.fault(peerId, now())
    if (error?.code === 'ERR_NO_SHARED_DATABASE') this.refused(peerId, error)
    this.#noteDisconnected(peerId, error?.code ?? 'closed')
    const isWanted = error?.code === 'ERR_SESSION_RESET' || error?.code === 'ERR_SESSION_TIMEOUT'
    if (directory.with(peerId).length > 0) return
    dialler.lost(peerId, isWanted ? REDIAL_FIRST_MS : GOODBYE_PAUSE_MS)
  }

  #noteDisconnected(peerId: PeerId, reason: string): void {
    if (this.#init.directory.attached(peerId) !== undefined) return
    if (this.#connected.delete(peerId))
      this.#events.publish('peer:disconnected', { peerId, reason })
  }
}
