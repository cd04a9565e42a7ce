/** Capabilities as an application sees them: one's own, and who else has some. */
import { createEventHub, type EventHub } from '@vudo/events'
import type { PeerId } from '@vudo/transport'
import { isGossipError } from '../errors.ts'
import type { Gossip, GossipMessage, GossipTopic } from '../gossip.ts'
import { MAX_ANNOUNCED_PROTOCOL_BYTES, MAX_ANNOUNCED_PROTOCOLS } from '../limits.ts'
import { followTopic } from '../topic-reach.ts'
import { WakeTimer } from '../wake-timer.ts'
import { CapabilityBook, type CapabilityEffect, type CapabilityInput } from './capability-book.ts'
import { decodeCapabilities, encodeCapabilities, type Capabilities } from './capability-wire.ts'

/** Where capabilities are announced. */
export const CAPABILITIES_TOPIC = 'vudo/capabilities/1'

/** What can be asked for: something that a peer offers, or a protocol by its name, which begins with `/`. */
export type CapabilityName = 'relay' | 'blobs' | 'storage' | 'unmetered' | `/${string}`

/** What the book tells, by name. */
export interface CapabilityEvents {
  /** A peer can do something else than before; `undefined` when it has gone or fallen silent. */
  'peer:capabilities': {
    readonly peerId: PeerId
    readonly capabilities: Capabilities | undefined
  }
}

/** What the members of a database say that they can do. */
export interface CapabilityDirectory extends AsyncDisposable {
  /** What this node says of itself. */
  readonly own: Capabilities
  /** Announcements that were malformed. */
  readonly ignored: number
  readonly events: EventHub<CapabilityEvents>
  /**
   * Says something else from now on; fields that are left out stay.
   *
   * @throws `RangeError` for too many or too long protocols, or a wrong number of bytes.
   */
  set(capabilities: Partial<Capabilities>): void
  /** What a peer has said, while it holds. */
  of(peerId: PeerId): Capabilities | undefined
  /** Who has said that, the last one first; peers without a metered connection before others. */
  peersWith(name: CapabilityName): readonly PeerId[]
  /** Takes back what was said. Idempotent. */
  close(): Promise<void>
}

/** What {@link createCapabilityDirectory} takes. */
export interface CapabilityDirectoryInit {
  /** Stays the caller's. */
  readonly gossip: Gossip
  /** What to say first. @defaultValue nothing: no protocol, no relay, no blobs, no storage, not metered */
  readonly capabilities?: Partial<Capabilities> | undefined
  /** A clock that never goes back, in milliseconds. @defaultValue `performance.now` */
  readonly now?: (() => number) | undefined
  /** From 0 to below 1, for moments. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined
}

/**
 * Begins to announce what this node can do, and to listen to others.
 *
 * @throws as {@link CapabilityDirectory.set}; `GossipError` as `Gossip.join`.
 */
export function createCapabilityDirectory(init: CapabilityDirectoryInit): CapabilityDirectory {
  return new Directory(init)
}

const nothing: Capabilities = {
  protocols: [],
  relay: false,
  blobs: false,
  storageBytes: 0,
  metered: false,
}

class Directory implements CapabilityDirectory {
  readonly events: EventHub<CapabilityEvents> = createEventHub<CapabilityEvents>()
  readonly #topic: GossipTopic
  readonly #book: CapabilityBook
  readonly #timer: WakeTimer
  readonly #stop: () => void
  readonly #now: () => number
  #publishing: Promise<unknown> = Promise.resolve()
  #ignored = 0
  #closing: Promise<void> | undefined

