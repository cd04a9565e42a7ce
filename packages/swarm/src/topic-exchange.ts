/*
 * How two ends of a connection find out which topics they share, without naming one
 * that the other does not know. Pure: bytes in, effects out.
 *
 * Each end sends a hello with 32 random bytes, and then, in the same message, one tag
 * for each topic it has joined:
 *
 *   tag = blindTopic(topic, sender's key · receiver's key · sender's nonce)
 *
 * Whoever knows the topic computes the same tag and knows that it is shared. The keys
 * are those that the handshake proved, so a tag is worth nothing to anybody but the
 * one receiver, from the one sender; the nonce makes it different on every connection.
 * The receiver's nonce is not in it: tags would have to wait for a round trip, and
 * data that comes right behind the hello would overtake them.
 *
 * Invariants: at most MAX_TOPICS tags of the peer are kept, matched or not, because a
 * topic may be joined later; our own updates carry only what changed.
 */
import { blindTopic, topicToHex } from '@vudo/topic'
import {
  isTransportError,
  MAX_TOPICS,
  TransportError,
  type PeerId,
  type Topic,
} from '@vudo/transport'
import {
  decodeControl,
  encodeControl,
  type ByeReason,
  type ControlRecord,
} from './control-messages.ts'
import { MAX_CONTROL_PER_SECOND, MAX_TAGS_PER_SECOND, MAX_TAGS_PER_UPDATE } from './limits.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

/** What the driver must do, in order. Topics are in hex. */
export type ExchangeEffect =
  | { readonly type: 'shared' | 'unshared'; readonly topic: string }
  /** The connection is over: say `bye`, where there is one, and close with `error`. */
  | { readonly type: 'end'; readonly error: TransportError; readonly bye?: ByeReason }

/** Both ends, and what is random about this connection. */
export interface ExchangeInit {
  readonly self: PeerId
  readonly peer: PeerId
  /** 32 fresh random bytes. */
  readonly nonce: Uint8Array
  readonly nowMs: number
}

/** One connection's state. Never throws for a peer's fault. */
export interface TopicExchange {
  /** True when the peer's hello has come: application data before it is a breach. */
  readonly hasHello: boolean
  /** How many topics both ends have joined. */
  readonly sharedCount: number
  isShared(topic: string): boolean
  join(topic: Topic): ExchangeEffect[]
  leave(topic: Topic): ExchangeEffect[]
  receive(message: Uint8Array, nowMs: number): ExchangeEffect[]
  /** What the peer has not been told yet, as much as fits into one message, the hello first; `undefined` when it knows everything. */
  takeUpdate(): Uint8Array | undefined
}

/** Makes the state of a connection on which nothing has been said yet. */
export function createTopicExchange(init: ExchangeInit): TopicExchange {
  return new Exchange(init)
}

class Exchange implements TopicExchange {
  readonly #init: ExchangeInit
  readonly #ownContext: Uint8Array
  readonly #records: TokenBucket
  readonly #tags: TokenBucket
  /** By hex: what is joined here, what the peer has been told. */
  readonly #joined = new Map<string, Topic>()
  readonly #told = new Map<string, Topic>()
  readonly #shared = new Set<string>()
  /** The peer's tags, in hex, and ours to come from it, by tag. */
  readonly #peerTags = new Set<string>()
  readonly #topicsByTag = new Map<string, string>()
  #peerContext: Uint8Array | undefined
  #isHelloSent = false

  constructor(init: ExchangeInit) {
    this.#init = init
    this.#ownContext = tagContext(init.self, init.peer, init.nonce)
    this.#records = createTokenBucket(MAX_CONTROL_PER_SECOND, init.nowMs)
    this.#tags = createTokenBucket(MAX_TAGS_PER_SECOND, init.nowMs)
  }

  get hasHello(): boolean {
    return this.#peerContext !== undefined
  }

  get sharedCount(): number {
    return this.#shared.size
  }

  isShared(topic: string): boolean {
    return this.#shared.has(topic)
  }

  join(topic: Topic): ExchangeEffect[] {
    const hex = topicToHex(topic)
    this.#joined.set(hex, topic)
    return this.#expect(hex, topic)
  }

