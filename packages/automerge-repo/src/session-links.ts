import type { Channel, Network, Session } from '@vudo/network'
import { ADAPTER_PROTOCOL } from './adapter-wire.ts'
import { MAX_REOPEN_DELAY_MS, REOPEN_DELAY_MS } from './limits.ts'

/** A network has one handler for a protocol; the adapters of several databases share it. */
const linksByNetwork = new WeakMap<Network, Map<string, SessionLinks>>()

/**
 * Keeps one channel with each session that shares the database. Of two ends the one with
 * the lower id opens, and opens again when the channel ends while the session lives.
 *
 * @param speak - Told of each channel; settles, never rejects, when it has ended, with true when both ends had become peers.
 * @returns Ends it; the channels are the caller's to end.
 */
export function linkSessions(
  network: Network,
  databaseId: string,
  speak: (channel: Channel) => Promise<boolean>,
): () => void {
  const links = linksByNetwork.get(network) ?? new Map<string, SessionLinks>()
  linksByNetwork.set(network, links)
  if (links.size === 0) {
    network.handle(ADAPTER_PROTOCOL, (channel) => {
      const link = links.get(channel.database ?? '')
      if (link) void link.accept(channel)
      else channel.reset('ERR_DATABASE_CLOSED')
    })
  }
  const link = new SessionLinks(network, databaseId, speak)
  links.set(databaseId, link)
  link.begin()
  return () => {
    // Another adapter for the database may have taken its place.
    if (links.get(databaseId) === link) links.delete(databaseId)
    link.end()
  }
}

class SessionLinks {
  readonly #network: Network
  readonly #databaseId: string
  readonly #speak: (channel: Channel) => Promise<boolean>
  /** The channel that each far end has opened: one at a time. */
  readonly #accepted = new WeakMap<Session, Channel>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #stop = (): void => {}
  #isEnded = false

  constructor(network: Network, databaseId: string, speak: (channel: Channel) => Promise<boolean>) {
    this.#network = network
    this.#databaseId = databaseId
    this.#speak = speak
  }

  begin(): void {
    this.#stop = this.#network.events.on('database:shared', ({ session, databaseId }) => {
      if (databaseId === this.#databaseId) this.#openIfOurs(session)
    })
    for (const session of this.#network.sessions) this.#openIfOurs(session)
  }

  accept(channel: Channel): Promise<boolean> {
    this.#accepted.get(channel.session)?.reset()
    this.#accepted.set(channel.session, channel)
    return this.#speak(channel)
  }

  #openIfOurs(session: Session): void {
    const mine = this.#network.peerId + this.#network.instance
    if (!session.databases.has(this.#databaseId) || mine > session.peerId + session.instance) return
    void this.#keepOpen(session, REOPEN_DELAY_MS)
  }

  async #keepOpen(session: Session, delayMs: number): Promise<void> {
    const channel = session.openChannel(ADAPTER_PROTOCOL, { database: this.#databaseId })
    const wasPeer = await this.#speak(channel)
    await channel.closed
    if (this.#isEnded || !this.#isAlive(session)) return
    // Who does not want to be a peer is asked ever less often.
    const next = wasPeer ? REOPEN_DELAY_MS : Math.min(2 * delayMs, MAX_REOPEN_DELAY_MS)
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        if (this.#isAlive(session)) void this.#keepOpen(session, next)
      },
      wasPeer ? REOPEN_DELAY_MS : delayMs,
    )
    this.#timers.add(timer)
  }

  #isAlive(session: Session): boolean {
    return this.#network.sessions.includes(session) && session.databases.has(this.#databaseId)
  }

  end(): void {
    this.#isEnded = true
    this.#stop()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
