import type { ActorOrigin, ActorProof } from './authorship.ts'

const noProofs = new Map<string, ActorProof>()
const noActors = new Set<string>()

/** A change of an actor of our own that nobody has needed a proof of, and what the actor derives from. */
export interface UnsignedChange {
  readonly hash: string
  readonly nonce: Uint8Array
}

/** The proof of each actor's newest change in one document, and which of them are in no write yet. */
export class ProofBook {
  /** Empty while the document is closed, as most documents are: all of these share one. */
  #proofs: Map<string, ActorProof> = noProofs
  #unwritten: Set<string> = noActors
  #isComplete = false
  /** Of this run's actor and of those of linked threads. */
  #unsigned: Map<string, UnsignedChange> | undefined

  /** True while an actor without a proof here has none in the store either. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The actors that have a proof here. */
  get actors(): readonly string[] {
    return [...this.#proofs.keys()]
  }

  /** All of them. */
  get all(): readonly ActorProof[] {
    return [...this.#proofs.values()]
  }

  /** How many wait for the next write. */
  get unwrittenCount(): number {
    return this.#unwritten.size
  }

  get(actor: string): ActorProof | undefined {
    return this.#proofs.get(actor)
  }

  /** The newest change of an actor, as far as it is proven or our own. */
  newestOf(actor: string): string | undefined {
    return this.#unsigned?.get(actor)?.hash ?? this.#proofs.get(actor)?.hash
  }

  /** The newest change of an actor of our own is to be signed when somebody needs it. */
  noteOwn(actor: string, change: UnsignedChange): void {
    this.#unsigned ??= new Map()
    this.#unsigned.set(actor, change)
  }

  /** Signs what is not signed. */
  signOwn(sign: (actor: string, change: UnsignedChange) => ActorProof): void {
    if (!this.#unsigned) return
    const proofs = [...this.#unsigned].map(([actor, change]) => sign(actor, change))
    this.#unsigned = undefined
    this.add(proofs)
  }

  /**
   * Takes what was read from the store. What came since may not be in the store yet: it stays.
   *
   * @param isAll - Nothing of it was damaged.
   */
  restore(stored: readonly ActorProof[], isAll: boolean): void {
    this.#isComplete = isAll
    const read = stored.map((proof) => [proof.actor, proof] as const)
    this.#proofs = new Map([...read, ...this.#proofs])
  }

  /** Whose an actor is, if that can be told for all its changes at once. */
  authorOf(actor: string): ActorOrigin | undefined {
    const proof = this.#proofs.get(actor)
    if (!proof?.nonce || proof.isImage) return undefined
    return { author: proof.author, nonce: proof.nonce }
  }

  /** Keeps proofs that came with changes. */
  add(proofs: readonly ActorProof[]): void {
    if (proofs.length === 0) return
    // The shared empty ones stay empty.
    if (this.#proofs === noProofs) this.#proofs = new Map()
    if (this.#unwritten === noActors) this.#unwritten = new Set()
    for (const proof of proofs) {
      this.#proofs.set(proof.actor, proof)
      this.#unwritten.add(proof.actor)
    }
  }

  /** Frees the memory of proofs that are stored. */
  release(): void {
    this.#proofs = noProofs
    this.#isComplete = false
  }

  /** Forgets all, also what is in no write yet. */
  clear(): void {
    this.release()
    this.#unwritten = noActors
  }

  /** What is in no write yet, for the next one. */
  takeUnwritten(): ActorProof[] {
    const proofs = [...this.#unwritten].flatMap((actor) => this.#proofs.get(actor) ?? [])
    this.#unwritten = noActors
    return proofs
  }
}
