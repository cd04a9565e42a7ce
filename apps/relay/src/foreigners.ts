/**
 * Members of the other relays, and what this relay tells them of its own. With the memory
 * back-plane there are none, and nothing here costs anything.
 */
import { memoryBackPlane, type BackPlane } from './back-plane.ts'
import {
  decodeBusMessages,
  encodeBusReset,
  encodeDataHead,
  encodeEntered,
  encodeHere,
  encodeLeft,
  encodeWho,
  type BusMessage,
  type ToldMember,
} from './bus-messages.ts'
import type { Client } from './core.ts'
import { LEASE_MS, LEASE_REFRESH_MS, MAX_REMOTE_MEMBERS } from './limits.ts'
import type { Member, Topic } from './members.ts'
import {
  bytesToLatin1,
  encodeGone,
  encodeMembers,
  latin1ToBytes,
  resetReasons,
  type ResetReason,
} from './wire.ts'

/** The way of one pair to another relay. */
export interface Route {
  readonly subject: string
  /** Stands before each frame. */
  readonly head: Uint8Array
}

/** What it needs of the relay around it. */
export interface ForeignersInit {
  readonly bus: BackPlane
  readonly relayId: Uint8Array
  readonly nowMs: () => number
  readonly topics: ReadonlyMap<string, Topic>
  readonly clients: ReadonlyMap<string, Client>
  /** False when the two share no topic. */
  readonly deliver: (client: Client, from: string, frame: Uint8Array) => boolean
  readonly reset: (client: Client, from: Uint8Array, reason: ResetReason) => void
  /** The client has come to another relay since. */
  readonly replace: (client: Client) => void
}

/** Makes an empty table. */
export function createForeigners(init: ForeignersInit): Foreigners {
  return new ForeignTable(init)
}

/** See {@link createForeigners}. */
export type Foreigners = ForeignTable

class ForeignTable {
  readonly #init: ForeignersInit
  readonly #self: string
  readonly #isAlone: boolean
  readonly #members = new Map<string, Member & { readonly relay: string }>()
  /** Clients here by the end point elsewhere with whom they talk: a lost relay must not cost a walk over all. */
  readonly #talkers = new Map<string, Set<Client>>()
  #repeatedMs = 0

  constructor(init: ForeignersInit) {
    this.#init = init
    this.#self = bytesToLatin1(init.relayId)
    this.#isAlone = init.bus === memoryBackPlane
  }

