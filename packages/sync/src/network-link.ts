import type { Channel, Network, Session } from '@vudo/network'
import type { Engine } from './engine.ts'
import { MAX_REOPEN_DELAY_MS, REOPEN_DELAY_MS } from './limits.ts'

/** The protocol's name on a session. */
export const SYNC_PROTOCOL = '/vudo/sync/1'

/** A network has one handler for a protocol; the databases of it share that one. */
const linksByNetwork = new WeakMap<Network, Map<string, NetworkLink>>()

/**
 * Opens a channel with each session that shares the database. Of two ends the one
 * with the lower peer id opens; it opens again when the channel ends while the
 * session lives, later each time: the far end may not have the database open yet.
 *
 * @returns Ends it.
 */
export function linkToNetwork(network: Network, databaseId: string, engine: Engine): () => void {
  const links = linksByNetwork.get(network) ?? new Map<string, NetworkLink>()
  if (links.size === 0) {
    network.handle(SYNC_PROTOCOL, (channel) => {
      const link = links.get(channel.database ?? '')
      if (link) link.accept(channel)
      else channel.reset('ERR_DATABASE_CLOSED')
    })
  }
  linksByNetwork.set(network, links)
  const link = new NetworkLink(network, databaseId, engine)
  links.set(databaseId, link)
  return () => {
    // Another database of the same id may have taken its place.
    if (links.get(databaseId) === link) links.delete(databaseId)
    link.end()
  }
}

class NetworkLink {
  readonly #network: Network
  readonly #databaseId: string
  readonly #engine: Engine
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  readonly #stop: () => void
  #isEnded = false

  constructor(network: Network, databaseId: string, engine: Engine) {
    this.#network = network
    this.#databaseId = databaseId
    this.#engine = engine
    this.#stop = network.events.on('database:shared', ({ session, databaseId: shared }) => {
      if (shared === databaseId) this.#openIfOurs(session)
    })
    for (const session of network.sessions) this.#openIfOurs(session)
  }

  accept(channel: Channel): void {
    void this.#engine.speak(channel.session.peerId, channel)
  }

  #openIfOurs(session: Session): void {
    const mine = this.#network.peerId + this.#network.instance
    if (!session.databases.has(this.#databaseId) || mine > session.peerId + session.instance) return
    void this.#speak(session, REOPEN_DELAY_MS)
  }

  async #speak(session: Session, delayMs: number): Promise<void> {
    const sinceMs = performance.now()
    const channel = session.openChannel(SYNC_PROTOCOL, {
      database: this.#databaseId,
      priority: 'high',
    })
    await this.#engine.speak(session.peerId, channel)
    const { error } = await channel.closed
    if (this.#isEnded || !this.#isAlive(session) || isForGood(error?.code)) return
    // One that lived for a while was no failure to begin with.
    const lived = performance.now() - sinceMs > MAX_REOPEN_DELAY_MS
    const next = lived ? REOPEN_DELAY_MS : Math.min(2 * delayMs, MAX_REOPEN_DELAY_MS)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (this.#isAlive(session)) void this.#speak(session, next)
    }, delayMs)
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

function isForGood(code: string | undefined): boolean {
  return code === 'ERR_SESSION_CLOSED' || code === 'ERR_NOT_MEMBER'
}
