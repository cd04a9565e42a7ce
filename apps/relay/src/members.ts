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
      if (wasListed === isListed) return undefined
      return isListed ? 'appeared' : 'vanished'
    }
    if (known) this.delete(known.member)
    const membership = { topic: this, member, isListed, isWatching, isLive: true }
    this.members.set(member.endpoint, membership)
    member.memberships.set(this.name, membership)
    if (member.tell) this.localCount += 1
    return isListed ? 'appeared' : undefined
  }

  /** @returns True when others had been told of it. */
  delete(member: Member): boolean {
    const membership = member.memberships.get(this.name)
    if (!membership) return false
    membership.isLive = false
    member.memberships.delete(this.name)
    if (this.members.get(member.endpoint) === membership) this.members.delete(member.endpoint)
    if (member.tell) this.localCount -= 1
    return membership.isListed
  }

  /** Those whom a newcomer is told of, itself left out. */
  listed(except: Member): Uint8Array[] {
    const endpoints: Uint8Array[] = []
    for (const { member, isListed } of this.members.values()) {
      if (!isListed || member === except) continue
      endpoints.push(member.endpointBytes)
      if (endpoints.length === MAX_TOLD_MEMBERS) break
    }
    return endpoints
  }

  /** Tells those here who watch. @returns How many. */
  tellWatching(frame: Uint8Array, except: Member): number {
    let told = 0
    for (const { member, isWatching } of this.members.values()) {
      if (!isWatching || !member.tell || member === except) continue
      member.tell(frame)
      told += 1
      if (told === MAX_TOLD_MEMBERS) break
    }
    return told
  }
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
