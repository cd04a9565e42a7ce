import type { Channel } from '@vudo/network'
import {
  PartJoiner,
  readHello,
  readMessage,
  writeHello,
  writeMessage,
  type AdapterHello,
  type AdapterMessage,
} from './adapter-wire.ts'
import {
  MAX_EPHEMERAL_SOURCES,
  MAX_PEER_BYTES,
  MAX_UNSENT_MESSAGES,
  UNFINISHED_TIMEOUT_MS,
} from './limits.ts'
import type { SharedBytes } from './shared-bytes.ts'

/** Who listens to a peer. */
export interface AdapterPeerEvents {
  /** @returns false when it may not be a peer: the channel is ended. */
  readonly onHello: (hello: AdapterHello) => boolean
  readonly onMessage: (message: AdapterMessage) => void
}

/** The adapter at the far end of one channel. */
export class AdapterPeer {
  readonly #channel: Channel
  readonly #joiner: PartJoiner
  /** Who has sent ephemeral messages through this peer, with the session. */
  readonly #sources = new Set<string>()
  readonly #unsent: Uint8Array[] = []
  #unsentBytes = 0
  #isSending = false
  #hasEnded = false
  #timer: NodeJS.Timeout | undefined

  constructor(channel: Channel, unfinished: SharedBytes) {
    this.#channel = channel
    this.#joiner = new PartJoiner(unfinished, () => this.end('ERR_REPO_MESSAGE'))
  }

  get session(): Channel['session'] {
    return this.#channel.session
  }

  /** Speaks until the channel has ended. Settles, never rejects. */
  async speak(hello: AdapterHello, events: AdapterPeerEvents): Promise<void> {
    this.#queue(writeHello(hello))
    try {
      let isKnown = false
      for await (const part of this.#channel) {
        const bytes = this.#joiner.take(part)
        this.#expectMore(!bytes)
        if (this.#hasEnded) break
        // A hello is one part: before it nobody has a place for the beginning of a message.
        if (!bytes && !isKnown) break
        if (!bytes) continue
        if (isKnown) this.#take(bytes, events)
        else if (events.onHello(readHello(bytes))) isKnown = true
        else break
      }
    } catch {
      // Whatever a peer does wrong costs it this channel and nothing else.
    } finally {
      this.end('ERR_REPO_MESSAGE')
    }
  }

  /** Whoever begins a message goes on with it. */
  #expectMore(isUnfinished: boolean): void {
    clearTimeout(this.#timer)
    if (!isUnfinished || this.#hasEnded) return
    this.#timer = setTimeout(() => this.end('ERR_REPO_SLOW'), UNFINISHED_TIMEOUT_MS)
  }

  #take(bytes: Uint8Array, { onMessage }: AdapterPeerEvents): void {
    const taken = readMessage(bytes)
    if (!taken || !this.#isSourceAllowed(taken)) return
    onMessage(taken)
  }

  /** A Repo remembers each source for ever: a peer names only so many. */
  #isSourceAllowed({ message, origin = '' }: AdapterMessage): boolean {
    if (message.type !== 'ephemeral') return true
    const source = `${origin}\0${message.sessionId}`
    if (this.#sources.has(source)) return true
    if (this.#sources.size >= MAX_EPHEMERAL_SOURCES) return false
    this.#sources.add(source)
    return true
  }

  /** Queues a message. A peer that does not take what it is sent loses the channel. @throws `TypeError` for what is no plain data. */
  send(message: AdapterMessage): void {
    this.#queue(writeMessage(message))
  }

  #queue(parts: readonly Uint8Array[]): void {
    if (this.#hasEnded) return
    this.#unsent.push(...parts)
    this.#unsentBytes += parts.reduce((sum, { length }) => sum + length, 0)
    if (this.#unsentBytes > MAX_PEER_BYTES || this.#unsent.length > MAX_UNSENT_MESSAGES) {
      return this.end('ERR_REPO_SLOW')
    }
    if (!this.#isSending) void this.#drain()
  }

  async #drain(): Promise<void> {
    this.#isSending = true
    try {
      for (let part = this.#unsent.shift(); part && !this.#hasEnded; part = this.#unsent.shift()) {
        this.#unsentBytes -= part.length
        await this.#channel.send(part)
      }
    } catch {
      // The reading side learns of the end as well.
      this.end()
    } finally {
      this.#isSending = false
    }
  }

  /** Ends the channel; nothing is told afterwards. Idempotent. */
  end(code?: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    clearTimeout(this.#timer)
    this.#unsent.length = 0
    this.#joiner.forget()
    this.#channel.reset(code)
  }
}
