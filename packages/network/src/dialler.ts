/** Finds out where peers are, decides whom to dial, and makes sessions of the connections. */
import { decodePeerRecord } from '@vudo/identity'
import {
  isPeerId,
  isVudoError,
  type Address,
  type Connection,
  type PeerId,
  type PeerInfo,
  type PeerRecord,
} from '@vudo/transport'
import { Connector, type ConnectorDialOptions, type ConnectorInit } from './connector.ts'
import type { RecordSource } from './database-table.ts'
import type { Need, Target } from './dial-queue.ts'
import { pathName } from './dial-ways.ts'
import { MAX_KNOWN_ADDRESSES, REDIAL_FIRST_MS } from './limits.ts'
import type { NetworkEvents } from './network.ts'
import type { NetworkSettings } from './options.ts'
import { PathScores } from './path-scores.ts'
import { PeerBook } from './peer-book.ts'
import { Redial } from './redial.ts'
import type { SessionPath } from './session.ts'

/** What a dialler needs. */
export interface DiallerInit<Result> extends Omit<
  ConnectorInit<Result>,
  'book' | 'scores' | 'now' | 'maxPending' | 'connectionTimeoutMs'
> {
  readonly self: PeerId
  readonly settings: NetworkSettings
  /** How a peer stands: `none` when it needs no dial. */
  readonly needOf: (peerId: PeerId) => Need
  readonly publish: <Name extends 'dial:ended' | 'peer:discovered'>(
    name: Name,
    event: NetworkEvents[Name],
  ) => void
}

/** One per network. */
export class Dialler<Result> {
  readonly #init: DiallerInit<Result>
  readonly #book: PeerBook
  readonly #scores = new PathScores()
  readonly #connector: Connector<Result>
  readonly #redial: Redial
  /** Who answered at an address: how a bootstrap node is known to be connected. */
  readonly #peerByAddress = new Map<Address, PeerId>()

  constructor(init: DiallerInit<Result>) {
    const { settings } = init
    this.#init = init
    this.#book = new PeerBook(settings.wallClock)
    this.#connector = new Connector({
      ...init,
      book: this.#book,
      scores: this.#scores,
      now: settings.now,
      maxPending: settings.maxConnections,
      connectionTimeoutMs: settings.connectionTimeoutMs,
    })
    this.#redial = new Redial({
      self: init.self,
      need: (target) => this.#need(target),
      maxPerReason: settings.maxPeersPerDatabase,
      dial: (target) => init.tasks.add(this.#dialAgain(target)),
      now: settings.now,
      random: settings.random,
    })
  }

  /** Shakes hands over a connection that came in; see {@link Connector.adopt}. */
  adopt(connection: Connection): Promise<Result> {
    return this.#connector.adopt(connection)
  }

  /** Reaches a target; see {@link Connector.dial}. */
  async dial(target: Target, options: ConnectorDialOptions): Promise<Result> {
    const { peerId, result } = await this.#connector.dial(target, options)
    if (!isPeerId(target)) this.#rememberAddress(target, peerId)
    return result
  }

  /** A discovery found a verified record. */
  foundRecord(record: PeerRecord, { databaseId, isLocal }: RecordSource): void {
    const { peerId, addresses } = record
    if (peerId === this.#init.self) return
    const isMoved = this.#book.learn(record, isLocal)
    const isNews = this.#book.meet(peerId) || isMoved
    this.#found({ id: peerId, address: addresses[0] }, databaseId, isNews)
  }

  /** A transport found a peer. */
  foundPeer(peer: PeerInfo, databaseId: string): void {
    if (peer.id !== this.#init.self) this.#found(peer, databaseId, this.#book.meet(peer.id))
  }

  /** A peer's record as it came in its hello: only its own is believed. */
  learn(bytes: Uint8Array, peerId: PeerId): void {
    if (bytes.length === 0) return
    try {
      const record = decodePeerRecord(bytes, this.#init.settings.wallClock())
      if (record.peerId === peerId) this.#book.learn(record, false)
    } catch (error) {
      // A record is a courtesy: a clock that differs makes it useless, and no reason to part.
      if (!isVudoError(error)) throw error
    }
  }

  /** The peer has proven a common database: what it says of itself is believed, and may lead to it directly. */
  proven(peerId: PeerId): void {
    this.#book.prove(peerId)
    if (this.#init.needOf(peerId) === 'better') this.#redial.interrupted(peerId)
  }

  wantAlways(addresses: readonly Address[]): void {
    for (const address of addresses) this.#redial.wantAlways(address)
  }

  /** A database was left. */
  unwant(databaseId: string): void {
    this.#redial.unwant(databaseId)
  }

  /** The peer is not to be dialled until it is found again. */
  forget(peerId: PeerId): void {
    this.#redial.forget(peerId)
  }

  connected(peerId: PeerId): void {
    this.#redial.connected(peerId)
  }

  interrupted(peerId: PeerId): void {
    this.#redial.interrupted(peerId)
  }

  /** No session with the peer is left. */
  lost(peerId: PeerId, pauseMs: number): void {
    this.#redial.lost(peerId, pauseMs)
    for (const [address, other] of this.#peerByAddress) {
      if (other === peerId) this.#redial.lost(address, REDIAL_FIRST_MS)
    }
  }

  /** What was measured on a connection that has ended. */
  measured(peerId: PeerId, { path, ...measurement }: SessionPath): void {
    if (path.address === undefined) return
    this.#scores.measured(pathName(peerId, path.address), measurement, this.#init.settings.now())
  }

  /** Failures and measurements were those of another network, or of another day. */
  reset(): void {
    this.#scores.clear()
    this.#redial.reset()
  }

  stop(): void {
    this.#redial.stop()
  }

  /** Nobody waits for these dials, so how they end is told. */
  async #dialAgain(target: Target): Promise<void> {
    const { signal, publish } = this.#init
    // Who is connected already is not told that a better way was not found.
    if (this.#need(target) === 'better') {
      await this.#connector.dial(target, { signal, isDirect: true })
      return
    }
    try {
      const { peerId } = await this.#connector.dial(target, { signal })
      if (!isPeerId(target)) this.#rememberAddress(target, peerId)
      publish('dial:ended', { target, peerId, error: undefined })
    } catch (error) {
      if (!signal.aborted) publish('dial:ended', { target, peerId: undefined, error })
      throw error
    }
  }

  #found(peer: PeerInfo, databaseId: string, isNews: boolean): void {
    const { publish, needOf } = this.#init
    if (isNews) publish('peer:discovered', peer)
    if (needOf(peer.id) !== 'none') this.#redial.want(peer.id, databaseId, isNews)
  }

  /** What a target lacks; of a bootstrap node nobody knows before it has answered. */
  #need(target: Target): Need {
    const peerId = isPeerId(target) ? target : this.#peerByAddress.get(target)
    if (peerId === undefined) return 'any'
    return this.#init.needOf(peerId)
  }

  #rememberAddress(address: Address, peerId: PeerId): void {
    this.#peerByAddress.delete(address)
    this.#peerByAddress.set(address, peerId)
    if (this.#peerByAddress.size <= MAX_KNOWN_ADDRESSES) return
    for (const oldest of this.#peerByAddress.keys()) {
      this.#peerByAddress.delete(oldest)
      break
    }
  }
}
