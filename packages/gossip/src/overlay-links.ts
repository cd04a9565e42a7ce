import type { Channel, Session } from '@vudo/network'
import type { PeerId } from '@vudo/transport'
import { isLocal, trustedPart } from './address-trust.ts'
import { handleChannels } from './channel-dispatch.ts'
import { followSessions } from './follow-sessions.ts'
import { FrameRate } from './frame-rate.ts'
import type { GossipNetwork } from './gossip.ts'
import {
  MAX_REOPEN_MS,
  OVERLAY_BURST,
  OVERLAY_MESSAGES_PER_SECOND,
  OVERLAY_PATIENCE_MS,
} from './limits.ts'
import { Overlay, type OverlayEffect, type OverlayInput } from './membership/overlay.ts'
import { decodeOverlay, encodeOverlay, type OverlayEntry } from './membership/wire.ts'
import { pause, reopenDelayMs, settledSoon } from './pause.ts'

/** The protocol's name on a session. */
export const OVERLAY_PROTOCOL = '/vudo/overlay/1'

/** What the driver of the overlay is made of. */
export interface OverlayLinksInit {
  readonly network: GossipNetwork
  readonly database: string
  readonly activePeers: number
  readonly now: () => number
  readonly random: () => number
  readonly isBanned: (peerId: PeerId) => boolean
  /** A peer broke the protocol. */
  readonly onFault: (peerId: PeerId) => void
}

