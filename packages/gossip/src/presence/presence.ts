/** Presence as an application sees it: rooms over one topic of gossip. */
import { createEventHub, type EventHub } from '@vudo/events'
import { randomBytes } from '@vudo/identity'
import type { PeerId } from '@vudo/transport'
import { bytesToHex } from '@vudo/wire'
import { GossipError, isGossipError } from '../errors.ts'
import type { Gossip, GossipMessage, GossipTopic } from '../gossip.ts'
import { MAX_PRESENCE_ROOMS } from '../limits.ts'
import { followTopic } from '../topic-reach.ts'
import { WakeTimer } from '../wake-timer.ts'
import { Room, type PresentPeer, type RoomEffect, type RoomInput } from './room.ts'
import {
  decodePresence,
  decodeState,
  encodePresence,
  encodeState,
  INSTANCE_BYTES,
  roomOf,
  type PresenceState,
} from './wire.ts'

/** The topic that all members share: in one of its own, two who look at a document could not reach each other over others. */
export const PRESENCE_TOPIC = 'vudo/presence/1'

/** What a room tells, by name. */
export interface PresenceEvents {
  /** Somebody has come. */
  'presence:joined': PresenceEvent
  /** Somebody shows another state. */
  'presence:changed': PresenceEvent
  /** Somebody has gone: said so; or gave no sign for the time it named, or gave way in a full room. */
  'presence:left': PresenceEvent & { readonly reason: 'goodbye' | 'expired' }
}

/** Whom an event is about. */
export interface PresenceEvent {
  /** Of the room. */
  readonly path: string
  readonly peer: PresentPeer
}

/** This node in one room, and who else is there. */
export interface Presence extends AsyncDisposable {
  /** Of the document or space; empty for the whole database. */
  readonly path: string
  /** This entry among those of its peer: 16 characters of hex. */
  readonly instance: string
  /** What this node shows. */
  readonly state: PresenceState
  /** The others who are here, in the order of coming; at most `MAX_PRESENT_PEERS`. */
  readonly peers: readonly PresentPeer[]
  /** Messages of others that were not taken: old, too many, malformed, or of more peers than are shown. */
  readonly ignored: number
  /** What happens here. Ends with {@link leave}. */
  readonly events: EventHub<PresenceEvents>
  /**
   * Shows another state: the first at once, then at most 20 per second, and always the last.
   *
   * @param state - A plain object of JSON values, at most `MAX_STATE_BYTES` in CBOR. Copied.
   * @throws `TypeError` for something else; `GossipError` `ERR_GOSSIP_STATE_SIZE`,
   *   `ERR_GOSSIP_CLOSED` after {@link leave}.
   */
  set(state: PresenceState): void
  /** Says goodbye; settles when it was handed to neighbours. Idempotent. */
  leave(): Promise<void>
}

/** Rooms of one database. */
export interface PresenceRooms extends AsyncDisposable {
  /** Messages that were not taken because this node is not in their room, or that are malformed. */
  readonly ignored: number
  /**
   * Enters a room. A second call with the same path gives the same entry until it is left,
   * and shows `state` when one is given.
   *
   * @param path - As all who want to meet write it.
   * @throws as {@link Presence.set}; `GossipError` `ERR_GOSSIP_LIMIT` at `MAX_PRESENCE_ROOMS` rooms.
   */
  enter(path: string, state?: PresenceState): Presence
  /** Leaves every room and the topic. Idempotent. */
  close(): Promise<void>
}

/** What {@link createPresence} takes. */
export interface PresenceInit {
  /** Stays the caller's: close the rooms first, so that goodbyes are heard. */
  readonly gossip: Gossip
  /** This node. */
  readonly peerId: PeerId
  /** A clock that never goes back, in milliseconds. @defaultValue `performance.now` */
  readonly now?: (() => number) | undefined
  /** From 0 to below 1, for moments. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined
}

/**
 * Begins to take part in presence: who is where, and what each shows of itself.
 *
 * @throws `GossipError` as `Gossip.join`.
 */
export function createPresence(init: PresenceInit): PresenceRooms {
  return new Rooms(init)
}

class Rooms implements PresenceRooms {
  readonly #topic: GossipTopic
  readonly #stop: () => void
  readonly #now: () => number
  readonly #random: () => number
  readonly #peerId: PeerId
  readonly #roomsByName = new Map<string, Entered>()
  #ignored = 0
  #isClosed = false

  constructor({ gossip, peerId, now, random }: PresenceInit) {
    this.#peerId = peerId
    this.#now = now ?? (() => performance.now())
    this.#random = random ?? (() => Math.random())
    this.#topic = gossip.join(PRESENCE_TOPIC)
    this.#stop = followTopic(gossip, this.#topic, {
      onMessage: (message) => this.#receive(message),
      onReach: () => {
        for (const room of this.#roomsByName.values()) room.handle({ type: 'reached' })
      },
    })
  }

