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
import { hkdfSha256, hmacSha256 } from '@vudo/identity'
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
  /** What the peer has to show, as {@link textOf} writes it. */
  readonly expected: string
}

/** The membership of one session. */
export class Membership {
  readonly #init: MembershipInit
  readonly #joined = new Map<string, JoinedDatabase>()
  readonly #shared = new Set<string>()
  /** Shared databases by the proof of the peer. Of two that have one secret, the first joined. */
  #sharedByProof: ReadonlyMap<string, string> = new Map()
  /** Every proof that the peer shows, matched or not: a database that is joined later may match. */
  #theirs: ReadonlySet<string> = new Set()

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
    return this.#sharedByProof.get(textOf(proof))
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

  /**
   * The peer shows its proofs, all of them.
   *
   * @param proofs - Copied.
   */
  show(proofs: readonly Uint8Array[]): MembershipChange {
    this.#theirs = new Set(proofs.map((proof) => textOf(proof)))
    return this.#compare()
  }

  #add({ id, key }: DatabaseKey): void {
    this.#joined.set(id, {
      own: membershipProof(key, this.#init, true),
      expected: textOf(membershipProof(key, this.#init, false)),
    })
  }

  #compare(): MembershipChange {
    const shared: string[] = []
    const unshared = [...this.#shared].filter((id) => !this.#isProven(this.#joined.get(id)))
    for (const id of unshared) this.#shared.delete(id)
    for (const [id, joined] of this.#joined) {
      if (this.#shared.has(id) || !this.#isProven(joined)) continue
      this.#shared.add(id)
      shared.push(id)
    }
    const sharedNow = [...this.#joined].filter(([id]) => this.#shared.has(id))
    this.#sharedByProof = new Map(
      sharedNow.toReversed().map(([id, { expected }]) => [expected, id]),
    )
    return { shared, unshared }
  }

  #isProven(joined: JoinedDatabase | undefined): boolean {
    return joined !== undefined && this.#theirs.has(joined.expected)
  }
}

/**
 * A proof as a key of maps, one character per byte. A map compares bytes only after the
 * hashes of both keys agree, and the engine seeds these with a secret of the process: how
 * long a look-up takes does not tell how many bytes of a guess were right.
 */
function textOf(proof: Uint8Array): string {
  return String.fromCharCode(...proof)
}
