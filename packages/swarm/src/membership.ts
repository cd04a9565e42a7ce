import { topicToHex } from '@vudo/topic'
import type { PeerInfo, Topic } from '@vudo/transport'
import type { Announcer } from './announcer.ts'
import type { Finder, FoundPeer } from './finder.ts'
import { LOOKUP_INTERVAL_MS } from './limits.ts'
import type { Runtime } from './runtime.ts'
import type { SwarmConnection } from './swarm-connection.ts'
import type { TopicIteration } from './topic-iteration.ts'

/** One joined topic: its iterations, and the search for its peers. */
export interface Membership {
  readonly topic: Topic
  /** The topic in hex. */
  readonly hex: string
  readonly iterations: ReadonlySet<TopicIteration>
  /** True when some iteration wants everybody: bootstrap addresses, whose peer is not known, too. */
  readonly admitsAll: boolean
  add(iteration: TopicIteration): void
  delete(iteration: TopicIteration): void
  deliver(connection: SwarmConnection): void
  /** Announces and searches until `stop`. Rejects when the transport cannot listen. */
  run(): Promise<void>
  stop(): void
}

/** What a membership needs. */
export interface MembershipInit {
  readonly topic: Topic
  readonly finder: Finder
  readonly announcer: Announcer
  readonly runtime: Runtime
  readonly listen: () => Promise<void>
  /** A peer was found that some iteration admits. */
  readonly onFound: (peer: FoundPeer, membership: Membership) => void
}

/** Makes a membership that does nothing before `run`. */
export function createMembership(init: MembershipInit): Membership {
  return new JoinedTopic(init)
}

class JoinedTopic implements Membership {
  readonly topic: Topic
  readonly hex: string
  readonly iterations = new Set<TopicIteration>()
  readonly #init: MembershipInit
  readonly #stopping = new AbortController()
  /** What was found, so that a later iteration with another `admit` is asked as well. */
  readonly #found = new Map<string, FoundPeer>()

  constructor(init: MembershipInit) {
    this.#init = init
    // The caller keeps the buffer; a change there must not move us to another topic.
    this.topic = init.topic.slice()
    this.hex = topicToHex(this.topic)
  }

  get admitsAll(): boolean {
    return [...this.iterations].some(({ admit }) => admit === undefined)
  }

  add(iteration: TopicIteration): void {
    this.iterations.add(iteration)
    for (const peer of this.#found.values()) this.#offer(peer)
  }

  delete(iteration: TopicIteration): void {
    this.iterations.delete(iteration)
  }

  deliver(connection: SwarmConnection): void {
    for (const iteration of this.iterations) iteration.push(connection)
  }

  async run(): Promise<void> {
    const { signal } = this.#stopping
    await this.#init.listen()
    if (signal.aborted) return
    await Promise.all([
      this.#announce(),
      this.#init.finder.watch(this.topic, signal, this.#offer),
      this.#lookUpAgainAndAgain(),
    ])
  }

  async #announce(): Promise<void> {
    try {
      await this.#init.announcer.announce(this.topic, { signal: this.#stopping.signal })
    } catch {
      // Nobody takes the announcement now: we still find others, and are announced again.
    }
  }

  async #lookUpAgainAndAgain(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      // The rounds follow each other: that is what bounds the traffic.
      // oxlint-disable-next-line no-await-in-loop
      await this.#lookUp()
      // oxlint-disable-next-line no-await-in-loop
      await this.#rest()
    }
  }

  async #lookUp(): Promise<void> {
    try {
      const { signal } = this.#stopping
      const peers = await this.#init.finder.lookup(this.topic, { signal })
      this.#found.clear()
      for (const peer of peers) {
        this.#found.set(peer.id, peer)
        this.#offer(peer)
      }
    } catch {
      // Asked again in the next round.
    }
  }

  readonly #offer = (peer: FoundPeer): void => {
    const info: PeerInfo = { id: peer.id, address: peer.addresses[0] }
    const isAdmitted = [...this.iterations].some(({ admit }) => admit === undefined || admit(info))
    if (isAdmitted) this.#init.onFound(peer, this)
  }

  /** Spread by chance, so that peers that began together do not ask together. */
  #rest(): Promise<void> {
    const { runtime } = this.#init
    const { signal } = this.#stopping
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const cancel = runtime.setTimer(LOOKUP_INTERVAL_MS * (1 + runtime.random() / 4), () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
      const onAbort = (): void => {
        cancel()
        resolve()
      }
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  stop(): void {
    this.#stopping.abort()
  }
}