  get ignored(): number {
    return this.#ignored
  }

  enter(path: string, state?: PresenceState): Presence {
    if (this.#isClosed)
      throw new GossipError('ERR_GOSSIP_CLOSED', 'presence was closed', { hint: 'make a new one' })
    const name = roomOf(path)
    const present = this.#roomsByName.get(name)
    if (present !== undefined) {
      if (state !== undefined) present.set(state)
      return present
    }
    if (this.#roomsByName.size >= MAX_PRESENCE_ROOMS) {
      throw new GossipError('ERR_GOSSIP_LIMIT', `this node is in ${MAX_PRESENCE_ROOMS} rooms`, {
        hint: 'leave those that nobody looks at',
      })
    }
    const entered = new Entered(path, encodeState(state ?? {}), {
      name,
      peerId: this.#peerId,
      now: this.#now,
      random: this.#random,
      publish: (bytes) => this.#publish(bytes),
      onLeave: () => void this.#roomsByName.delete(name),
    })
    this.#roomsByName.set(name, entered)
    entered.handle({ type: 'tick' })
    return entered
  }

  /** Best effort: what does not go out now is made good by the next heartbeat. */
  async #publish(bytes: Uint8Array): Promise<void> {
    try {
      await this.#topic.publish(bytes)
    } catch (error) {
      if (!isGossipError(error)) throw error
    }
  }

  #receive({ author, sequence, bytes }: GossipMessage): void {
    try {
      const message = decodePresence(bytes)
      const room = this.#roomsByName.get(message.room)
      if (room === undefined) this.#ignored += 1
      else room.handle({ type: 'message', author, sequence, message })
    } catch (error) {
      if (!isGossipError(error)) throw error
      // The author's fault, which costs nobody else anything.
      this.#ignored += 1
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#roomsByName.values()].map((room) => room.leave()))
    this.#stop()
    this.#topic.leave()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** What an entered room needs of those who made it. */
interface Surroundings {
  readonly name: string
  readonly peerId: PeerId
  readonly now: () => number
  readonly random: () => number
  publish(bytes: Uint8Array): Promise<void>
  onLeave(): void
}

class Entered implements Presence {
  readonly path: string
  readonly instance: string = bytesToHex(randomBytes(INSTANCE_BYTES))
  readonly events: EventHub<PresenceEvents> = createEventHub<PresenceEvents>()
  readonly #around: Surroundings
  readonly #room: Room
  readonly #timer: WakeTimer
  readonly #publishing = new Set<Promise<void>>()
  #state: PresenceState
  #leaving: Promise<void> | undefined

  constructor(path: string, state: Uint8Array, around: Surroundings) {
    this.path = path
    this.#around = around
    this.#state = decodeState(state)
    const { name: room, peerId, now, random } = around
    this.#room = new Room({ room, peerId, instance: this.instance, state, random }, now())
    this.#timer = new WakeTimer(now, () => this.handle({ type: 'tick' }))
  }

  get state(): PresenceState {
    return this.#state
  }

  get peers(): readonly PresentPeer[] {
    return this.#leaving ? [] : this.#room.peers
  }

  get ignored(): number {
    return this.#room.ignored
  }

  set(state: PresenceState): void {
    if (this.#leaving)
      throw new GossipError('ERR_GOSSIP_CLOSED', 'the room was left', { hint: 'enter it again' })
    const bytes = encodeState(state)
    this.#state = decodeState(bytes)
    this.handle({ type: 'set', state: bytes })
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #leave(): Promise<void> {
    this.#around.onLeave()
    this.#timer.close()
    for (const effect of this.#room.handle({ type: 'leave' }, this.#around.now())) this.#do(effect)
    await Promise.all(this.#publishing)
    this.events.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  handle(input: RoomInput): void {
    const effects = this.#room.handle(input, this.#around.now())
    this.#timer.set(this.#room.wakeAtMs)
    for (const effect of effects) this.#do(effect)
  }

  #do(effect: RoomEffect): void {
    if (effect.type === 'publish') {
      const publishing = this.#around.publish(encodePresence(effect.message))
      this.#publishing.add(publishing)
      void publishing.finally(() => this.#publishing.delete(publishing))
      return
    }
    const { path } = this
    const { peer } = effect
    if (effect.type === 'left') {
      this.events.publish('presence:left', { path, peer, reason: effect.reason })
    } else this.events.publish(`presence:${effect.type}`, { path, peer })
  }
}
