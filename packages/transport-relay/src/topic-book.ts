/** The topics that this node has joined at one relay, and who else is in them. Without sockets or clock. */
import { MAX_KNOWN_MEMBERS } from './limits.ts'
import { encodeJoin, encodeLeave } from './wire.ts'
import { bytesToHex, hexToBytes } from '@vudo/wire'

/** How a topic is joined. */
export interface Membership {
  /** Others are told of this node. */
  readonly isListed: boolean
  /** This node is told of others. */
  readonly isWatching: boolean
}

/** See {@link createTopicBook}. */
export interface TopicBook {
  /** Joins, or changes how. */
  join(topic: Uint8Array, how: Membership): void
  leave(topic: Uint8Array): void
  /** Everything to say to a relay that has just let us in, with so many topics. */
  hello(maxTopics: number): Uint8Array[]
  /** The relay is gone: whom it told of does not count. */
  forget(): void
  onMembers(topic: string, isComplete: boolean, endpoints: readonly string[]): void
  onGone(topic: string, endpoints: readonly string[]): void
  /** Whether the relay takes no more topics, and so does not have this one. */
  isOver(topic: Uint8Array): boolean
  /** Whether the relay has told of everybody. */
  isComplete(topic: Uint8Array): boolean
  members(topic: Uint8Array): readonly string[]
  /** Whether this end point is in one of the topics. */
  knows(endpoint: string): boolean
}

/** What a book is made of. */
export interface TopicBookInit {
  /** Writes a frame when the relay is there. */
  readonly write: (frame: Uint8Array) => void
  /** Somebody was told of. */
  readonly onMember: (topic: string, endpoint: string) => void
  /** The answer to a join is complete. */
  readonly onComplete: (topic: string) => void
}

/** Makes an empty book. */
export function createTopicBook(init: TopicBookInit): TopicBook {
  return new Book(init)
}

interface Entry {
  how: Membership
  /** It waits until the relay has a place for one more. */
  isOver: boolean
  isComplete: boolean
  readonly members: Set<string>
}

class Book implements TopicBook {
  readonly #init: TopicBookInit
  /** By topic in hex. */
  readonly #entries = new Map<string, Entry>()
  /** Those of the relay that was here last. */
  #maxTopics = Infinity
  #joined = 0

  constructor(init: TopicBookInit) {
    this.#init = init
  }

  join(topic: Uint8Array, how: Membership): void {
    const hex = bytesToHex(topic)
    const known = this.#entries.get(hex)
    if (known?.how.isListed === how.isListed && known.how.isWatching === how.isWatching) return
    // One that was not watching has missed who came and went.
    if (known && !known.how.isWatching) known.isComplete = false
    const entry = known ?? { how, isOver: true, isComplete: false, members: new Set() }
    entry.how = how
    if (!known) this.#enter(hex, entry)
    if (!entry.isOver) this.#init.write(encodeJoin(topic, how))
  }

  #enter(hex: string, entry: Entry): void {
    this.#entries.set(hex, entry)
    entry.isOver = this.#joined >= this.#maxTopics
    if (!entry.isOver) this.#joined += 1
  }

  leave(topic: Uint8Array): void {
    const hex = bytesToHex(topic)
    const entry = this.#entries.get(hex)
    this.#entries.delete(hex)
    if (!entry || entry.isOver) return
    this.#init.write(encodeLeave(topic))
    this.#joined -= 1
    this.#moveUp()
  }

  /** Whoever waits longest takes the place that has become free. */
  #moveUp(): void {
    const [hex, next] = [...this.#entries].find(([, { isOver }]) => isOver) ?? []
    if (hex === undefined || !next || this.#joined >= this.#maxTopics) return
    next.isOver = false
    this.#joined += 1
    this.#init.write(encodeJoin(hexToBytes(hex), next.how))
  }

  hello(maxTopics: number): Uint8Array[] {
    this.#maxTopics = maxTopics
    this.#joined = 0
    for (const [hex, entry] of this.#entries) this.#enter(hex, entry)
    return [...this.#entries]
      .filter(([, { isOver }]) => !isOver)
      .map(([hex, { how }]) => encodeJoin(hexToBytes(hex), how))
  }

  forget(): void {
    for (const entry of this.#entries.values()) {
      entry.isComplete = false
      entry.members.clear()
    }
  }

  onMembers(topic: string, isComplete: boolean, endpoints: readonly string[]): void {
    const entry = this.#entries.get(topic)
    if (!entry) return
    for (const endpoint of endpoints) {
      entry.members.delete(endpoint)
      entry.members.add(endpoint)
      this.#init.onMember(topic, endpoint)
    }
    for (const oldest of entry.members) {
      if (entry.members.size <= MAX_KNOWN_MEMBERS) break
      entry.members.delete(oldest)
    }
    if (!isComplete) return
    entry.isComplete = true
    this.#init.onComplete(topic)
  }

  onGone(topic: string, endpoints: readonly string[]): void {
    const members = this.#entries.get(topic)?.members
    for (const endpoint of endpoints) members?.delete(endpoint)
  }

  isOver(topic: Uint8Array): boolean {
    return this.#entries.get(bytesToHex(topic))?.isOver ?? false
  }

  isComplete(topic: Uint8Array): boolean {
    return this.#entries.get(bytesToHex(topic))?.isComplete ?? false
  }

  members(topic: Uint8Array): readonly string[] {
    return [...(this.#entries.get(bytesToHex(topic))?.members ?? [])]
  }

  knows(endpoint: string): boolean {
    return [...this.#entries.values()].some(({ members }) => members.has(endpoint))
  }
}
