/**
 * Who may have a session with this node: the lists of its owner, and what peers have
 * done lately. Pure: the time is an argument.
 *
 * A peer that breaks the session protocol is not talked to for a minute, and twice as
 * long each time it does it again, up to an hour: it costs that peer and nobody else.
 * One that comes and goes over and over is slowed down, because each hello costs two
 * signatures' worth of work.
 */
import { createTokenBucket, type TokenBucket } from '@vudo/swarm'
import { isPeerId, type PeerId } from '@vudo/transport'
import { NetworkError } from './errors.ts'
import {
  BAN_FIRST_MS,
  BAN_MAX_MS,
  HANDSHAKES_PER_PEER_AND_SECOND,
  MAX_JUDGED_PEERS,
} from './limits.ts'

/** The owner's lists, by peer id. Who is on both is blocked. */
export interface PeerLists {
  /**
   * Only these may have a session.
   *
   * @defaultValue everybody who has a common database
   */
  readonly allow?: readonly PeerId[] | undefined
  /**
   * These may not.
   *
   * @defaultValue nobody
   */
  readonly block?: readonly PeerId[] | undefined
}

interface Record {
  faults: number
  bannedUntilMs: number
  readonly handshakes: TokenBucket
}

/** One per network. */
export class Admission {
  #allow: ReadonlySet<PeerId> | undefined
  #block: ReadonlySet<PeerId>
  readonly #records = new Map<PeerId, Record>()

  constructor(lists: PeerLists) {
    this.#allow = lists.allow && new Set(checked('allow', lists.allow))
    this.#block = new Set(checked('block', lists.block ?? []))
  }

  /** The lists as they are. */
  get lists(): PeerLists {
    return { allow: this.#allow && [...this.#allow], block: [...this.#block] }
  }

  /** Replaces both lists. @throws `NetworkError` `ERR_NETWORK_OPTION` for what is no peer id. */
  setLists(lists: PeerLists): void {
    const { allow, block = [] } = lists
    const allowed = allow && new Set(checked('allow', allow))
    this.#block = new Set(checked('block', block))
    this.#allow = allowed
  }

  /** Why there may be no session with the peer now; `undefined` when there may. */
  refusal(peerId: PeerId, nowMs: number): NetworkError | undefined {
    if (this.#block.has(peerId) || this.#allow?.has(peerId) === false) {
      return new NetworkError('ERR_PEER_BLOCKED', `peer ${peerId} is not let in by the lists`, {
        hint: 'change the lists allow and block, if it should be',
      })
    }
    const untilMs = this.#records.get(peerId)?.bannedUntilMs ?? 0
    if (untilMs <= nowMs) return undefined
    const seconds = Math.ceil((untilMs - nowMs) / 1_000)
    return new NetworkError(
      'ERR_PEER_BLOCKED',
      `peer ${peerId} broke the protocol and is not talked to for ${seconds} s`,
      { hint: 'is its software damaged or modified? It may come back then' },
    )
  }

  /** Counts a handshake; false when the peer makes too many. */
  takeHandshake(peerId: PeerId, nowMs: number): boolean {
    return this.#record(peerId, nowMs).handshakes.take(nowMs)
  }

  /** The peer broke the protocol. */
  fault(peerId: PeerId, nowMs: number): void {
    const record = this.#record(peerId, nowMs)
    // Faults wear off: one that was long ago counts no more.
    if (nowMs > record.bannedUntilMs + BAN_MAX_MS) record.faults = 0
    record.bannedUntilMs = nowMs + Math.min(BAN_MAX_MS, BAN_FIRST_MS * 2 ** record.faults)
    record.faults = Math.min(30, record.faults + 1)
  }

  #record(peerId: PeerId, nowMs: number): Record {
    const record = this.#records.get(peerId) ?? {
      faults: 0,
      bannedUntilMs: -Infinity,
      handshakes: createTokenBucket(HANDSHAKES_PER_PEER_AND_SECOND, nowMs),
    }
    this.#records.delete(peerId)
    this.#records.set(peerId, record)
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= MAX_JUDGED_PEERS) break
      this.#records.delete(oldest)
    }
    return record
  }
}

function checked(name: string, list: readonly PeerId[]): readonly PeerId[] {
  if (Array.isArray(list) && list.every(isPeerId)) return list
  throw new NetworkError('ERR_NETWORK_OPTION', `${name} is no list of peer ids`, {
    hint: 'write each as 64 lower-case hex digits, as `vudo node` prints it',
  })
}
