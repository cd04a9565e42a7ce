/**
 * Who is in which topic. A membership knows whether it still holds, so that whoever
 * remembers one (a pair that talks) sees its end without being told.
 */
import { MAX_TOLD_MEMBERS } from './limits.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

/** Somebody who can be in topics: a client of this relay, or of another one. */
export interface Member {
  /** 48 bytes as Latin-1. */
  readonly endpoint: string
  readonly endpointBytes: Uint8Array
  /** Its topics, by name; changed by {@link Topic} only. */
  readonly memberships: Map<string, Membership>
  /** Takes a frame of the relay; `undefined` for members of other relays. */
  readonly tell?: ((frame: Uint8Array) => void) | undefined
  /** For members of other relays: until when this counts. */
  leaseEndsMs?: number | undefined
}

/** One member in one topic. */
export interface Membership {
  readonly topic: Topic
  readonly member: Member
  isListed: boolean
  isWatching: boolean
  /** False once it has left. */
  isLive: boolean
}

/** A topic that at least one client of this relay has joined. */
export type Topic = TopicTable

/** Makes a topic without members; `name` is its 32 bytes as Latin-1. */
export function createTopic(name: string, bytesPerSecond: number, nowMs: number): Topic {
  return new TopicTable(name, bytesPerSecond, nowMs)
}

class TopicTable {
  /** 32 bytes as Latin-1. */
  readonly name: string
  readonly members: Map<string, Membership> = new Map()
  readonly bucket: TokenBucket
  /** Those who are told of, and those here who are told: who had a turn goes to the end. */
  readonly #listed = new Set<Membership>()
  readonly #watching = new Set<Membership>()
  /** True when the other relays have been asked and had time to answer. */
  isReady = false
  /** Members of this relay. */
  localCount = 0

  constructor(name: string, bytesPerSecond: number, nowMs: number) {
    this.name = name
    this.bucket = createTokenBucket(bytesPerSecond, nowMs)
  }

  /** @returns What changed for others: a listed member is new, or one is no longer listed. */
  set(member: Member, isListed: boolean, isWatching: boolean): 'appeared' | 'vanished' | undefined {
    const known = this.members.get(member.endpoint)
    if (known?.member === member) {
      const wasListed = known.isListed
      known.isListed = isListed
      known.isWatching = isWatching
      this.#sort(known)
      if (wasListed === isListed) return undefined
      return isListed ? 'appeared' : 'vanished'
    }
    if (known) this.delete(known.member)
    const membership = { topic: this, member, isListed, isWatching, isLive: true }
    this.members.set(member.endpoint, membership)
    this.#sort(membership)
    member.memberships.set(this.name, membership)
    if (member.tell) this.localCount += 1
    return isListed ? 'appeared' : undefined
  }

  #sort(membership: Membership): void {
    const { isListed, isWatching, isLive, member } = membership
    put(this.#listed, membership, isLive && isListed)
    put(this.#watching, membership, isLive && isWatching && member.tell !== undefined)
  }

  /** @returns True when others had been told of it. */
  delete(member: Member): boolean {
    const membership = member.memberships.get(this.name)
    if (!membership) return false
    membership.isLive = false
    this.#sort(membership)
    member.memberships.delete(this.name)
    if (this.members.get(member.endpoint) === membership) this.members.delete(member.endpoint)
    if (member.tell) this.localCount -= 1
    return membership.isListed
  }

  /** Those whom a newcomer is told of, itself left out; in a crowded topic the next one is told of others. */
  listed(except: Member): Uint8Array[] {
    return nextOf(this.#listed, except).map(({ endpointBytes }) => endpointBytes)
  }

  /** Tells those here who watch; in a crowded topic others each time. @returns How many. */
  tellWatching(frame: Uint8Array, except: Member): number {
    const told = nextOf(this.#watching, except)
    for (const { tell } of told) tell?.(frame)
    return told.length
  }
}

function put(set: Set<Membership>, membership: Membership, isIn: boolean): void {
  if (isIn) set.add(membership)
  else set.delete(membership)
}

/** Up to the limit, whoever waited longest first: nobody can hide the others by being there before them. */
function nextOf(set: Set<Membership>, except: Member): Member[] {
  const taken: Membership[] = []
  for (const membership of set) {
    if (taken.length === MAX_TOLD_MEMBERS) break
    if (membership.member !== except) taken.push(membership)
  }
  if (set.size > MAX_TOLD_MEMBERS) {
    for (const membership of taken) {
      set.delete(membership)
      set.add(membership)
    }
  }
  return taken.map(({ member }) => member)
}

/** The membership of `far` in a topic that `near` is in as well. */
export function sharedMembership(
  near: Member,
  far: string,
): { readonly mine: Membership; readonly theirs: Membership } | undefined {
  for (const mine of near.memberships.values()) {
    const theirs = mine.topic.members.get(far)
    if (theirs) return { mine, theirs }
  }
  return undefined
}
