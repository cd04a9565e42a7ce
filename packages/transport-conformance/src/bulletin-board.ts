import type { AbortOptions, Discovery, PeerRecord, Topic } from '@vudo/transport'

/** Where all peers of one case find each other, when their transport does not discover by itself. */
export interface BulletinBoard {
  /** One node's view of the board. */
  createDiscovery(): Discovery
}

/** An empty board. Records reach watchers at once. */
export function createBulletinBoard(): BulletinBoard {
  const notices: Notice[] = []
  const watchers = new Set<Watcher>()
  return { createDiscovery: () => new BoardDiscovery(notices, watchers) }
}

interface Notice {
  readonly owner: BoardDiscovery
  readonly topic: string
  readonly record: PeerRecord
}

interface Watcher {
  readonly topic: string
  readonly found: PeerRecord[]
  wake(): void
}

class BoardDiscovery implements Discovery {
  readonly name = 'bulletin-board'
  readonly #notices: Notice[]
  readonly #watchers: Set<Watcher>
  readonly #closing = new AbortController()

  constructor(notices: Notice[], watchers: Set<Watcher>) {
    this.#notices = notices
    this.#watchers = watchers
  }

  async announce(topic: Topic, record: PeerRecord, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const notice = { owner: this, topic: topicToText(topic), record }
    // All in one turn: a call that comes meanwhile would find two records, or leave one behind.
    this.#remove(({ topic: other }) => other === notice.topic)
    this.#notices.push(notice)
    for (const watcher of this.#watchers) {
      if (watcher.topic !== notice.topic) continue
      watcher.found.push(record)
      watcher.wake()
    }
  }

  async withdraw(topic: Topic): Promise<void> {
    const text = topicToText(topic)
    this.#remove((notice) => notice.topic === text)
  }

  #remove(isMeant: (notice: Notice) => boolean): void {
    const kept = this.#notices.filter((notice) => notice.owner !== this || !isMeant(notice))
    this.#notices.splice(0, this.#notices.length, ...kept)
  }

  async lookup(topic: Topic, options: AbortOptions = {}): Promise<PeerRecord[]> {
    options.signal?.throwIfAborted()
    return this.#under(topicToText(topic))
  }

  #under(topic: string): PeerRecord[] {
    return this.#notices.filter((notice) => notice.topic === topic).map(({ record }) => record)
  }

  async *watch(topic: Topic, options: AbortOptions = {}): AsyncIterable<PeerRecord> {
    const signals = [this.#closing.signal, ...(options.signal ? [options.signal] : [])]
    const end = AbortSignal.any(signals)
    let next = Promise.withResolvers<void>()
    const text = topicToText(topic)
    const found: PeerRecord[] = []
    const watcher: Watcher = { topic: text, found, wake: () => next.resolve() }
    const wake = (): void => watcher.wake()
    // Before looking: what is announced from here on comes by itself.
    this.#watchers.add(watcher)
    found.push(...this.#under(text))
    end.addEventListener('abort', wake)
    try {
      while (!end.aborted) {
        const record = found.shift()
        if (record) {
          yield record
          continue
        }
        await next.promise
        next = Promise.withResolvers<void>()
      }
      options.signal?.throwIfAborted()
    } finally {
      this.#watchers.delete(watcher)
      end.removeEventListener('abort', wake)
    }
  }

  async close(): Promise<void> {
    this.#remove(() => true)
    this.#closing.abort()
  }
}

function topicToText(topic: Topic): string {
  return [...topic].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
