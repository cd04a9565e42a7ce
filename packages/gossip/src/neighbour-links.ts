import type { Channel, Session } from '@vudo/network'
import type { PeerId } from '@vudo/transport'
import { handleChannels } from './channel-dispatch.ts'
import { ChannelSink } from './channel-sink.ts'
import type { FaultBook } from './fault-book.ts'
import { followSessions } from './follow-sessions.ts'
import { FrameRate } from './frame-rate.ts'
import type { GossipCounters, GossipNetwork } from './gossip.ts'
import { MAX_REOPEN_MS } from './limits.ts'
import { pause, reopenDelayMs, settledSoon } from './pause.ts'
import type { Router } from './router.ts'
import type { FrameSink } from './router-streams.ts'
import { guardRpc } from './rpc-guard.ts'

/** The protocol's name on a session. */
export const GOSSIP_PROTOCOL = '/vudo/gossip/1'

/** What the links are made of. */
export interface NeighbourLinksInit {
  readonly network: GossipNetwork
  readonly database: string
  readonly router: Router
  readonly faults: FaultBook
  readonly now: () => number
  /** A peer is kept out from now on. */
  readonly onBan: (peerId: PeerId) => void
}

/** A neighbour: one session, though its peer may have several. */
interface Link {
  readonly session: Session
  /** How often the channel to it could not be kept, since it last could. */
  failures: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Gives the router a neighbour for each peer whose session shares the database, and two
 * channels with each: one that this node opens and writes, one that the peer does.
 */
export class NeighbourLinks {
  readonly #init: NeighbourLinksInit
  readonly #links = new Map<PeerId, Link>()
  readonly #stops: (() => void)[] = []
  readonly #channels = new Set<Channel>()
  /** Those among them that this node writes. */
  readonly #outbound = new Set<Channel>()
  readonly #end = new AbortController()
  readonly #counts = { faults: 0, banned: 0, sentBytes: 0, unsent: 0 }

  #isFinishing = false

  /** @throws `TypeError` when the network gossips in this database already. */
  constructor(init: NeighbourLinksInit) {
    this.#init = init
    const { network, database } = init
    this.#stops.push(
      handleChannels(network, { protocol: GOSSIP_PROTOCOL, database }, (channel) => {
        void this.#accept(channel)
      }),
    )
    const stop = followSessions(network, database, {
      add: (session) => this.#add(session),
      remove: (session) => this.#remove(session),
    })
    this.#stops.push(stop)
  }

