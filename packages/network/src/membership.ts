/**
 * Which databases two peers share, and the proof of it.
 *
 * Each end shows one HMAC per database that it has joined. The key of the HMAC
 * comes from the database's secret and never from its topic, which the whole world
 * sees. The message names the prover's role, both hello nonces, the prover's key
 * and the verifier's, so a proof is worth nothing in another session, in the other
 * direction, or in somebody else's hands. Who does not hold the secret learns from
 * a proof only that there is one more database.
 *
 * An open database has no secret: its id takes that place, and everybody who knows
 * the id is a member.
 */
import { hkdfSha256, hmacSha256, timingSafeEqual } from '@vudo/identity'
import { concatBytes } from '@vudo/wire'
import { PROOF_BYTES } from './limits.ts'

const utf8 = new TextEncoder()
const secretInfo = utf8.encode('vudo/session/1/membership')
const openInfo = utf8.encode('vudo/session/1/open-membership')
const proofTag = utf8.encode('vudo/session-membership/1')

/** A database that this node has joined. */
export interface DatabaseKey {
  readonly id: string
  /** 32 bytes: what its proofs are made with. */
  readonly key: Uint8Array
}

/** Derives what proves membership of a database: HKDF-SHA-256 (RFC 5869) over its secret, or over its id when it is open. */
export function deriveDatabaseKey(id: string, secret: Uint8Array | undefined): DatabaseKey {
  const key =
    secret === undefined
      ? hkdfSha256(utf8.encode(id), { info: openInfo, length: PROOF_BYTES })
      : hkdfSha256(secret, { info: secretInfo, length: PROOF_BYTES })
  return { id, key }
}

/** Who proves what to whom. */
export interface MembershipInit {
  /** True on the side that sent the hello. */
  readonly isDialer: boolean
  readonly dialerNonce: Uint8Array
  readonly acceptorNonce: Uint8Array
  /** This node's 32-byte public key. */
  readonly self: Uint8Array
  /** The peer's 32-byte public key, proven by the connection. */
  readonly peer: Uint8Array
}

/** The proof that `prover` is a member; public for tests of attacks. */
export function membershipProof(key: Uint8Array, init: MembershipInit, isOwn: boolean): Uint8Array {
  const isProverDialer = init.isDialer === isOwn
  const [prover, verifier] = isOwn ? [init.self, init.peer] : [init.peer, init.self]
  const role = Uint8Array.of(0, isProverDialer ? 1 : 2)
  return hmacSha256(
    key,
    concatBytes(proofTag, role, init.dialerNonce, init.acceptorNonce, prover, verifier),
  )
}

/** What became shared and what ceased to be. */
export interface MembershipChange {
  readonly shared: readonly string[]
  readonly unshared: readonly string[]
}

interface JoinedDatabase {
  readonly own: Uint8Array
  readonly expected: Uint8Array
}

/** The membership of one session. */
export class Membership {
  readonly #init: MembershipInit
  readonly #joined = new Map<string, JoinedDatabase>()
  readonly #shared = new Set<string>()
  /** Every proof that the peer shows, matched or not: a database that is joined later may match. */
  #theirs: readonly Uint8Array[] = []

  constructor(init: MembershipInit, databases: readonly DatabaseKey[]) {
    this.#init = init
    for (const database of databases) this.#add(database)
  }

  /** Ids of the databases that both ends have proven to have. */
  get shared(): ReadonlySet<string> {
    return this.#shared
  }

  /** The proofs to show, one per joined database. */
  ownProofs(): Uint8Array[] {
    return [...this.#joined.values()].map(({ own }) => own)
  }

  /** The proof to open a channel with; `undefined` when the database was not joined. */
  ownProof(databaseId: string): Uint8Array | undefined {
    return this.#joined.get(databaseId)?.own
  }

  /** The shared database that a proof of the peer stands for. */
  databaseOf(proof: Uint8Array): string | undefined {
    for (const id of this.#shared) {
      const joined = this.#joined.get(id)
      if (joined !== undefined && timingSafeEqual(joined.expected, proof)) return id
    }
    return undefined
  }

  /** This node joined a database. */
  join(database: DatabaseKey): MembershipChange {
    this.#add(database)
    return this.#compare()
  }

  /** This node left a database. */
  leave(databaseId: string): MembershipChange {
    this.#joined.delete(databaseId)
    return this.#compare()
  }

  /** The peer shows its proofs, all of them. */
  show(proofs: readonly Uint8Array[]): MembershipChange {
    this.#theirs = proofs
    return this.#compare()
  }

  #add({ id, key }: DatabaseKey): void {
    this.#joined.set(id, {
      own: membershipProof(key, this.#init, true),
      expected: membershipProof(key, this.#init, false),
    })
  }

  #compare(): MembershipChange {
    const shared: string[] = []
    const unshared = [...this.#shared].filter((id) => !this.#isProven(id))
    for (const id of unshared) this.#shared.delete(id)
    for (const id of this.#joined.keys()) {
      if (this.#shared.has(id) || !this.#isProven(id)) continue
      this.#shared.add(id)
      shared.push(id)
    }
    return { shared, unshared }
  }

  /** Compares in constant time: how long it takes must not tell how close a guess was. */
  #isProven(databaseId: string): boolean {
    const joined = this.#joined.get(databaseId)
    if (joined === undefined) return false
    return this.#theirs.some((proof) => timingSafeEqual(joined.expected, proof))
  }
}
