import type { Channel, Session } from '@vudo/network'
import { MAX_SYNC_REOPEN_DELAY_MS, SYNC_REOPEN_DELAY_MS } from '../limits.ts'
import type { WillowSyncNetwork } from './willow-sync.ts'

/** The protocol's name on a session. */
export const WILLOW_SYNC_PROTOCOL = '/vudo/willow/1'

/** Speaks on a channel; settles, never rejects, when it has ended. */
export type Speak = (channel: Channel, isOpener: boolean) => Promise<void>

/** A network has one handler for a protocol; the namespaces of it share that one. */
const linksByNetwork = new WeakMap<WillowSyncNetwork, Map<string, NetworkLink>>()

/**
 * Opens a channel with each session that shares the database. Of two ends the one with the
 * lower peer id opens; it opens again when the channel ends while the session lives, later each
 * time: the far end may not have the namespace open yet.
 *
 * @returns Ends it.
 */
export function linkToNetwork(
  network: WillowSyncNetwork,
  database: string,
  speak: Speak,
): () => void {
  const links = linksByNetwork.get(network) ?? new Map<string, NetworkLink>()
  if (links.size === 0) {
    network.handle(WILLOW_SYNC_PROTOCOL, (channel) => {
      const link = links.get(channel.database ?? '')
      if (link) link.accept(channel)
      else channel.reset('ERR_NAMESPACE_CLOSED')
    })
  }
  linksByNetwork.set(network, links)
  const link = new NetworkLink({ network, database, speak })
  links.set(database, link)
  link.begin()
  return () => {
    // Another sync of the same database may have taken its place.
    if (links.get(database) === link) links.delete(database)
    link.end()
  }
}

interface LinkInit {
  readonly network: WillowSyncNetwork
  readonly database: string
  readonly speak: Speak
}

class NetworkLink {
  readonly #init: LinkInit
  readonly #timers = new Set<NodeJS.Timeout>()
  /** Sessions whose peer has a channel open. */
  readonly #accepted = new Set<Session>()
  #stop: (() => void) | undefined
  #isEnded = false

  constructor(init: LinkInit) {
    this.#init = init
  }

  begin(): void {
    const { network, database } = this.#init
    this.#stop = network.events.on('database:shared', ({ session, databaseId }) => {
      if (databaseId === database) this.#openIfOurs(session)
    })
    for (const session of network.sessions) this.#openIfOurs(session)
  }

  /** One for each session: the limits of a channel would mean nothing to a peer that opens many. */
  accept(channel: Channel): void {
    const { session } = channel
    if (this.#accepted.has(session)) return channel.reset('ERR_WILLOW_SYNC_LIMIT')
    this.#accepted.add(session)
    const speaking = this.#init.speak(channel, false)
    void speaking.finally(() => this.#accepted.delete(session))
  }

  #openIfOurs(session: Session): void {
    const { network, database } = this.#init
    const mine = network.peerId + network.instance
    if (!session.databases.has(database) || mine > session.peerId + session.instance) return
    void this.#speak(session, SYNC_REOPEN_DELAY_MS)
  }

  async #speak(session: Session, delayMs: number): Promise<void> {
    const sinceMs = performance.now()
    const { database } = this.#init
    const channel = session.openChannel(WILLOW_SYNC_PROTOCOL, { database })
    await this.#init.speak(channel, true)
    const { error } = await channel.closed
    if (this.#isEnded || !this.#isAlive(session) || isForGood(error?.code)) return
    // One that lived for a while was no failure to begin with.
    const lived = performance.now() - sinceMs > MAX_SYNC_REOPEN_DELAY_MS
    const next = lived ? SYNC_REOPEN_DELAY_MS : Math.min(2 * delayMs, MAX_SYNC_REOPEN_DELAY_MS)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (this.#isAlive(session)) void this.#speak(session, next)
    }, delayMs)
    this.#timers.add(timer)
  }

  #isAlive(session: Session): boolean {
    const { network, database } = this.#init
    return network.sessions.includes(session) && session.databases.has(database)
  }

  end(): void {
    this.#isEnded = true
    this.#stop?.()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}

function isForGood(code: string | undefined): boolean {
  return code === 'ERR_SESSION_CLOSED' || code === 'ERR_NOT_MEMBER'
}