  /** Begins to take what others send to this client. A relay that still has an earlier one lets go of it. */
  listenFor({ endpoint, endpointBytes }: Client): void {
    if (this.#isAlone) return
    void this.#init.bus.subscribe(endpointSubject(endpoint))
    const message = encodeEntered(this.#init.relayId, endpointBytes)
    this.#init.bus.publish(endpointSubject(endpoint), message)
  }

  stopListeningFor(client: Client): void {
    // Not when another connection has taken its place.
    if (this.#isAlone || this.#init.clients.has(client.endpoint)) return
    this.#init.bus.unsubscribe(endpointSubject(client.endpoint))
  }

  /** Asks the other relays who is there. @returns False when there are none; else `onAsked` is called. */
  ask(topic: Topic, onAsked: () => void): boolean {
    if (this.#isAlone) return false
    void this.#ask(topic, onAsked)
    return true
  }

  async #ask(topic: Topic, onAsked: () => void): Promise<void> {
    await this.#init.bus.subscribe(topicSubject(topic.name))
    // Those who joined meanwhile are told of again: before, nobody's answer would have come.
    this.#tell(topic)
    this.#publish(topic, encodeWho(this.#init.relayId, latin1ToBytes(topic.name)))
    onAsked()
  }

  forget(topic: Topic): void {
    if (this.#isAlone) return
    for (const { member } of topic.members.values()) this.#drop(topic, member)
    this.#init.bus.unsubscribe(topicSubject(topic.name))
  }

  joined(topic: Topic, { endpointBytes }: Client, isListed: boolean): void {
    if (this.#isAlone) return
    const members = [{ endpoint: endpointBytes, isListed }]
    this.#publish(topic, encodeHere(this.#init.relayId, latin1ToBytes(topic.name), members))
  }

  left(topic: Topic, { endpointBytes }: Client): void {
    if (this.#isAlone) return
    const name = latin1ToBytes(topic.name)
    this.#publish(topic, encodeLeft(this.#init.relayId, name, [endpointBytes]))
  }

  /** A pair with an end point of another relay begins. @returns What all frames of it need. */
  talks(client: Client, to: string): Route {
    const clients = this.#talkers.get(to) ?? new Set()
    this.#talkers.set(to, clients.add(client))
    const head = encodeDataHead(this.#init.relayId, client.endpointBytes)
    return { subject: endpointSubject(to), head }
  }

  /** A pair has ended. */
  stops(client: Client, to: string): void {
    const clients = this.#talkers.get(to)
    if (clients?.delete(client) && clients.size === 0) this.#talkers.delete(to)
  }

  /** Passes a send frame on. @returns False when it could not be handed over. */
  send({ subject, head }: Route, frame: Uint8Array): boolean {
    return this.#init.bus.publish(subject, head, frame)
  }

  reset(to: Member, { endpointBytes: from }: Member, reason: ResetReason): void {
    const message = encodeBusReset(this.#init.relayId, { to: to.endpointBytes, from }, reason)
    // A back-plane that is away loses it; the gap that follows says the same.
    this.#init.bus.publish(endpointSubject(to.endpoint), message)
  }

  /** Tells everything again and asks again. */
  repeat(): void {
    if (this.#isAlone) return
    this.#repeatedMs = this.#init.nowMs()
    for (const topic of this.#init.topics.values()) {
      this.#tell(topic)
      this.#publish(topic, encodeWho(this.#init.relayId, latin1ToBytes(topic.name)))
    }
  }

  sweep(): void {
    if (this.#isAlone) return
    const nowMs = this.#init.nowMs()
    if (nowMs - this.#repeatedMs >= LEASE_REFRESH_MS) {
      this.#repeatedMs = nowMs
      for (const topic of this.#init.topics.values()) this.#tell(topic)
    }
    for (const member of this.#members.values()) {
      if ((member.leaseEndsMs ?? 0) <= nowMs) this.#dropEverywhere(member)
    }
  }

  onMessage(bytes: Uint8Array): void {
    for (const message of decodeBusMessages(bytes)) {
      if (message.relay !== this.#self) this.#take(message)
    }
  }

  #take(message: BusMessage): void {
    if (message.kind === 'data' || message.kind === 'reset') return this.#onPairMessage(message)
    if (message.kind === 'entered') {
      const earlier = this.#init.clients.get(message.endpoint)
      return earlier && this.#init.replace(earlier)
    }
    const topic = this.#init.topics.get(message.topic)
    if (!topic) return
    if (message.kind === 'who') this.#tell(topic)
    else if (message.kind === 'here') this.#onHere(topic, message.relay, message.members)
    else for (const endpoint of message.endpoints) this.#onLeft(topic, message.relay, endpoint)
  }

  #onPairMessage(message: Extract<BusMessage, { readonly kind: 'data' | 'reset' }>): void {
    const client = this.#init.clients.get(message.to)
    if (message.kind === 'data' && client) {
      if (this.#init.deliver(client, message.from, message.frame)) return
    }
    const from = latin1ToBytes(message.from)
    if (message.kind === 'reset') {
      // Of a relay that it has left: what it had there is over, and what it has now goes on.
      const isFromOld = (this.#members.get(message.from)?.relay ?? message.relay) !== message.relay
      if (client && !isFromOld) this.#init.reset(client, from, message.reason)
      return
    }
    const pair = { to: from, from: latin1ToBytes(message.to) }
    const answer = encodeBusReset(this.#init.relayId, pair, resetReasons.unknown)
    this.#init.bus.publish(endpointSubject(message.from), answer)
  }

  #onHere(topic: Topic, relay: string, told: readonly ToldMember[]): void {
    const appeared: Uint8Array[] = []
    for (const { endpoint, isListed } of told) {
      // Connected here as well: a client that has moved, whose old relay has not noticed yet.
      if (this.#init.clients.has(endpoint)) continue
      const member = this.#member(endpoint, relay)
      if (member && topic.set(member, isListed, false) === 'appeared') {
        appeared.push(member.endpointBytes)
      }
    }
    if (appeared.length === 0) return
    const [first] = appeared
    const self = this.#members.get(bytesToLatin1(first ?? new Uint8Array()))
    if (self) topic.tellWatching(encodeMembers(topic.name, false, appeared), self)
  }

  #member(endpoint: string, relay: string): Member | undefined {
    const leaseEndsMs = this.#init.nowMs() + LEASE_MS
    const known = this.#members.get(endpoint)
    if (known?.relay === relay) {
      known.leaseEndsMs = leaseEndsMs
      return known
    }
    // It came back at another relay: what it had with the old one is over.
    if (known) this.#dropEverywhere(known)
    if (this.#members.size >= MAX_REMOTE_MEMBERS) return undefined
    const endpointBytes = latin1ToBytes(endpoint)
    const member = { endpoint, endpointBytes, relay, leaseEndsMs, memberships: new Map() }
    this.#members.set(endpoint, member)
    return member
  }

  #onLeft(topic: Topic, relay: string, endpoint: string): void {
    const member = this.#members.get(endpoint)
    if (member?.relay === relay) this.#drop(topic, member)
  }

  #dropEverywhere(member: Member): void {
    for (const { topic } of member.memberships.values()) this.#drop(topic, member)
    this.#members.delete(member.endpoint)
    for (const client of this.#talkers.get(member.endpoint) ?? []) {
      this.#init.reset(client, member.endpointBytes, resetReasons.gone)
    }
  }

  #drop(topic: Topic, member: Member): void {
    if (member.tell) return
    if (topic.delete(member)) {
      topic.tellWatching(encodeGone(topic.name, [member.endpointBytes]), member)
    }
    if (member.memberships.size === 0) this.#members.delete(member.endpoint)
  }

  /** Tells the other relays of the members here. */
  #tell(topic: Topic): void {
    const members = [...topic.members.values()]
      .filter(({ member }) => member.tell)
      .map(({ member, isListed }) => ({ endpoint: member.endpointBytes, isListed }))
    const name = latin1ToBytes(topic.name)
    // Far below what a back-plane takes at once.
    for (let at = 0; at < members.length; at += membersPerMessage) {
      const some = members.slice(at, at + membersPerMessage)
      this.#publish(topic, encodeHere(this.#init.relayId, name, some))
    }
  }

  #publish(topic: Topic, message: Uint8Array): void {
    // What is lost is repeated after the gap.
    this.#init.bus.publish(topicSubject(topic.name), message)
  }
}

const membersPerMessage = 1_000

function topicSubject(topic: string): string {
  return `t.${Buffer.from(topic, 'latin1').toString('hex')}`
}

function endpointSubject(endpoint: string): string {
  const hex = Buffer.from(endpoint, 'latin1').toString('hex')
  return `k.${hex.slice(0, 64)}.${hex.slice(64)}`
}