interface Link {
  readonly session: Session
  channel: Channel | undefined
  failures: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Runs the overlay of one database over the network's sessions: one channel with each peer,
 * opened by the end with the lower id. Sessions that the overlay lets go are closed, unless
 * they serve another database too.
 */
export class OverlayLinks {
  readonly #init: OverlayLinksInit
  readonly #overlay: Overlay
  readonly #links = new Map<PeerId, Link>()
  readonly #stops: (() => void)[] = []
  readonly #end = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(init: OverlayLinksInit) {
    this.#init = init
    const { network, database, now } = init
    const { peerId } = network
    const addresses = (): readonly string[] => network.addresses
    const { activePeers, isBanned, random } = init
    this.#overlay = new Overlay({ peerId, addresses, activePeers, isBanned, random }, now())
    this.#stops.push(
      handleChannels(network, { protocol: OVERLAY_PROTOCOL, database }, (channel) => {
        this.#accept(channel)
      }),
    )
    const stop = followSessions(network, database, {
      add: (session) => this.#add(session),
      remove: (session) => this.#remove(session),
    })
    this.#stops.push(stop)
    this.#wake()
  }

  /** Peers that both ends keep a session with. */
  get active(): readonly PeerId[] {
    return this.#overlay.active
  }

  /** Takes a peer out, for what it did elsewhere. */
  ban(peerId: PeerId): void {
    this.#feed({ type: 'banned', peerId })
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#end.abort()
    clearTimeout(this.#timer)
    for (const link of this.#links.values()) {
      clearTimeout(link.timer)
      link.channel?.reset('ERR_GOSSIP_CLOSED')
    }
    this.#links.clear()
  }

  #add(session: Session): void {
    const { peerId } = session
    if (!session.databases.has(this.#init.database) || this.#links.has(peerId)) return
    if (this.#end.signal.aborted) return
    const link: Link = { session, channel: undefined, failures: 0, timer: undefined }
    this.#links.set(peerId, link)
    const { network } = this.#init
    const isOpener = network.peerId + network.instance < peerId + session.instance
    if (isOpener) this.#open(link)
  }

  #remove(session: Session): void {
    const link = this.#links.get(session.peerId)
    if (link?.session !== session) return
    this.#links.delete(session.peerId)
    clearTimeout(link.timer)
    this.#feed({ type: 'unlinked', peerId: session.peerId })
    const other = this.#init.network.sessions.find(
      (next) => next.peerId === session.peerId && next !== session,
    )
    if (other !== undefined) this.#add(other)
  }

  #open(link: Link): void {
    const { database } = this.#init
    this.#speak(link, link.session.openChannel(OVERLAY_PROTOCOL, { database }))
  }

  #accept(channel: Channel): void {
    const { session } = channel
    this.#add(session)
    const link = this.#links.get(session.peerId)
    if (link?.session !== session) return channel.reset('ERR_GOSSIP_LIMIT')
    link.channel?.reset('ERR_GOSSIP_CLOSED')
    this.#speak(link, channel)
  }

  #speak(link: Link, channel: Channel): void {
    const { peerId, path } = link.session
    const isAgain = link.channel !== undefined
    link.channel = channel
    if (!isAgain) this.#feed({ type: 'linked', peerId, isOutbound: path?.outbound ?? false })
    void this.#read(link, channel)
  }

  async #read(link: Link, channel: Channel): Promise<void> {
    const { now } = this.#init
    const { signal } = this.#end
    const rate = new FrameRate(now(), {
      perSecond: OVERLAY_MESSAGES_PER_SECOND,
      burst: OVERLAY_BURST,
    })
    const sinceMs = now()
    try {
      for (;;) {
        const bytes = await channel.receive({ signal })
        if (bytes === undefined) break
        const waitMs = rate.take(now())
        if (waitMs > 0) await pause(waitMs, signal)
        this.#receive(link, channel, bytes)
      }
    } catch {
      // The channel ended early: the session says why.
    }
    channel.reset('ERR_GOSSIP_CLOSED')
    if (link.channel !== channel || signal.aborted) return
    link.channel = undefined
    const { peerId } = link.session
    if (this.#links.get(peerId) !== link) return
    link.failures = now() - sinceMs > MAX_REOPEN_MS ? 0 : link.failures + 1
    this.#feed({ type: 'unlinked', peerId })
    this.#openLater(link)
  }

  #openLater(link: Link): void {
    const { network } = this.#init
    const { peerId, instance } = link.session
    if (network.peerId + network.instance > peerId + instance) return
    link.timer = setTimeout(() => {
      if (this.#links.get(peerId) === link && link.channel === undefined) this.#open(link)
    }, reopenDelayMs(link.failures))
  }

  #receive(link: Link, channel: Channel, bytes: Uint8Array): void {
    if (link.channel !== channel) return
    const { peerId } = link.session
    try {
      const isNear = isLocal(link.session, this.#init.network.addresses)
      const message = trustedPart(decodeOverlay(bytes), isNear)
      this.#feed({ type: 'message', from: peerId, message })
    } catch {
      // Only the decoder throws, and only for what the peer sent.
      this.#init.onFault(peerId)
    }
  }

  #feed(input: OverlayInput): void {
    if (this.#end.signal.aborted) return
    for (const effect of this.#overlay.handle(input, this.#init.now())) this.#perform(effect)
    this.#wake()
  }

  #wake(): void {
    clearTimeout(this.#timer)
    const inMs = Math.max(1, Math.ceil(this.#overlay.wakeAtMs - this.#init.now()))
    this.#timer = setTimeout(() => this.#feed({ type: 'tick' }), inMs)
  }

  #perform(effect: OverlayEffect): void {
    if (effect.type === 'dial') void this.#dial(effect.entry)
    else if (effect.type === 'drop') void this.#drop(effect.peerId)
    else void this.#send(effect.to, encodeOverlay(effect.message))
  }

  async #send(to: PeerId, bytes: Uint8Array): Promise<void> {
    try {
      await this.#links.get(to)?.channel?.send(bytes)
    } catch {
      // A channel that ends tells so by itself.
    }
  }

  /** Every address that the peer is said to have, then whatever the network knows of it. */
  async #dial({ peerId, addresses }: OverlayEntry): Promise<void> {
    const { network } = this.#init
    const signal = AbortSignal.any([this.#end.signal, AbortSignal.timeout(OVERLAY_PATIENCE_MS)])
    for (const target of [...addresses, peerId]) {
      try {
        await network.connectPeer(target, { expected: peerId, signal })
        return
      } catch {
        // The next one; when none is left, the overlay asks another peer.
        if (signal.aborted) break
      }
    }
    this.#feed({ type: 'unlinked', peerId })
  }

  async #drop(peerId: PeerId): Promise<void> {
    const link = this.#links.get(peerId)
    if (link === undefined) return
    const { channel, session } = link
    link.channel = undefined
    this.#links.delete(peerId)
    clearTimeout(link.timer)
    // The peer hears why before the session ends, if it listens.
    if (channel !== undefined) await settledSoon(channel.close(), this.#end.signal)
    channel?.reset('ERR_GOSSIP_CLOSED')
    const isOthersToo = session.databases.size > 1
    if (!isOthersToo && !this.#links.has(peerId)) await session.close()
  }
}