  /** Computes the tag that the peer would send for a topic of ours; it may have been sent already. */
  #expect(hex: string, topic: Topic): ExchangeEffect[] {
    if (!this.#peerContext) return []
    const tag = topicToHex(blindTopic(topic, this.#peerContext))
    this.#topicsByTag.set(tag, hex)
    return this.#peerTags.has(tag) ? this.#share(hex) : []
  }

  #share(hex: string): ExchangeEffect[] {
    if (this.#shared.has(hex)) return []
    this.#shared.add(hex)
    return [{ type: 'shared', topic: hex }]
  }

  #unshare(hex: string): ExchangeEffect[] {
    return this.#shared.delete(hex) ? [{ type: 'unshared', topic: hex }] : []
  }

  leave(topic: Topic): ExchangeEffect[] {
    const hex = topicToHex(topic)
    this.#joined.delete(hex)
    for (const [tag, other] of this.#topicsByTag) if (other === hex) this.#topicsByTag.delete(tag)
    return this.#unshare(hex)
  }

  receive(message: Uint8Array, nowMs: number): ExchangeEffect[] {
    try {
      const records = decodeControl(message)
      this.#count(records, nowMs)
      return this.#handleAll(records)
    } catch (error) {
      return [endFor(error)]
    }
  }

  /** Before any of it is looked at: what is over the rate costs nothing more. */
  #count(records: readonly ControlRecord[], nowMs: number): void {
    if (!this.#records.take(nowMs, records.length)) {
      throw new TransportError(
        'ERR_PEER_PROTOCOL',
        `peer sent more than ${MAX_CONTROL_PER_SECOND} control records per second`,
      )
    }
    const tags = records.reduce(
      (sum, record) => sum + ('tags' in record ? record.tags.length : 0),
      0,
    )
    if (!this.#tags.take(nowMs, tags)) {
      throw new TransportError(
        'ERR_PEER_PROTOCOL',
        `peer named more than ${MAX_TAGS_PER_SECOND} topics per second`,
      )
    }
  }

  #handleAll(records: readonly ControlRecord[]): ExchangeEffect[] {
    const effects: ExchangeEffect[] = []
    for (const record of records) {
      effects.push(...this.#handle(record))
      if (effects.at(-1)?.type === 'end') break
    }
    return effects
  }

  #handle(record: ControlRecord): ExchangeEffect[] {
    if (record.kind === 'hello') return this.#hello(record.nonce)
    if (record.kind === 'bye') return byeToEffects(record.reason)
    if (!this.hasHello)
      throw new TransportError('ERR_PEER_PROTOCOL', 'peer did not begin with a hello')
    if (record.kind === 'other') return []
    const isJoin = record.kind === 'join'
    return record.tags.flatMap((bytes) => {
      const tag = topicToHex(bytes)
      return isJoin ? this.#peerJoined(tag) : this.#peerLeft(tag)
    })
  }

  #hello(nonce: Uint8Array): ExchangeEffect[] {
    if (this.hasHello) throw new TransportError('ERR_PEER_PROTOCOL', 'peer sent a second hello')
    this.#peerContext = tagContext(this.#init.peer, this.#init.self, nonce)
    return [...this.#joined].flatMap(([hex, topic]) => this.#expect(hex, topic))
  }

  #peerJoined(tag: string): ExchangeEffect[] {
    if (!this.#peerTags.has(tag) && this.#peerTags.size >= MAX_TOPICS) {
      throw new TransportError(
        'ERR_LIMIT',
        `peer joined more than ${MAX_TOPICS} topics (MAX_TOPICS)`,
      )
    }
    this.#peerTags.add(tag)
    const hex = this.#topicsByTag.get(tag)
    return hex === undefined ? [] : this.#share(hex)
  }

  #peerLeft(tag: string): ExchangeEffect[] {
    this.#peerTags.delete(tag)
    const hex = this.#topicsByTag.get(tag)
    return hex === undefined ? [] : this.#unshare(hex)
  }

  takeUpdate(): Uint8Array | undefined {
    const left = missing(this.#told, this.#joined).slice(0, MAX_TAGS_PER_UPDATE)
    for (const [hex] of left) this.#told.delete(hex)
    const joined = missing(this.#joined, this.#told).slice(0, MAX_TAGS_PER_UPDATE - left.length)
    for (const [hex, topic] of joined) this.#told.set(hex, topic)
    const records = [
      ...(this.#isHelloSent ? [] : [{ kind: 'hello', nonce: this.#init.nonce } as const]),
      // Leaving first: the peer's table never has to hold more than MAX_TOPICS.
      ...this.#tagRecord('leave', left),
      ...this.#tagRecord('join', joined),
    ]
    this.#isHelloSent = true
    return records.length === 0 ? undefined : encodeControl(records)
  }

  #tagRecord(
    kind: 'join' | 'leave',
    topics: readonly (readonly [string, Topic])[],
  ): { readonly kind: 'join' | 'leave'; readonly tags: Uint8Array[] }[] {
    if (topics.length === 0) return []
    return [{ kind, tags: topics.map(([, topic]) => blindTopic(topic, this.#ownContext)) }]
  }
}

/** The topics of `one` that `other` does not have. */
function missing(
  one: ReadonlyMap<string, Topic>,
  other: ReadonlyMap<string, Topic>,
): [string, Topic][] {
  return [...one].filter(([hex]) => !other.has(hex))
}

/** Sender's key, receiver's key, sender's nonce: 96 bytes. */
function tagContext(sender: PeerId, receiver: PeerId, nonce: Uint8Array): Uint8Array {
  const context = new Uint8Array(96)
  context.set(hexToBytes(sender))
  context.set(hexToBytes(receiver), 32)
  context.set(nonce, 64)
  return context
}

/** A peer id's bytes; its form has been checked by whoever proved it. */
function hexToBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  )
}

function byeToEffects(reason: ByeReason): ExchangeEffect[] {
  // A peer that leaves closes its link right after; that is a clean end.
  if (reason === 'leaving') return []
  return [{ type: 'end', error: byeErrors[reason]() }]
}

const byeErrors: Readonly<Record<Exclude<ByeReason, 'leaving'>, () => TransportError>> = {
  'no-shared-topic': () =>
    new TransportError('ERR_NO_SHARED_TOPIC', 'peer closed: the two ends share no topic', {
      hint: 'join the same topic on both ends',
    }),
  limit: () => new TransportError('ERR_LIMIT', 'peer closed: one of its limits is reached'),
  protocol: () =>
    new TransportError('ERR_PEER_PROTOCOL', 'peer closed: it says we broke the protocol'),
}

function endFor(error: unknown): ExchangeEffect {
  if (!isTransportError(error)) throw error
  return { type: 'end', error, bye: error.code === 'ERR_LIMIT' ? 'limit' : 'protocol' }
}
