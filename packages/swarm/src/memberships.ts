/** The topics that iterations have joined: each has one membership, from its first iteration to its last. */
import { topicToHex } from '@vudo/topic'
import { MAX_TOPICS, TransportError, type ConnectOptions, type Topic } from '@vudo/transport'
import { createMembership, type Membership, type MembershipInit } from './membership.ts'
import type { SwarmConnection } from './swarm-connection.ts'
import type { Tasks } from './tasks.ts'
import { createTopicIteration, type TopicIteration } from './topic-iteration.ts'

/** What the memberships need of their swarm. */
export interface MembershipsInit extends Omit<MembershipInit, 'topic'> {
  /** Fires when the swarm ends, with the error for whoever joins afterwards. */
  readonly closing: AbortSignal
  readonly tasks: Tasks
  /** The live connections, which share what is joined and leave what is left. */
  readonly connections: () => readonly SwarmConnection[]
  /** An iteration of the topic takes everybody: also peers of which only an address is known. */
  readonly onOpenToAll: (hex: string) => void
  /** Nobody here is in the topic any more. */
  readonly onLeft: (hex: string) => void
}

/** Every joined topic. */
export class Memberships {
  readonly #init: MembershipsInit
  readonly #byTopic = new Map<string, Membership>()

  constructor(init: MembershipsInit) {
    this.#init = init
  }

  get topics(): Topic[] {
    return [...this.#byTopic.values()].map(({ topic }) => topic)
  }

  /** Joins a topic until the iteration ends, by itself or by its signal. */
  join(topic: Topic, options?: ConnectOptions): TopicIteration {
    const { closing } = this.#init
    const signal = options?.signal
    const onAbort = (): void => {
      iteration.end()
    }
    const iteration = createTopicIteration(options?.admit, () => {
      signal?.removeEventListener('abort', onAbort)
      this.#leave(topicToHex(topic), iteration)
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    if (closing.aborted) iteration.end(closing.reason)
    else if (signal?.aborted) iteration.end()
    else this.#add(topic, iteration)
    return iteration
  }

  #add(topic: Topic, iteration: TopicIteration): void {
    const known = this.#byTopic.get(topicToHex(topic))
    if (!known && this.#byTopic.size >= MAX_TOPICS) {
      return iteration.end(
        new TransportError('ERR_LIMIT', `${MAX_TOPICS} topics are joined (MAX_TOPICS)`),
      )
    }
    const membership = known ?? this.#start(topic)
    membership.add(iteration)
    for (const connection of this.#init.connections()) {
      if (connection.isShared(membership.hex)) iteration.push(connection)
    }
    if (membership.admitsAll) this.#init.onOpenToAll(membership.hex)
  }

  #start(topic: Topic): Membership {
    const membership = createMembership({ ...this.#init, topic })
    this.#byTopic.set(membership.hex, membership)
    for (const connection of this.#init.connections()) connection.join(membership.topic)
    this.#init.tasks.add(this.#run(membership))
    return membership
  }

  async #run(membership: Membership): Promise<void> {
    try {
      await membership.run()
    } catch (error) {
      const failure = this.#init.closing.aborted ? undefined : error
      for (const iteration of membership.iterations) iteration.end(failure)
    }
  }

  /** A connection shares the topic from now on. */
  deliver(hex: string, connection: SwarmConnection): void {
    this.#byTopic.get(hex)?.deliver(connection)
  }

  #leave(hex: string, iteration: TopicIteration): void {
    const membership = this.#byTopic.get(hex)
    if (!membership?.iterations.has(iteration)) return
    membership.delete(iteration)
    if (membership.iterations.size > 0) return
    this.#byTopic.delete(hex)
    membership.stop()
    this.#init.onLeft(hex)
    for (const connection of this.#init.connections()) connection.leave(membership.topic)
    this.#init.tasks.add(this.#init.announcer.withdraw(membership.topic))
  }

  /** Ends every iteration, and with it every membership. */
  end(): void {
    for (const { iterations } of this.#byTopic.values()) {
      for (const iteration of iterations) iteration.end()
    }
  }
}