  /** Peers that the router knows now. */
  get peers(): readonly PeerId[] {
    return [...this.#links.keys()]
  }

  get counters(): Pick<GossipCounters, 'faults' | 'banned' | 'sentBytes' | 'unsent'> {
    return { ...this.#counts }
  }

  /** Counts a fault; one too many ends the peer's sessions. */
  punish(peerId: PeerId): void {
    this.#counts.faults += 1
    if (this.#init.faults.add(peerId, this.#init.now())) this.ban(peerId)
  }

  /** Ends a peer's sessions and takes no channel of it for a while. */
  ban(peerId: PeerId): void {
    this.#counts.banned += 1
    this.#init.faults.ban(peerId, this.#init.now())
    this.#init.onBan(peerId)
    for (const session of this.#init.network.sessions) {
      if (session.peerId !== peerId) continue
      this.#remove(session)
      // Its end is told by an event; there is nothing to add here.
      void session.close()
    }
  }

  /** Sends what is queued, as far as neighbours take it soon. Only {@link close} may follow. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    const endings = [...this.#outbound].map((channel) => channel.close())
    if (endings.length > 0) await settledSoon(Promise.all(endings), this.#end.signal)
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#end.abort()
    for (const { session } of this.#links.values()) this.#remove(session)
    for (const channel of this.#channels) channel.reset('ERR_GOSSIP_CLOSED')
    this.#channels.clear()
  }

  #add(session: Session): void {
    const { database, router, faults, now } = this.#init
    const { peerId } = session
    if (!session.databases.has(database) || this.#links.has(peerId)) return
    if (this.#end.signal.aborted || faults.isBanned(peerId, now())) return
    const link: Link = { session, failures: 0, timer: undefined }
    this.#links.set(peerId, link)
    const isOutbound = session.path?.outbound ?? false
    router.addNeighbour({ peerId, isOutbound, open: () => this.#openSink(link) })
  }

  #remove(session: Session): void {
    const link = this.#links.get(session.peerId)
    if (link?.session !== session) return
    this.#links.delete(session.peerId)
    clearTimeout(link.timer)
    this.#init.router.removeNeighbour(session.peerId)
    const other = this.#init.network.sessions.find(
      (next) => next.peerId === session.peerId && next !== session,
    )
    if (other !== undefined) this.#add(other)
  }

  /** A channel to write to; when it ends, another one is opened as long as the session lives. */
  #openSink(link: Link): FrameSink {
    const { database } = this.#init
    const channel = link.session.openChannel(GOSSIP_PROTOCOL, { database })
    this.#channels.add(channel)
    this.#outbound.add(channel)
    void this.#keepOpen(link, channel)
    // A peer writes nothing back: its answers come on its own channel.
    return new ChannelSink(channel, this.#counts)
  }

  async #keepOpen(link: Link, channel: Channel): Promise<void> {
    const sinceMs = this.#init.now()
    await channel.closed
    this.#channels.delete(channel)
    this.#outbound.delete(channel)
    const lived = this.#init.now() - sinceMs > MAX_REOPEN_MS
    link.failures = lived ? 0 : link.failures + 1
    if (this.#links.get(link.session.peerId) === link) this.#reopenLater(link)
  }

  #reopenLater(link: Link): void {
    if (this.#end.signal.aborted || this.#isFinishing) return
    const { peerId } = link.session
    this.#init.router.endStream(peerId)
    const delayMs = reopenDelayMs(link.failures)
    link.timer = setTimeout(() => this.#init.router.reopen(peerId), delayMs)
  }

  async #accept(channel: Channel): Promise<void> {
    const { peerId } = channel.session
    const { faults, now, router } = this.#init
    if (faults.isBanned(peerId, now()) || this.#end.signal.aborted) {
      channel.reset('ERR_GOSSIP_CLOSED')
      return
    }
    this.#add(channel.session)
    const isNeighbour = this.#links.get(peerId)?.session === channel.session
    const stream = isNeighbour ? router.acceptFrames(peerId) : undefined
    if (stream === undefined) {
      // Another process of the same peer is the neighbour already.
      channel.reset('ERR_GOSSIP_LIMIT')
      return
    }
    this.#channels.add(channel)
    try {
      await this.#read(channel, (frame) => stream.push(frame))
    } catch {
      // The channel ended early; the session says why, and the peer opens another one.
    } finally {
      stream.end()
      this.#channels.delete(channel)
      channel.reset('ERR_GOSSIP_CLOSED')
    }
  }

  async #read(
    channel: Channel,
    push: (frame: Uint8Array) => Promise<void> | undefined,
  ): Promise<void> {
    const { now } = this.#init
    const { signal } = this.#end
    const rate = new FrameRate(now())
    for (;;) {
      const frame = await channel.receive({ signal })
      if (frame === undefined) return
      const messages = this.#guarded(channel.session, frame)
      // Each message costs the check of a signature, however many come in one frame.
      const waitMs = rate.take(now(), Math.max(1, messages ?? 1))
      if (waitMs > 0) await pause(waitMs, signal)
      if (messages !== undefined) await push(frame)
    }
  }

  /** How many messages a frame carries; `undefined` when it is not sound. */
  #guarded({ peerId }: Session, frame: Uint8Array): number | undefined {
    try {
      return guardRpc(frame)
    } catch {
      // The guard throws for the peer's faults only.
      this.punish(peerId)
      return undefined
    }
  }
}