  constructor({ gossip, capabilities, now, random }: CapabilityDirectoryInit) {
    this.#now = now ?? (() => performance.now())
    const own = checked({ ...nothing, ...capabilities })
    this.#book = new CapabilityBook(own, random ?? (() => Math.random()), this.#now())
    this.#timer = new WakeTimer(this.#now, () => this.#handle({ type: 'tick' }))
    this.#topic = gossip.join(CAPABILITIES_TOPIC)
    this.#stop = followTopic(gossip, this.#topic, {
      onMessage: (message) => this.#receive(message),
      onReach: () => this.#handle({ type: 'reached' }),
    })
    this.#handle({ type: 'tick' })
  }

  get own(): Capabilities {
    return this.#book.own
  }

  get ignored(): number {
    return this.#ignored
  }

  set(capabilities: Partial<Capabilities>): void {
    this.#handle({ type: 'set', capabilities: checked({ ...this.own, ...capabilities }) })
  }

  of(peerId: PeerId): Capabilities | undefined {
    return this.#book.of(peerId, this.#now())
  }

  peersWith(name: CapabilityName): readonly PeerId[] {
    const nowMs = this.#now()
    const able = [...this.#book.all].filter(
      ([peerId, capabilities]) => this.#book.of(peerId, nowMs) && has(capabilities, name),
    )
    // Sorting keeps the order of equals: the last heard first.
    return able
      .toReversed()
      .toSorted(([, a], [, b]) => Number(a.metered) - Number(b.metered))
      .map(([peerId]) => peerId)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#timer.close()
    for (const effect of this.#book.handle({ type: 'leave' }, this.#now())) this.#do(effect)
    await this.#publishing
    this.#stop()
    this.#topic.leave()
    this.events.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #receive({ author, sequence, bytes }: GossipMessage): void {
    try {
      this.#handle({ type: 'message', author, sequence, message: decodeCapabilities(bytes) })
    } catch (error) {
      if (!isGossipError(error)) throw error
      // The author's fault, which costs nobody else anything.
      this.#ignored += 1
    }
  }

  #handle(input: CapabilityInput): void {
    if (this.#closing) return
    const effects = this.#book.handle(input, this.#now())
    this.#timer.set(this.#book.wakeAtMs)
    for (const effect of effects) this.#do(effect)
  }

  #do(effect: CapabilityEffect): void {
    if (effect.type === 'changed') {
      const { peerId, capabilities } = effect
      this.events.publish('peer:capabilities', { peerId, capabilities })
      return
    }
    // Best effort: the next announcement makes good what does not go out now.
    this.#publishing = this.#topic.publish(encodeCapabilities(effect.message)).catch(onlyGossip)
  }
}

function has(capabilities: Capabilities, name: CapabilityName): boolean {
  if (name === 'relay') return capabilities.relay
  if (name === 'blobs') return capabilities.blobs
  if (name === 'storage') return capabilities.storageBytes > 0
  if (name === 'unmetered') return !capabilities.metered
  return capabilities.protocols.includes(name)
}

function checked(capabilities: Capabilities): Capabilities {
  const { protocols, storageBytes } = capabilities
  if (protocols.length > MAX_ANNOUNCED_PROTOCOLS) {
    throw new RangeError(
      `${protocols.length} protocols, expected at most ${MAX_ANNOUNCED_PROTOCOLS}`,
    )
  }
  for (const name of protocols) {
    const bytes = new TextEncoder().encode(name).length
    if (bytes > 0 && bytes <= MAX_ANNOUNCED_PROTOCOL_BYTES) continue
    throw new RangeError(
      `protocol has ${bytes} bytes, expected 1 to ${MAX_ANNOUNCED_PROTOCOL_BYTES}`,
    )
  }
  if (!Number.isSafeInteger(storageBytes) || storageBytes < 0) {
    throw new RangeError(`storageBytes is ${storageBytes}, expected a whole number from 0 on`)
  }
  // In one order of fields, so that equal ones have equal bytes.
  const { relay, blobs, metered } = capabilities
  return { protocols: [...protocols], relay, blobs, storageBytes, metered }
}

function onlyGossip(error: unknown): void {
  if (!isGossipError(error)) throw error
}
